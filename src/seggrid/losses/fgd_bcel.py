"""Focal generalised Dice with binary cross-entropy."""

from __future__ import annotations

from torch import Tensor

from seggrid.losses.base import Batch
from seggrid.losses.generalised_dice import GeneralisedDice
from seggrid.losses.overlap import mean_over, power
from seggrid.losses.pixel import BinaryCrossEntropy


class FocalGeneralisedDiceBCE(GeneralisedDice):
    """Focal generalised Dice plus binary cross-entropy (FGD-BCEL).

    Formula: L = mean over the images of GDL^(1/gamma) + weight_bce BCE, with GDL that of one image (with ``batch``
        that of the batch) as in ``generalised_dice`` and BCE as in ``bce``: of the softmax, each object against
        everything else.
    Source: our reading of Wen et al. 2023, doi 10.3389/fonc.2023.1204044, whose abstract gives the name only (focal
        generalised Dice-binary cross-entropy loss); the exponent follows Abraham & Khan 2019.
    Range: 0 to infinity.
    Units: GDL^(1/gamma) has none, BCE nats per pixel and object.
    Deviations: unknown, the formula is ours. MONAI's ``GeneralizedDiceFocalLoss`` is another: GDL plus a focal loss.
        Where GDL is below the rounding of the number type its power goes on as a straight line to 0, so the
        gradient is bounded at a perfect prediction. Absent classes as in ``generalised_dice``. With gamma = 1 and
        weight_bce = 0 it is ``generalised_dice``.

    Args:
        num_classes: C, background included.
        gamma: the exponent is its inverse; above 1 images that are nearly right still count.
        weight_bce: weight of the binary cross-entropy.
        weighting: weights of inverse ``square`` or ``simple`` area.
        batch: sum over the batch before dividing.
        background: count the background as a class of the generalised Dice.
        smooth: s, added to the weighted sums.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        gamma: float = 4 / 3,
        weight_bce: float = 1.0,
        weighting: str = "square",
        batch: bool = False,
        background: bool = True,
        smooth: float = 0.0,
    ) -> None:
        super().__init__(num_classes, weighting=weighting, batch=batch, background=background, smooth=smooth)
        self.gamma = gamma
        self.weight_bce = weight_bce
        self.bce = BinaryCrossEntropy(num_classes)

    def value(self, batch: Batch) -> Tensor:
        """Return the sum of both."""
        present, losses = self.of_images(batch)
        return mean_over(present, power(losses, 1 / self.gamma)) + self.weight_bce * self.bce.value(batch)
