"""Radiographs of the broken wrist with the exact projected band of the fracture."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from seggrid.config.phantom import WristSettings
from seggrid.phantom import artefacts
from seggrid.phantom.attenuation import (
    FAT_HU,
    MUSCLE_HU,
    WATER,
    Marrow,
    Rays,
    bone_hu_mm,
    draw_marrow,
    midplane,
)
from seggrid.phantom.contact import Vector
from seggrid.phantom.projection import View, cast
from seggrid.phantom.radiography import developed
from seggrid.phantom.sampling import Leeway, Stream, aim, faces_left, generator, view_rotation
from seggrid.phantom.shapes import Field, smooth_step
from seggrid.phantom.texture import laid_on
from seggrid.phantom.wrist.anatomy import Fracture, Wrist, draw_fractures, draw_wrist
from seggrid.phantom.wrist.parts import Parts, assemble, break_centre

#: Sampling step in mm of a band, whose edges are sharp.
BAND_STEP = 0.6
#: Density of plaster.
_PLASTER_HU = (250.0, 700.0)


@lru_cache(maxsize=4)
def _marrow_of(settings: WristSettings, subject: int) -> Marrow:
    # Consecutive views share a subject.
    return draw_marrow(generator(settings, Stream.TEXTURE, subject), ("radius", "ulna", "hand"))


def wrist_views(settings: WristSettings, subject: int) -> int:
    """How many radiographs a subject has."""
    low, high = settings.views
    return int(generator(settings, Stream.SEQUENCE, subject).integers(low, high + 1))


def fracture_radiograph(
    settings: WristSettings, subject: int, frame: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], float]:
    """Make image uint8 (H, W), mask uint8 (H, W; 1 fracture) and pixel spacing in mm of one radiograph.

    It depends on the settings' ranges, the seed, the subject and the frame alone.
    """
    wrist = draw_wrist(settings, subject)
    fractures = draw_fractures(settings, subject, wrist)
    parts = assemble(wrist, fractures)
    rng = generator(settings, Stream.VIEW, subject, frame)
    rotation = _turned(rng, settings) @ view_rotation(settings, rng)
    view, field = aim(settings, rotation, _shown(wrist, fractures), Leeway((-0.2, -0.2), (0.2, 0.25)), rng)
    labels = np.zeros((view.size, view.size), np.uint8)
    for band in parts.bands:
        labels[cast(band, view, 1, BAND_STEP).silhouette] = 1
    rng = generator(settings, Stream.EXPOSURE, subject, frame)
    attenuation = _attenuation(wrist, parts, _marrow_of(settings, subject), view, rng)
    # A cast stays on from one view to the next.
    if generator(settings, Stream.SEQUENCE, subject, 1).random() < settings.casts:
        attenuation = attenuation + _plaster(parts, _marrow_of(settings, subject), view, rng)
    if rng.random() < settings.other_limb:
        attenuation = attenuation + artefacts.other_limb(rng, view.size, view.spacing, thickness=0.5)
    film = (view.spacing, field, faces_left(settings, subject))
    return *developed(settings, attenuation, labels, film, rng), view.spacing


def _turned(rng: np.random.Generator, settings: WristSettings) -> Vector:
    """Turn about the arm: a posteroanterior view, or a lateral one."""
    angle = float(np.deg2rad(rng.choice([-90.0, 90.0]))) if rng.random() < settings.lateral else 0.0
    return np.array([[np.cos(angle), 0.0, np.sin(angle)], [0.0, 1.0, 0.0], [-np.sin(angle), 0.0, np.cos(angle)]])


def _shown(wrist: Wrist, fractures: dict[str, Fracture]) -> Vector:
    """The middle of each band and points around it, that every image shows."""
    found = []
    for name, fracture in fractures.items():
        middle = break_centre(fracture, wrist.radius if name == "radius" else wrist.ulna)
        found += [middle + 0.5 * fracture.band * axis for axis in (*np.eye(3), *-np.eye(3))]
    return np.stack(found)


def _attenuation(wrist: Wrist, parts: Parts, marrow: Marrow, view: View, rng: np.random.Generator) -> Field:
    """Attenuation along each ray, (H, W), without unit."""
    contrast = float(rng.uniform(1.1, 2.0))
    world = midplane(view)
    # Streaks run along the arm, whichever side is seen.
    across = world[0] + world[2]
    outer, inner = cast(parts.skin, view, 2, 2.5).paths
    hounsfield_mm = MUSCLE_HU * inner * (1.0 + 0.05 * laid_on(marrow.muscle, across, world[1]))
    hounsfield_mm += FAT_HU * (outer - inner)
    for bone, solid in parts.pieces.values():
        shadow = cast(solid, view, 2)
        seen = shadow.silhouette
        whole, inside = shadow.paths[:, seen]
        x, y, z = solid.frame.to_local(*(axis[seen] for axis in world))
        rays = Rays(whole - inside, inside, x + z, y, _spongy(wrist, bone, y), MUSCLE_HU, _SCARS.get(bone))
        hounsfield_mm[seen] += contrast * bone_hu_mm(wrist.cortex, marrow, bone, rays)
    return np.asarray(WATER * (outer + hounsfield_mm * 1e-3), dtype=np.float32)


#: Height of the closed growth plates in mm.
_SCARS = {"radius": 11.0, "ulna": 9.0}


def _spongy(wrist: Wrist, bone: str, height: Field) -> Field:
    """HU within the cortex: spongy at the joint and in the hand, fatty in the shaft."""
    cortex = wrist.cortex
    if bone == "hand":
        return np.full_like(height, cortex.trabecular_hu)
    fatty = smooth_step(height, 14.0, 55.0)
    return np.asarray(cortex.trabecular_hu + (cortex.marrow_hu - cortex.trabecular_hu) * fatty, np.float32)


def _plaster(parts: Parts, marrow: Marrow, view: View, rng: np.random.Generator) -> Field:
    """Attenuation of a cast, (H, W): its shell, uneven as it is wound."""
    outer, inner = cast(parts.cast, view, 2, 2.0).paths
    x, y, z = midplane(view)
    wound = 1.0 + 0.15 * laid_on(marrow.muscle, y, x + z)
    hu = float(rng.uniform(*_PLASTER_HU))
    return np.asarray(WATER * (1.0 + 1e-3 * hu) * (outer - inner) * wound, dtype=np.float32)
