"""What a surface lost of the mask that it was made of, measured on the finished surface."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree
from trimesh.triangles import closest_point

Floats = npt.NDArray[np.float64]
Faces = npt.NDArray[np.integer]

#: Columns run this far beside the centres of the voxels, in voxels: vertices on whole numbers are on no column.
_ASIDE = (1.37e-4, 2.71e-4)
#: Triangles whose distance to a voxel is measured: those whose middles are nearest to it.
_NEAREST = 32


def count_parts(vertices: Floats, faces: Faces) -> int:
    """Return how many bodies a closed surface bounds: its connected pieces that hold a volume, and not a cavity."""
    ends = faces[:, [0, 1, 1, 2]].reshape(-1, 2).T
    graph = coo_array((np.ones(ends.shape[1], np.bool_), (ends[0], ends[1])), shape=(len(vertices),) * 2)
    _, piece = connected_components(graph, directed=False)
    corners = vertices[faces]
    volumes = np.bincount(piece[faces[:, 0]], (np.cross(corners[:, 0], corners[:, 1]) * corners[:, 2]).sum(axis=1))
    return int((volumes > 0).sum())


def farthest_outside(mask: npt.NDArray[np.bool_], vertices: Floats, faces: Faces, axes: Floats) -> float:
    """Return how far the mask's voxel centres lie outside a closed surface at most, in mm; 0 where none does.

    Args:
        mask: three axes.
        vertices: in indices of the mask, ``(n, 3)``.
        faces: of triangles, counterclockwise from outside along axes of the right hand.
        axes: from indices to mm, ``(3, 3)``.
    """
    lost = np.argwhere(mask & ~inside(mask.shape, vertices, faces))
    if not len(lost):
        return 0.0
    triangles = (vertices @ axes.T)[faces]
    points = lost @ axes.T
    _, nearest = KDTree(triangles.mean(axis=1)).query(points, min(_NEAREST, len(triangles)))
    nearest = nearest.reshape(len(points), -1)
    away = [
        np.linalg.norm(closest_point(triangles[near], np.repeat(point[None], len(near), axis=0)) - point, axis=1).min()
        for point, near in zip(points, nearest, strict=True)
    ]
    return float(max(away))


def inside(shape: tuple[int, ...], vertices: Floats, faces: Faces) -> npt.NDArray[np.bool_]:
    """Return which voxel centres a closed surface encloses.

    A column along the last axis enters the object through triangles that face backwards and leaves it through others.
    """
    corners = vertices[faces] - np.array([*_ASIDE, 0.0])
    low = np.ceil(corners[..., :2].min(axis=1)).astype(int)
    spans = np.floor(corners[..., :2].max(axis=1)).astype(int) - low + 1
    passed = np.zeros((shape[0], shape[1], shape[2] + 1), np.int32)
    for first in range(int(spans[:, 0].max())):
        for second in range(int(spans[:, 1].max())):
            near = (spans > [first, second]).all(axis=1)
            _pass(passed, corners[near], low[near] + [first, second])
    return np.asarray(np.cumsum(passed, axis=2)[..., :-1] > 0)


def _pass(passed: npt.NDArray[np.int32], corners: Floats, column: npt.NDArray[np.integer]) -> None:
    """Count 1 where a column enters through its triangle and -1 where it leaves, at the next voxel."""
    away = corners[..., :2] - column[:, None]
    # Twice the areas that the column's foot makes with the side opposite to each corner.
    parts = np.stack([_cross(away[:, side - 2], away[:, side - 1]) for side in range(3)], axis=1)
    hit = (parts > 0).all(axis=1) | (parts < 0).all(axis=1)
    parts, column, depth = parts[hit], column[hit], corners[hit, :, 2]
    total = parts.sum(axis=1)
    at = np.ceil((parts * depth).sum(axis=1) / total).astype(int)
    np.add.at(passed, (column[:, 0], column[:, 1], at), -np.sign(total).astype(np.int32))


def _cross(first: Floats, second: Floats) -> Floats:
    return np.asarray(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
