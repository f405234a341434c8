"""Soft Dice."""

from __future__ import annotations

from torch import Tensor

from seggrid.losses.overlap import OverlapLoss


class Dice(OverlapLoss):
    """Soft Dice over the classes that are present.

    Formula: L = mean over the (image, class) pairs with A_nc > 0 of
        1 - (2 sum_i p g + s) / (sum_i p + sum_i g + s); ``squared``: sum p^2 in place of sum p. ``batch``:
        the sums run over the whole batch before the division, and the mean over the classes present in it.
    Source: Milletari et al. 2016 (V-Net), ``squared``; Radillah et al. eq 1 with soft counts, linear; Chen
        et al. 2023 section 5 leaves absent classes out.
    Range: 0 to 1.
    Units: none.
    Deviations: MONAI counts an absent class as 1 - s / (sum p + s), smp as 0; here it is no term of the
        mean, and a batch without any object gives 0 with a gradient of 0. All present pairs weigh the same,
        so an image with more objects weighs more (our reading). The background counts with ``background``
        only.

    Args:
        num_classes: C, background included.
        squared: squared denominator.
        batch: sum over the batch before dividing.
        background: count the background as a class.
        smooth: s, added to numerator and denominator.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        squared: bool = False,
        batch: bool = False,
        background: bool = False,
        smooth: float = 1e-5,
    ) -> None:
        super().__init__(num_classes, batch=batch, background=background, smooth=smooth, squared=squared)

    def errors(self, common: Tensor, volumes: Tensor, areas: Tensor) -> Tensor:
        """Return 1 - Dice of each pair, written without the difference, which rounds near 0."""
        wrong = (volumes + areas - 2 * common).clamp_min(0)
        return wrong / (2 * common + wrong + self.smooth)
