"""Boundary loss."""

from __future__ import annotations

from torch import Tensor

from seggrid.losses import fused
from seggrid.losses.base import Batch, Loss


class Boundary(Loss):
    """Probability times signed distance to the true boundary.

    Formula: L = mean over images, objects and pixels of p_c phi_c; phi_c = d(i, G_c) outside the object,
        -(d(i, complement of G_c) - 1) inside.
    Source: Kervadec et al. 2019 (Boundary loss for highly unbalanced segmentation), eq 5.
    Range: minus to plus the image diagonal; negative at a perfect prediction, unbounded in the image's size.
    Units: the smallest spacing of the image; pixels where the spacing is isotropic.
    Deviations: foreground classes only, the background channel of the map is 0; an object that is
        absent or fills the image has no boundary, its map is 0 and it gives no gradient
        (``losses.maps.signed_distance``). Linear in p, so it needs a regional term beside it.

    Args:
        num_classes: C, background included.
    """

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over the foreground channels."""
        total = fused.map_sum(batch.logits, batch.probabilities, batch.map("signed_distance"))
        return total / (batch.target.numel() * (self.num_classes - 1))
