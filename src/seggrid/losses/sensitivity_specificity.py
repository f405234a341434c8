"""Sensitivity-specificity loss."""

from __future__ import annotations

import torch
from torch import Tensor

from seggrid.losses import fused
from seggrid.losses.base import Batch, Loss


class SensitivitySpecificity(Loss):
    """Mean squared error inside the truth and outside of it, in a fixed ratio.

    Formula: L = mean over the (image, class) pairs of
        r sum_i (g - p)^2 g / (sum_i g + s) + (1 - r) sum_i (g - p)^2 (1 - g) / (sum_i (1 - g) + s), r being
        ``sensitivity``. ``batch``: the sums run over the whole batch before the division, and the mean over the
        classes.
    Source: Brosch et al. 2015 (deep convolutional encoder networks), who call r the sensitivity ratio.
    Range: 0 to 1.
    Units: none.
    Deviations: the paper has one object; the mean over classes is ours. An absent class has no first part, a class
        that fills the image no second; its other part counts, so that false positives have a gradient also without
        any truth. NiftyNet takes r = 0.05, SegLoss r = 0.1 and s = 1; both count the background.

    Args:
        num_classes: C, background included.
        sensitivity: r, share of the error inside the truth.
        batch: sum over the batch before dividing.
        background: count the background as a class.
        smooth: s, added to both denominators.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        sensitivity: float = 0.05,
        batch: bool = False,
        background: bool = False,
        smooth: float = 0.0,
    ) -> None:
        super().__init__(num_classes)
        self.sensitivity = sensitivity
        self.batch = batch
        self.background = background
        self.smooth = smooth

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over all pairs."""
        areas, images = batch.areas, len(batch.target)
        pixels = batch.target[0].numel()
        if self.batch:
            areas, pixels = areas.sum(0).expand_as(areas), pixels * images
        # At least 1: what has no pixel has no error either.
        inside = self.sensitivity / (areas.clamp_min(1) + self.smooth)
        outside = (1 - self.sensitivity) / ((pixels - areas).clamp_min(1) + self.smooth)
        weights = torch.stack([inside, outside])
        if not self.background:
            weights[..., 0] = 0
        total = fused.squared_error_sum(batch.logits, batch.probabilities, batch.target, weights[0], weights[1])
        counted = self.num_classes - (not self.background)
        return total / (counted if self.batch else counted * images)
