"""CT-like volumes of the arthritic hip."""

import numpy as np
from scipy.ndimage import gaussian_filter

from seggrid.config.phantom import HipSettings
from seggrid.phantom.attenuation import FAT_HU, MUSCLE_HU
from seggrid.phantom.grid import AIR_HU, Grid, PhantomVolume, averaged, blend, centred, painted, stored
from seggrid.phantom.hip import bones
from seggrid.phantom.hip.anatomy import Hip, draw_hip
from seggrid.phantom.knee import shelled
from seggrid.phantom.pose import Frame
from seggrid.phantom.sampling import Stream, faces_left, generator
from seggrid.phantom.shapes import Field, ellipsoid, elliptic_column, smooth_step
from seggrid.phantom.solid import Solid

#: Value of each class in a mask.
PAINT_ORDER = (("hip", 2), ("femur", 1))
#: Where the middle of a volume lies from the centre of the head, so that it shows the neck too; in mm.
_MIDDLE = (0.0, -10.0, 10.0)
_CYST_HU = 30.0
_PELVIS = Frame(np.eye(3), np.zeros(3))


def hip_volume(settings: HipSettings, subject: int) -> PhantomVolume:
    """Voxelise a subject's hip; thick voxels show the mean of what lies in them.

    It depends on the settings' ranges, the seed and the subject alone. Labels: 1 femur, 2 hip.
    """
    hip = draw_hip(settings, subject)
    rng = generator(settings, Stream.VIEW, subject)
    parts = solids(hip, _posed(settings, rng))
    middle = np.array(_MIDDLE) + rng.uniform(-1.0, 1.0, 3) * settings.shift
    fine, grid = centred(settings.size, settings.spacing, middle)
    texture = generator(settings, Stream.TEXTURE, subject)
    hu = averaged(_hounsfield(hip, parts, fine, texture), settings.size)
    noise = float(texture.uniform(*settings.noise))
    hu += noise * texture.standard_normal(hu.shape, np.float32)
    return stored(hu, painted(parts, PAINT_ORDER, grid), settings.spacing, faces_left(settings, subject))


def _posed(settings: HipSettings, rng: np.random.Generator) -> Frame:
    """The femur, turned about the centre of its head: flexed, rotated, led away."""
    flexion, rotation, abduction = np.deg2rad(rng.uniform(-1.0, 1.0, 3) * settings.rotation)
    about = np.eye(3)
    for angle, (first, second) in zip((flexion, rotation, abduction), ((0, 1), (2, 0), (1, 2)), strict=True):
        turn = np.eye(3)
        turn[[first, second], [first, second]] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        about = about @ turn
    return Frame(about, np.zeros(3))


def solids(hip: Hip, frame: Frame) -> dict[str, Solid]:
    """Femur, hip bone and skin; the hip bone gives way to the femur as it lies."""

    def femur(x: Field, y: Field, z: Field) -> tuple[Field, ...]:
        below = -y - 0.3 * np.maximum(z, 0.0)
        return shelled(bones.femur(hip.femur, x, y, z), np.asarray(below, np.float32), hip.cortex, 32.0, 90.0)

    def pelvis(x: Field, y: Field, z: Field) -> tuple[Field, ...]:
        femoral = bones.femur(hip.femur, *frame.to_local(x, y, z))
        outer = bones.hip_bone(hip, femoral, x, y, z)
        return outer, outer + np.float32(1.3 * hip.cortex.end)

    def skin(x: Field, y: Field, z: Field) -> tuple[Field, ...]:
        column = elliptic_column(x + 12.0, z + 95.0, _sides(100.0, hip.bulk), _sides(182.0, hip.bulk))
        outer = np.broadcast_to(column, np.broadcast_shapes(x.shape, y.shape, z.shape))
        return outer, outer + np.float32(hip.fat)

    far = (bones.REACH,) * 3
    near = (-bones.REACH,) * 3
    return {
        "femur": Solid(femur, frame, near, far),
        "hip": Solid(pelvis, _PELVIS, near, far),
        "skin": Solid(skin, _PELVIS, near, far),
    }


def _sides(radius: float, bulk: float) -> Field:
    return np.asarray(radius * bulk, np.float32)


def _hounsfield(hip: Hip, parts: dict[str, Solid], grid: Grid, rng: np.random.Generator) -> Field:
    hu = np.full(grid.shape, AIR_HU, np.float32)
    region, world = grid.around_solid(parts["skin"])
    outer, inner = parts["skin"].fields_at(*world)
    blend(hu[region], outer, np.float32(FAT_HU), grid.spacing)
    blend(hu[region], inner, _muscle(grid, rng), grid.spacing)
    for name in ("hip", "femur"):
        region, world = grid.around_solid(parts[name])
        outer, inner = parts[name].fields_at(*world)
        blend(hu[region], outer, np.float32(hip.cortex.cortical_hu), grid.spacing)
        blend(hu[region], inner, _spongy(hip, name, world, rng), grid.spacing)
        if name == "femur":
            local = parts[name].frame.to_local(*world)
            for centre, radius in hip.cysts:
                blend(hu[region], ellipsoid(*local, centre, (radius,) * 3), np.float32(_CYST_HU), grid.spacing)
    return hu


def _muscle(grid: Grid, rng: np.random.Generator) -> Field:
    """Muscle with fat between its bellies."""
    grain = gaussian_filter(rng.standard_normal(grid.shape, np.float32), np.array([9.0, 4.0, 4.0]) / grid.spacing)
    fatty = smooth_step(np.abs(grain / grain.std()), 0.35, 0.0)
    return np.asarray(MUSCLE_HU + (0.4 * FAT_HU - MUSCLE_HU) * fatty, np.float32)


def _spongy(hip: Hip, name: str, world: tuple[Field, Field, Field], rng: np.random.Generator) -> Field:
    """HU within the cortex: dense in the head and where the joint is narrow, fatty in trochanter and shaft."""
    cortex = hip.cortex
    x, y, z = world
    distance = np.sqrt(x * x + y * y + z * z) + np.float32(1e-3)
    radius = hip.femur.head[0]
    if name == "femur":
        fatty = smooth_step(distance, 0.9 * radius, 2.6 * radius)
    else:
        fatty = 0.55 * smooth_step(distance, 1.3 * radius, 2.6 * radius)
    spongy = cortex.trabecular_hu + (cortex.marrow_hu - cortex.trabecular_hu) * fatty
    # Sclerosis: dense bone on both sides of the narrow joint.
    towards = (x * hip.load[0] + y * hip.load[1] + z * hip.load[2]) / distance
    near = np.exp(-np.square((distance - radius) * float(1.0 / 6.0)))
    spongy = spongy + 550.0 * hip.severity * near * smooth_step(towards, 0.55, 1.0)
    grain = gaussian_filter(rng.standard_normal(distance.shape, np.float32), 0.5)
    return np.asarray(spongy * (1.0 + 0.22 * grain / grain.std()), np.float32)
