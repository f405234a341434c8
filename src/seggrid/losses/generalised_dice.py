"""Generalised Dice."""

from __future__ import annotations

import torch
from torch import Tensor

from seggrid.losses.base import Batch
from seggrid.losses.overlap import OverlapLoss, mean_over

_EXPONENTS = {"square": 2, "simple": 1}


class GeneralisedDice(OverlapLoss):
    """One Dice of all classes together, each weighted by its inverse area.

    Formula: L = mean over the images of 1 - (2 sum_c w_c TP_c + s) / (sum_c w_c (V_c + A_c) + s), with
        TP_c = sum_i p g, V_c = sum_i p, A_c = sum_i g and w_c = 1 / A_c^2, or 1 / A_c with
        ``weighting="simple"``. ``batch``: all sums, and the areas of the weights, run over the batch.
    Source: Sudre et al. 2017, GDL; the simple weights are NiftyNet's.
    Range: 0 to 1.
    Units: none.
    Deviations: a class that is absent from the image (with ``batch`` from the batch) weighs 0, so that it neither
        swallows the others nor is counted as one pixel large (our choice); its false positives count where they
        take probability from other classes. MONAI gives it the largest weight of the image, SegLoss and
        Kervadec et al. 1e20, with which the loss is 1 and without gradient. An image in which no counted class is
        present is left out. The weighted sums are of the size 1 / A_c, so the public smoothing of 1e-5 moves the
        loss by percents; here s is 0, because the denominator never is.

    Args:
        num_classes: C, background included.
        weighting: weights of inverse ``square`` or ``simple`` area.
        batch: sum over the batch before dividing.
        background: count the background as a class; without it and with one object it is ``dice``.
        smooth: s, added to the weighted sums.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        weighting: str = "square",
        batch: bool = False,
        background: bool = True,
        smooth: float = 0.0,
    ) -> None:
        super().__init__(num_classes, batch=batch, background=background, smooth=smooth)
        self.exponent = _EXPONENTS[weighting]

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over the images in which a class is present; 0 where there is none."""
        return mean_over(*self.of_images(batch))

    def of_images(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return whether a class is present, and the loss, (N,) of each image; scalars of the batch with ``batch``."""
        common, volumes, areas = self.sums(batch)
        present = areas > 0
        weights = torch.where(present, areas.clamp_min(1).pow(-self.exponent), torch.zeros_like(areas))
        total = volumes + areas
        wrong = (weights * (total - 2 * common)).sum(-1).clamp_min(0)
        some = present.any(-1)
        whole = torch.where(some, (weights * total).sum(-1) + self.smooth, torch.ones_like(wrong))
        return some, wrong / whole
