"""Where two bones touch: how far a surface must stand off the femur to leave the cartilage its room."""

import numpy as np
import numpy.typing as npt

from seggrid.phantom import bones
from seggrid.phantom.anatomy import Femur, Patella, Tibia
from seggrid.phantom.shapes import Field

Vector = npt.NDArray[np.float64]


def patellar_surface(shape: Patella) -> Vector:
    """Points on the articular back of the patella in its frame, (n, 3)."""
    y = np.linspace(-0.48, 0.48, 9) * shape.length
    z = np.linspace(-0.46, 0.46, 9) * shape.width
    x = np.linspace(-0.8 * shape.thickness, 0.0, 48)
    grid = [c.astype(np.float32) for c in np.meshgrid(x, y, z, indexing="ij")]
    return _first_inside(bones.patella(shape, *grid), grid)


def tibial_surface(shape: Tibia) -> Vector:
    """Points on the plateau and the spines in the frame of the tibia, (n, 3)."""
    depth, width = shape.plateau_radii
    y = np.linspace(16.0, -12.0, 57)
    x, z = np.linspace(-0.98, 0.98, 13) * depth, np.linspace(-0.95, 0.95, 21) * width
    grid = [c.astype(np.float32) for c in np.meshgrid(x, y, z, indexing="ij")]
    grid = [np.moveaxis(c, 1, 0) for c in grid]
    return _first_inside(bones.tibia(shape, *grid), grid)


def stand_off(femur: Femur, points: Vector, directions: Vector, reaches: Vector, gap: float) -> Vector:
    """Least distance (m,) along each direction (m, 3) that keeps points (m, n, 3) `gap` mm off the femur.

    Distances beyond which nothing touches are searched among `reaches` (ascending) and interpolated.
    """
    moved = points[:, None] + directions[:, None, None] * reaches[None, :, None, None]
    x, y, z = np.moveaxis(moved, -1, 0).astype(np.float32)
    clearance = bones.femur(femur, x, y, z).min(axis=2) - gap
    last = reaches.size - 1 - np.argmax((clearance < 0.0)[:, ::-1], axis=1)
    last = np.where((clearance < 0.0).any(axis=1), last, 0).clip(0, reaches.size - 2)
    rows = np.arange(len(directions))
    near, far = clearance[rows, last], clearance[rows, last + 1]
    share = np.clip(-near / np.maximum(far - near, 1e-6), 0.0, 1.0)
    return np.asarray(reaches[last] + share * (reaches[last + 1] - reaches[last]))


def _first_inside(values: Field, grid: list[Field]) -> Vector:
    """Positions where lines along axis 0 first enter a solid; lines that miss it are left out."""
    inside = values < 0.0
    first = np.argmax(inside, axis=0)[None]
    chosen = np.stack([np.take_along_axis(axis, first, axis=0)[0] for axis in grid], axis=-1)
    return np.asarray(chosen[inside.any(axis=0)], dtype=np.float64)
