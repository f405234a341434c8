"""From the mask of an object to its surface.

Marching cubes (Lewiner et al. 2003) on the mask itself, not blurred: every part of it is there, however thin. Then
Taubin's smoothing (1995), in which each vertex stays between the two voxels that it parts, as in constrained surface
nets (Gibson 1998). What smoothing takes from thin parts goes back where it was taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import trimesh
from scipy.ndimage import find_objects, generate_binary_structure, label
from scipy.sparse import coo_array, csr_array
from skimage.measure import marching_cubes

from seggrid.surfaces.checks import count_parts, farthest_outside

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Faces = npt.NDArray[np.integer]

#: Taubin's factors: shrink, then grow a little more; the pass band is 1/0.5 - 1/0.51 = 0.04.
_SHRINK, _GROW = 0.5, 0.51
#: How far from the middle between two voxels a vertex may come, in voxels along each axis: not to a voxel's centre.
_HELD = 0.48
#: The neighbourhood that keeps its volume: so many rounds of means over the next vertices, about five voxels across.
_SPREAD = 40
#: Steps in which volume goes back; the later ones mend what the first left where the surface bends.
_STEPS = 3
#: Level at which the mask of -0.5 and 0.5 is cut. Below 0, so that voxels that touch at an edge are joined; at 0 the
#: surface would touch itself there.
_LEVEL = -1e-3


@dataclass(frozen=True)
class Surface:
    """A closed surface.

    Attributes:
        mesh: vertices in mm, triangles with their normals outward.
        mask_volume: of the voxels that it was made of, in mm3.
        mask_parts: parts of the mask, voxels that touch at a corner being one part.
        outside: how far the centres of the mask's voxels lie outside the surface at most, in mm; 0 where none does.
    """

    mesh: trimesh.Trimesh
    mask_volume: float
    mask_parts: int
    outside: float

    @property
    def volume(self) -> float:
        """Within the surface, in mm3."""
        return float(self.mesh.volume)

    @property
    def parts(self) -> int:
        """Bodies; a cavity is none."""
        return count_parts(self.mesh.vertices, self.mesh.faces)

    @property
    def closed(self) -> bool:
        """Whether every edge belongs to two triangles, and these turn the same way."""
        return bool(self.mesh.is_watertight and self.mesh.is_winding_consistent)


def surface_of(mask: Mask, affine: Floats, smooth: int = 100) -> Surface | None:
    """Return the surface of an object; ``None`` where the mask is empty.

    An object at the border of the volume is closed there.

    Args:
        mask: where the object is, three axes.
        affine: from indices to mm, ``(4, 4)``; its axes may be oblique or of the left hand.
        smooth: rounds of smoothing; 0 leaves the steps of the voxels, with their edges cut off.
    """
    found = find_objects(mask.astype(np.uint8))
    if not found:
        return None
    box = np.pad(mask[found[0]], 1)
    start = np.array([part.start for part in found[0]]) - 1
    corners, faces, _, _ = marching_cubes(box.astype(np.float32) - np.float32(0.5), _LEVEL)
    # The corners of the triangles go clockwise, seen from outside, along axes of the right hand.
    faces = faces[:, ::-1]
    vertices = _smoothed(corners.astype(np.float64), faces, smooth)
    world = (vertices + start) @ affine[:3, :3].T + affine[:3, 3]
    voxel = float(np.linalg.det(affine[:3, :3]))
    mesh = trimesh.Trimesh(world, faces if voxel > 0 else faces[:, ::-1], process=False)
    _, parts = label(box, generate_binary_structure(3, 3))
    outside = farthest_outside(box, vertices, faces, affine[:3, :3])
    return Surface(mesh, int(np.count_nonzero(box)) * abs(voxel), int(parts), outside)


def _smoothed(vertices: Floats, faces: Faces, rounds: int) -> Floats:
    """Smooth in indices, so that a thick slice counts as a voxel.

    Marching cubes puts a vertex on the edge between two voxels, so that one of its indices is no whole number: its
    middle is half-way along that edge.
    """
    middle = np.where(vertices == np.floor(vertices), vertices, np.floor(vertices) + 0.5)
    normals, area = _normals(middle, faces)
    links = _links(faces, len(vertices))
    count = links.sum(axis=1)[:, None]

    # Spreading keeps the sum: what a vertex gained in volume is taken from its neighbourhood, and from nowhere else.
    def spread(values: Floats) -> Floats:
        for _ in range(_SPREAD):
            values = 0.5 * (values + links @ (values / count))
        return values

    def held(moved: Floats) -> Floats:
        return np.asarray(np.clip(moved, middle - _HELD, middle + _HELD))

    vertices = middle
    for _ in range(rounds):
        for step in (_SHRINK, -_GROW):
            vertices = vertices + step * (links @ vertices / count - vertices)
        vertices = held(vertices)
    around = spread(area)
    for _ in range(_STEPS if rounds else 0):
        gained = ((vertices - middle) * normals).sum(axis=1, keepdims=True) * area
        vertices = held(vertices - normals * spread(gained) / around)
    return vertices


def _links(faces: Faces, count: int) -> csr_array:
    """1 for every pair of vertices with an edge between them."""
    edges = np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    ends = np.concatenate([edges, edges[:, ::-1]]).T
    return coo_array((np.ones(ends.shape[1]), (ends[0], ends[1])), shape=(count, count)).tocsr()


def _normals(vertices: Floats, faces: Faces) -> tuple[Floats, Floats]:
    """Outward unit normals of the vertices, ``(n, 3)``, and the area that each stands for, up to a factor, (n, 1)."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack([np.bincount(faces.ravel(), np.repeat(across[:, axis], 3)) for axis in range(3)], axis=1)
    area = np.linalg.norm(total, axis=1, keepdims=True)
    # Where sheets meet, the normals of a vertex may cancel.
    return total / np.maximum(area, np.finfo(np.float64).tiny), area
