"""Soft Jaccard."""

from __future__ import annotations

from torch import Tensor

from seggrid.losses.overlap import OverlapLoss


class Jaccard(OverlapLoss):
    """Soft Jaccard (intersection over union) over the classes that are present.

    Formula: L = mean over the (image, class) pairs with A_nc > 0 of 1 - (TP + s) / (TP + FP + FN + s), with
        TP = sum_i p g, FP = sum_i p (1 - g), FN = sum_i (1 - p) g. ``batch``: the sums run over the whole batch
        before the division, and the mean over the classes present in it.
    Source: Rahman & Wang 2016, IoU loss.
    Range: 0 to 1.
    Units: none.
    Deviations: an absent class is no term of the mean, where MONAI and SegLoss count it as 1 - s / (FP + s)
        and smp as 0; a batch without any object gives 0 with a gradient of 0. MONAI doubles numerator and
        denominator, so its smoothing is 2 s here. Equal to ``tversky`` with both weights 1.

    Args:
        num_classes: C, background included.
        batch: sum over the batch before dividing.
        background: count the background as a class.
        smooth: s, added to numerator and denominator.
    """

    def __init__(
        self, num_classes: int, *, batch: bool = False, background: bool = False, smooth: float = 1e-5
    ) -> None:
        super().__init__(num_classes, batch=batch, background=background, smooth=smooth)

    def errors(self, common: Tensor, volumes: Tensor, areas: Tensor) -> Tensor:
        """Return 1 - IoU of each pair, written without the difference, which rounds near 0."""
        wrong = (volumes + areas - 2 * common).clamp_min(0)
        return wrong / (common + wrong + self.smooth)
