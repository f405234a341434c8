"""Loss of the boundary branch of a multi-task network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seggrid.losses.base import Batch, Loss

#: Added to numerator and denominator of the Dice, in pixels.
_SMOOTH = 1e-5


class BoundaryBranch(Loss):
    """Binary cross-entropy plus Dice of the auxiliary output ``boundary``, on the voxels near a surface.

    Formula: L = mean_i BCE(q_i, b_i) + mean over the images with any b = 1 of
        1 - (2 sum_i q b + s) / (sum_i q + sum_i b + s), q the sigmoid of the branch. ``surface``: b_i = 1 where
        -r < phi_c(i) <= r for any object c, phi the signed distance of ``boundary``. ``interface``: b_i = 1 where
        phi_c(i) <= r for two objects c at least, in the gap between them and just inside of either.
    Source: Jin et al. 2025, whose abstract names the branch; target, form and weight are our reading.
    Range: 0 to infinity.
    Units: none.
    Deviations: unknown. An object that is absent, or fills the image, has no surface. An image without any b = 1
        has the cross-entropy alone.

    Args:
        num_classes: C, background included.
        region: ``surface`` or ``interface``.
        radius: r, in units of the smallest spacing.
    """

    def __init__(self, num_classes: int, *, region: str = "surface", radius: float = 2.0) -> None:
        super().__init__(num_classes)
        self.region, self.radius = region, radius

    def value(self, batch: Batch) -> Tensor:
        """Return the loss of the output ``boundary``, (N, 1, *S)."""
        output = batch.output("boundary")[:, 0]
        target = self.target(batch).to(output.dtype)
        entropy = F.binary_cross_entropy_with_logits(output, target)
        predicted = output.sigmoid().flatten(1)
        true = target.flatten(1)
        common, total = (predicted * true).sum(1), predicted.sum(1) + true.sum(1)
        missed = (total - 2 * common).clamp_min(0) / (total + _SMOOTH)
        shown = true.amax(1)
        return entropy + (missed * shown).sum() / shown.sum().clamp_min(1)

    def target(self, batch: Batch) -> Tensor:
        """Return b, (N, *S) bool."""
        distances = batch.map("signed_distance")[:, 1:]
        pixels = batch.target[0].numel()
        # The map of an object without a surface is 0 everywhere, which is no distance.
        surfaced = ((batch.areas > 0) & (batch.areas < pixels))[:, 1:]
        near = (distances <= self.radius) & surfaced.view(*surfaced.shape, *[1] * (distances.ndim - 2))
        if self.region == "interface":
            return near.sum(1) >= 2
        return torch.any(near & (distances > -self.radius), 1)
