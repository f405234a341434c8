"""Region-wise loss."""

from __future__ import annotations

from torch import Tensor

from seggrid.losses import fused
from seggrid.losses.base import Batch, Loss


class RegionWise(Loss):
    """Probability times a map of the truth; the map decides what is rewarded, what is penalised and how much.

    Formula: L = mean over images, classes of the map and pixels of p_c z_c. ``rectified``: z_c = -d / max d inside
        of class c, d the distance to its complement and the maximum that of the image; 1 outside.
        ``signed_distance``: the map of ``Boundary``. ``active_contour``: z_c = 1 - 2 g_c.
    Source: Valverde & Tohka (Region-wise loss for biomedical image segmentation), L and the rectified map;
        Kervadec et al. 2019, eq 5, ``signed_distance``; Chen et al. 2019 (Learning active contour models for medical
        image segmentation), region term, ``active_contour``.
    Range: with ``rectified`` -1/C to 1/C, with ``active_contour`` -1/(C-1) to 1/(C-1), with ``signed_distance`` that of
        ``Boundary``; negative at a perfect prediction.
    Units: none; with ``signed_distance`` the smallest spacing of the image.
    Deviations: the classes are those that the map holds: all C with ``rectified``, as in the paper, the objects with
        the other two, so that ``signed_distance`` is ``Boundary`` and ``active_contour`` is the region term of
        ``ActiveContour`` less the mean of g. A class that is absent from an image has z = 1 everywhere, so it is
        supervised (with ``signed_distance`` 0); one that fills the image has z = -1, where the public code of the
        rectified map measures to a pixel that does not exist. Linear in p.

    Args:
        num_classes: C, background included.
        map: the map z: ``rectified``, ``signed_distance`` or ``active_contour``.
    """

    def __init__(self, num_classes: int, *, map: str = "rectified") -> None:
        super().__init__(num_classes)
        self.map = map
        self.classes = num_classes if map == "rectified" else num_classes - 1

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over the channels of the map's classes; all others are 0 in it."""
        total = fused.map_sum(batch.logits, batch.probabilities, batch.map(self.map))
        return total / (batch.target.numel() * self.classes)
