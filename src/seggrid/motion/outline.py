"""Points of one object on a mask, in mm (px without spacing): its border, extent and corners."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist, squareform

Points = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
#: An object has at least so many pixels; a few are noise.
LEAST_PIXELS = 20
#: Parts smaller than this share of the largest one are noise.
_PART = 0.1


@dataclass(frozen=True)
class Outline:
    """An object on a mask; points are (row, column) times the spacing.

    Attributes:
        border: its border pixels, ``(n, 2)``; those on the frame of the image are among them.
        on_frame: which of them lie on the frame of the image.
        centre: the middle of its pixels.
        pixels: all of them, ``(m, 2)``.
    """

    border: Points
    on_frame: npt.NDArray[np.bool_]
    centre: Points
    pixels: Points

    @property
    def cut(self) -> bool:
        """Whether the frame of the image cuts it off."""
        return bool(self.on_frame.any())

    def corner(self, direction: Points) -> Points:
        """The point of the object that lies farthest in a direction."""
        reach = self.border @ direction
        return np.asarray(self.border[reach > reach.max() - 1e-9].mean(axis=0))


def longest_diagonal(points: Points) -> Points:
    """The two points that are farthest from each other, ``(2, 2)``."""
    try:
        points = points[ConvexHull(points).vertices]
    except QhullError:  # all points lie on a line
        points = points[np.lexsort(points.T)[[0, -1]]]
    first, second = np.unravel_index(int(squareform(pdist(points)).argmax()), (len(points),) * 2)
    return np.stack([points[first], points[second]])


def outline_of(mask: Mask, spacing: tuple[float, float], whole: bool = True) -> Outline | None:
    """Return the outline of an object; ``None`` where it has fewer than 20 pixels.

    Args:
        mask: where the object is, shape ``(H, W)``.
        spacing: per axis, in mm; (1, 1): points in px.
        whole: take the largest connected part; else all parts but small ones, for what others may lie across.
    """
    count, labels, table, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    sizes = table[1:, cv2.CC_STAT_AREA]
    kept = np.flatnonzero(sizes >= (1.0 if whole else _PART) * sizes.max())[: 1 if whole else None] + 1
    chosen = np.isin(labels, kept).astype(np.uint8)
    if chosen.sum() < LEAST_PIXELS:
        return None
    inner = cv2.erode(chosen, _CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    rows, columns = np.nonzero(chosen - inner)
    height, width = mask.shape
    on_frame = (rows == 0) | (columns == 0) | (rows == height - 1) | (columns == width - 1)
    scale = np.asarray(spacing, float)
    pixels = np.argwhere(chosen) * scale
    return Outline(np.stack([rows, columns], 1) * scale, on_frame, pixels.mean(axis=0), pixels)
