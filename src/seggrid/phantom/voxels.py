"""CT-like volumes of the articulated knee."""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, label

from seggrid.config.phantom import KneeSettings
from seggrid.phantom.anatomy import Cortex
from seggrid.phantom.attenuation import FAT_HU, MUSCLE_HU, TENDON_HU, TENDONS, marrow_hu
from seggrid.phantom.contact import Vector
from seggrid.phantom.grid import AIR_HU, Grid, PhantomVolume, blend, painted, stored
from seggrid.phantom.knee import BONES, PAINT_ORDER, solids
from seggrid.phantom.pose import pose
from seggrid.phantom.sampling import Stream, anatomy_of, faces_left, generator
from seggrid.phantom.shapes import Field
from seggrid.phantom.solid import Solid

_TENDON = dict(PAINT_ORDER)["patellar_tendon"]
#: Shaft kept on either side of the joint and air kept around the skin at the knee, in mm.
_SHAFT, _MARGIN = 85.0, 25.0


def volume(settings: KneeSettings, subject: int, flexion: float, spacing: float = 1.0) -> PhantomVolume:
    """Voxelise a subject's knee at `flexion` degrees on a cubic grid of `spacing` mm.

    Surfaces have partial volume over one voxel. Raises ValueError for a flexion outside 0 to 120 degrees, or
    a spacing outside 0.3 to 2 mm, beyond which the tendon falls apart.
    """
    if not 0.0 <= flexion <= 120.0:
        raise ValueError(f"flexion {flexion:g} lies outside 0 to 120 degrees")
    if not 0.3 <= spacing <= 2.0:
        raise ValueError(f"spacing {spacing:g} lies outside 0.3 to 2 mm")
    anatomy = anatomy_of(settings, subject)
    posed = pose(anatomy, flexion)
    grid = _grid_around(posed.landmarks(anatomy), posed.tibia.to_world((0.0, -_SHAFT, 0.0)), spacing)
    parts = solids(anatomy, posed)
    rng = generator(settings, Stream.TEXTURE, subject)
    hu = _hounsfield(parts, grid, anatomy.cortex, rng)
    labels = _labels(parts, grid)
    return stored(hu, labels, (spacing, spacing, spacing), faces_left(settings, subject))


def _grid_around(landmarks: dict[str, Vector], tibia_end: Vector, spacing: float) -> Grid:
    named = [landmarks[n] for n in ("patella_base", "patella_apex", "tibial_tuberosity", "tibia_plateau")]
    points = np.stack([*named, tibia_end, np.array([0.0, _SHAFT, 0.0]), np.array([-30.0, 0.0, 0.0])])
    low, high = points.min(axis=0) - _MARGIN, points.max(axis=0) + _MARGIN
    low[2], high[2] = -62.0, 62.0
    x, y, z = (np.arange(a, b, spacing).astype(np.float32) for a, b in zip(low, high, strict=True))
    return Grid(x, y, z, spacing)


def _labels(parts: dict[str, Solid], grid: Grid) -> npt.NDArray[np.uint8]:
    labels = painted(parts, PAINT_ORDER, grid)
    # Tibia and patella may cut slivers off the rim of the tendon.
    pieces, _ = label(labels == _TENDON, structure=np.ones((3, 3, 3)))
    largest = np.argmax(np.bincount(pieces.ravel())[1:]) + 1
    labels[(pieces > 0) & (pieces != largest)] = 0
    return labels


def _hounsfield(parts: dict[str, Solid], grid: Grid, cortex: Cortex, rng: np.random.Generator) -> Field:
    hu = np.full(grid.shape, AIR_HU, np.float32)
    tissues = {"skin": (FAT_HU, MUSCLE_HU)} | dict.fromkeys(TENDONS, (TENDON_HU,))
    for name, values in tissues.items():
        region, world = grid.around_solid(parts[name])
        for field, value in zip(parts[name].fields_at(*world), values, strict=True):
            blend(hu[region], field, np.float32(value), grid.spacing)
    for name in BONES:
        region, world = grid.around_solid(parts[name])
        outer, inner = parts[name].fields_at(*world)
        blend(hu[region], outer, np.float32(cortex.cortical_hu), grid.spacing)
        grain = gaussian_filter(rng.standard_normal(outer.shape, np.float32), 0.8 / grid.spacing)
        _, height, _ = parts[name].frame.to_local(*world)
        spongy = marrow_hu(cortex, name, height) * (1.0 + 0.3 * grain / grain.std())
        blend(hu[region], inner, np.asarray(spongy, np.float32), grid.spacing)
    return hu + 12.0 * rng.standard_normal(grid.shape, np.float32)
