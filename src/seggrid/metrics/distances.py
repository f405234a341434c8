"""The pair of surface-distance arrays that every boundary metric is a function of.

Exact Euclidean distances in float64. Borders of ordinary masks are few points, for which a search tree is
an order of magnitude faster than a distance transform of the image; a noisy border can hold most of the
image, for which the transform is faster. The choice is made from the points alone, never from a clock.
"""

from __future__ import annotations

import itertools
import math
import operator
from dataclasses import dataclass

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from seggrid.metrics.surface import LabelSurfaces, Surface

Distances = npt.NDArray[np.float64]

#: Nanoseconds per unit of work on one core of an EPYC; only their ratios matter. On shapes from concentric
#: spheres to noise, in 2-D and 3-D, the tree's figures predict its time within a factor of 2.
_TREE_BUILD = 75.0  # per point of the target
_TREE_QUERY = 175.0  # per query
_TREE_VISIT = 15.0  # per query and point of the target that lies hardly farther than the closest one
_TRANSFORM_WHOLE = 25.0  # per pixel of the box, isotropic
_TRANSFORM_REAL = 50.0  # per pixel of the box, anisotropic

#: Queries tried out before the choice, and the width in mean pixels of the shell of points that they visit.
_SAMPLE = 64
_SHELL = 2.0

#: A target with this many times more points than there are queries is dense: look around each query first,
#: up to this many mean pixels away.
_DENSE = 4
_REACH = 3.0
#: float32 holds whole numbers exactly up to here.
_FLOAT32_WHOLE = 1 << 24


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances between the borders of a prediction and a truth, in the unit of the spacing.

    Attributes:
        to_truth: from each border pixel of the prediction to the truth's border (D1).
        to_prediction: from each border pixel of the truth to the prediction's border (D2).
    """

    to_truth: Distances
    to_prediction: Distances


def surface_distances(prediction: LabelSurfaces, truth: LabelSurfaces, label: int) -> SurfaceDistances:
    """Return both directed arrays of one class that has a border in both images."""
    predicted, present = prediction.surfaces[label], truth.surfaces[label]
    unit = min(truth.spacing)
    return SurfaceDistances(nearest(predicted, present) * unit, nearest(present, predicted) * unit)


def nearest(queries: Surface, target: Surface) -> Distances:
    """Distance from each point of ``queries`` to the closest of ``target``; 1 is the smallest spacing."""
    if len(target) > _DENSE * len(queries):
        return _look_around(queries, target)
    return _search(queries, target)


def _search(queries: Surface, target: Surface) -> Distances:
    """Query the tree, or transform the joint box where that is cheaper."""
    box = [(min(a, c), max(b, d)) for (a, b), (c, d) in zip(queries.box, target.box, strict=True)]
    corner, sides = tuple(first for first, _ in box), tuple(last - first + 1 for first, last in box)
    whole = _is_whole(sides, target.scale)
    transform = math.prod(sides) * (_TRANSFORM_WHOLE if whole else _TRANSFORM_REAL)
    hopeful = _TREE_BUILD * len(target) + _TREE_QUERY * len(queries) < transform
    if hopeful and len(queries) * _query_cost(queries, target) < transform:
        return np.asarray(target.tree.query(queries.points)[0])
    return _transform(queries, target, corner, sides, whole)


def _query_cost(queries: Surface, target: Surface) -> float:
    """Nanoseconds of a query of the tree, judged by how much of it a sample of the queries visits."""
    sample = queries.points[:: -(-len(queries) // _SAMPLE)]
    distance, _ = target.tree.query(sample)
    shell = distance + _SHELL * _mean_side(target.scale)
    visited = target.tree.query_ball_point(sample, shell, return_length=True)
    return _TREE_QUERY + _TREE_VISIT * float(visited.mean())


def _is_whole(sides: tuple[int, ...], scale: tuple[float, ...]) -> bool:
    """Whether squared distances are whole numbers that float32 holds, so that its transform is exact."""
    return set(scale) == {1.0} and sum(side * side for side in sides) < _FLOAT32_WHOLE


def _transform(
    queries: Surface, target: Surface, corner: tuple[int, ...], sides: tuple[int, ...], whole: bool
) -> Distances:
    """Transform the box, exactly: whole squares in float32, else find the closest pixel in float64."""
    outside = np.ones(sides, dtype=np.uint8)
    outside[_shifted(target, corner)] = 0
    here = _shifted(queries, corner)
    if whole:
        return np.sqrt(edt.edtsq(outside, parallel=1)[here].astype(np.float64))
    closest = ndimage.distance_transform_edt(
        outside, sampling=target.scale, return_distances=False, return_indices=True
    )
    squared = np.zeros(len(queries))
    for axis, factor in enumerate(target.scale):
        squared += ((here[axis] - closest[axis][here]) * factor) ** 2
    return np.sqrt(squared)


def _look_around(queries: Surface, target: Surface) -> Distances:
    """Look around each query, closest pixels first; search for the few that see nothing.

    With few queries and a dense target this beats building a tree over all of its points.
    """
    radius = _REACH * _mean_side(target.scale)
    margin = tuple(int(radius / factor) for factor in target.scale)
    corner = tuple(first - extra for (first, _), extra in zip(queries.box, margin, strict=True))
    sides = tuple(last - first + 1 + 2 * extra for (first, last), extra in zip(queries.box, margin, strict=True))
    occupied = _occupied(target, corner, sides)
    here = np.ravel_multi_index(_shifted(queries, corner), sides)
    found = np.empty(len(queries))
    left = np.arange(len(queries))
    for distance, offset in _ball(radius, target.scale, margin):
        hit = occupied.reshape(-1)[here[left] + sum(map(operator.mul, offset, occupied.strides))]
        found[left[hit]] = distance
        left = left[~hit]
        if not left.size:
            return found
    found[left] = _search(Surface(queries.flat[left], queries.shape, queries.scale), target)
    return found


def _occupied(target: Surface, corner: tuple[int, ...], sides: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Mask of the target's points within a box; a byte each, so that strides are steps in the flat mask."""
    index = np.stack(_shifted(target, corner))
    inside = ((index >= 0) & (index < np.array(sides)[:, None])).all(axis=0)
    mask = np.zeros(sides, dtype=bool)
    mask[tuple(index[:, inside])] = True
    return mask


def _ball(radius: float, scale: tuple[float, ...], margin: tuple[int, ...]) -> list[tuple[float, tuple[int, ...]]]:
    """Every offset of at most ``radius``, and its length, shortest first."""
    offsets = itertools.product(*(range(-extra, extra + 1) for extra in margin))
    lengths = ((math.hypot(*map(operator.mul, offset, scale)), offset) for offset in offsets)
    return sorted(item for item in lengths if item[0] <= radius)


def _mean_side(scale: tuple[float, ...]) -> float:
    """Side of a cube with the volume of one pixel."""
    return math.prod(scale) ** (1 / len(scale))


def _shifted(surface: Surface, corner: tuple[int, ...]) -> tuple[npt.NDArray[np.intp], ...]:
    return tuple(axis - first for axis, first in zip(surface.index, corner, strict=True))
