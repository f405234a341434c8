"""Borders of labelled masks.

The border of a class is its mask minus the erosion by the 4- (2-D) or 6-neighbourhood (3-D); the image frame
counts as outside. In a label image that is every pixel with a neighbour of another label, so one pass finds
the borders of all classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from seggrid.errors import UserError

LabelImage = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Surface:
    """The border pixels of one class of one image, with a search tree made on first use.

    Attributes:
        flat: indices of the border pixels into the flattened image, ascending, shape ``(n,)``.
        shape: shape of the image.
        scale: spacing per axis in units of the smallest one: isotropic geometry stays in whole numbers.
    """

    flat: npt.NDArray[np.intp]
    shape: tuple[int, ...]
    scale: tuple[float, ...]

    def __len__(self) -> int:
        return self.flat.size

    @cached_property
    def index(self) -> tuple[npt.NDArray[np.intp], ...]:
        """Indices of the border pixels, one array of shape ``(n,)`` per axis."""
        return np.unravel_index(self.flat, self.shape)

    @cached_property
    def box(self) -> tuple[tuple[int, int], ...]:
        """First and last index per axis."""
        return tuple((int(axis.min()), int(axis.max())) for axis in self.index)

    @cached_property
    def points(self) -> npt.NDArray[np.float64]:
        """Coordinates in units of the smallest spacing, shape ``(n, d)``."""
        return np.stack([axis * factor for axis, factor in zip(self.index, self.scale, strict=True)], axis=1)

    @cached_property
    def tree(self) -> cKDTree:
        """Search tree over ``points``; unbalanced, which queries as fast here and builds in half the time."""
        return cKDTree(self.points, balanced_tree=False, compact_nodes=False)


@dataclass(frozen=True, eq=False)
class LabelSurfaces:
    """The borders of several classes of one image; made once for a truth, shared by all runs that predict it.

    Attributes:
        surfaces: label to border; a class without a pixel has an empty one.
        shape: shape of the image.
        spacing: per axis, in mm (1 where unknown: px).
    """

    surfaces: dict[int, Surface]
    shape: tuple[int, ...]
    spacing: tuple[float, ...]


def check_spacing(spacing: Sequence[float] | None, dimensions: int) -> tuple[float, ...]:
    """Return ``spacing`` as one positive number per axis; None is 1 everywhere.

    Raises:
        UserError: the length is not that of the axes, or a value is not a positive number.
    """
    if spacing is None:
        return (1.0,) * dimensions
    checked = tuple(float(step) for step in spacing)
    if len(checked) != dimensions:
        raise UserError(f"spacing {list(checked)} has {len(checked)} values; give one for each of {dimensions} axes")
    if not all(math.isfinite(step) and step > 0 for step in checked):
        raise UserError(f"spacing {list(checked)} must hold positive numbers; correct it in the case's header or index")
    return checked


def label_surfaces(labels: LabelImage, classes: Sequence[int], spacing: Sequence[float] | None = None) -> LabelSurfaces:
    """Find the borders of ``classes`` in one pass over the image.

    Args:
        labels: label image, shape ``(*S)``, 2-D or 3-D.
        classes: label values.
        spacing: per axis of the array, in mm; None: pixels.

    Raises:
        UserError: the spacing does not fit the image.
    """
    flat = np.flatnonzero(_border(labels))
    values = labels.reshape(-1)[flat]
    wanted = np.zeros(256, dtype=bool)
    wanted[list(classes)] = True
    keep = wanted[values]
    flat, values = flat[keep], values[keep]
    # A stable sort of bytes is a radix sort, and leaves each class in image order.
    order = np.argsort(values, kind="stable")
    flat, values = flat[order], values[order]
    bounds = {label: np.searchsorted(values, (label, label + 1)) for label in classes}
    return known_surfaces({label: flat[first:last] for label, (first, last) in bounds.items()}, labels.shape, spacing)


def known_surfaces(
    borders: Mapping[int, npt.NDArray[np.intp]], shape: tuple[int, ...], spacing: Sequence[float] | None = None
) -> LabelSurfaces:
    """Return the borders of an image that were found before.

    Args:
        borders: label to indices of its border pixels into the flattened image, ascending, ``(n,)``.
        shape: shape of the image.
        spacing: per axis of the array, in mm; None: pixels.

    Raises:
        UserError: the spacing does not fit the image.
    """
    steps = check_spacing(spacing, len(shape))
    scale = tuple(step / min(steps) for step in steps)
    return LabelSurfaces({label: Surface(flat, shape, scale) for label, flat in borders.items()}, shape, steps)


def _border(labels: LabelImage) -> npt.NDArray[np.bool_]:
    border = np.zeros(labels.shape, dtype=bool)
    for axis in range(labels.ndim):
        values, marked = np.moveaxis(labels, axis, 0), np.moveaxis(border, axis, 0)
        change = values[1:] != values[:-1]
        marked[1:] |= change
        marked[:-1] |= change
        marked[[0, -1]] = True
    return border
