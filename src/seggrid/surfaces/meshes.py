"""From the mask of an object to its surface.

Marching cubes (Lewiner et al. 2003) on the blurred mask, then Taubin's smoothing (1995), which does not shrink.
Blurring moves the border of whatever is curved, by a part of a voxel: at the end all of the surface is moved along its
normals until it holds the volume of the mask's voxels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import trimesh
from scipy.ndimage import find_objects, gaussian_filter
from skimage.measure import marching_cubes

Mask = npt.NDArray[np.bool_]
Affine = npt.NDArray[np.float64]

#: Taubin's factors: shrink, then grow a little more; the pass band is 1/0.5 - 1/0.53 = 0.11.
_SHRINK, _GROW = 0.5, 0.53
_ROUNDS = 10
#: Steps in which the surface is moved to the volume of the mask; each leaves about a tenth of what was missing.
_STEPS = 3


@dataclass(frozen=True)
class Surface:
    """A closed surface.

    Attributes:
        mesh: vertices in mm, triangles with their normals outward.
        mask_volume: of the voxels that it was made of, in mm3.
    """

    mesh: trimesh.Trimesh
    mask_volume: float

    @property
    def volume(self) -> float:
        """In mm3."""
        return float(self.mesh.volume)

    @property
    def closed(self) -> bool:
        """Whether every edge belongs to two triangles, and these turn the same way."""
        return bool(self.mesh.is_watertight and self.mesh.is_winding_consistent)


def surface_of(mask: Mask, affine: Affine, smooth: float | None = None) -> Surface | None:
    """Return the surface of an object; ``None`` where the mask is empty.

    An object at the border of the volume is closed there.

    Args:
        mask: where the object is, three axes.
        affine: from indices to mm, ``(4, 4)``; its axes may be oblique or of the left hand.
        smooth: width of the blur in mm (standard deviation); default: the side of a voxel, along each axis its own.
    """
    found = find_objects(mask.astype(np.uint8))
    if not found:
        return None
    sides = np.linalg.norm(affine[:3, :3], axis=0)
    sigma = np.ones(3) if smooth is None else smooth / sides
    reach = np.ceil(4 * sigma).astype(int) + 1
    box = np.pad(mask[found[0]].astype(np.float32), [(int(side), int(side)) for side in reach])
    start = np.array([part.start for part in found[0]]) - reach
    count = int(np.count_nonzero(box))
    field = gaussian_filter(box, sigma) if sigma.any() else box
    vertices, faces, _, _ = marching_cubes(field, _level(field))
    world = (vertices.astype(np.float64) + start) @ affine[:3, :3].T + affine[:3, 3]
    voxel = float(np.linalg.det(affine[:3, :3]))
    # The corners of the triangles go clockwise, seen from outside, along axes of the right hand.
    mesh = trimesh.Trimesh(world, faces[:, ::-1] if voxel > 0 else faces, process=False)
    trimesh.smoothing.filter_taubin(mesh, _SHRINK, _GROW, _ROUNDS)
    for _ in range(_STEPS):
        mesh.vertices = mesh.vertices + mesh.vertex_normals * ((count * abs(voxel) - mesh.volume) / mesh.area)
    return Surface(mesh, count * abs(voxel))


def _level(field: npt.NDArray[np.float32]) -> float:
    """Half of what the object reaches, which is less than 1 where it is thin; never the value of a voxel.

    A vertex on the centre of a voxel would be several in one place, and the surface might touch itself there.
    """
    level = np.float32(0.5 * min(1.0, float(field.max())))
    while (field == level).any():
        level = np.nextafter(level, np.float32(1))
    return float(level)
