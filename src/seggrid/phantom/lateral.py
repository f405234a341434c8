"""Lateral radiographs of the articulated knee with their exact projected masks."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from seggrid.config.phantom import KneeSettings
from seggrid.phantom import artefacts
from seggrid.phantom.attenuation import FIELDS, Marrow, draw_marrow, line_integrals
from seggrid.phantom.knee import BONES, PAINT_ORDER, solids
from seggrid.phantom.pose import pose
from seggrid.phantom.projection import Shadow, cast
from seggrid.phantom.radiography import developed
from seggrid.phantom.sampling import Stream, anatomy_of, draw_view, faces_left, flexion_of, generator

Pixels = dict[str, tuple[float, float]]
#: Sampling step in mm; skin is smooth and needs few samples.
_STEP = {"skin": 3.5}


def projected_labels(shadows: dict[str, Shadow]) -> npt.NDArray[np.uint8]:
    """Exact mask (H, W): patella over femur over tibia over tendon."""
    first = next(iter(shadows.values()))
    labels = np.zeros(first.depth.shape, np.uint8)
    for name, value in PAINT_ORDER:
        labels[shadows[name].silhouette] = value
    return labels


@lru_cache(maxsize=4)
def _marrow_of(settings: KneeSettings, subject: int) -> Marrow:
    # Consecutive frames share a subject, and its textures take as long as a bone's projection.
    return draw_marrow(generator(settings, Stream.TEXTURE, subject), BONES)


def render(
    settings: KneeSettings, subject: int, frame: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], float, Pixels]:
    """Image, labels, pixel spacing in mm and landmarks (row, column) of one frame."""
    anatomy = anatomy_of(settings, subject)
    posed = pose(anatomy, flexion_of(settings, subject, frame))
    view, field = draw_view(settings, subject, frame, anatomy, posed)
    parts = solids(anatomy, posed)
    shadows = {name: cast(parts[name], view, n, _STEP.get(name, 1.3)) for name, n in FIELDS.items()}
    labels = projected_labels(shadows)

    rng = generator(settings, Stream.EXPOSURE, subject, frame)
    contrast = float(rng.uniform(1.0, 1.9))
    marrow = _marrow_of(settings, subject)
    attenuation = line_integrals(anatomy.cortex, posed, marrow, view, shadows, contrast)
    if rng.random() < settings.other_leg:
        attenuation = attenuation + artefacts.other_limb(rng, view.size, view.spacing)
    mirrored = faces_left(settings, subject)
    image, labels = developed(settings, attenuation, labels, (view.spacing, field, mirrored), rng)
    pixels = {name: view.to_pixel(point) for name, point in posed.landmarks(anatomy).items()}
    if mirrored:
        pixels = {name: np.array([p[0], view.size - 1 - p[1]]) for name, p in pixels.items()}
    landmarks = {name: (float(p[0]), float(p[1])) for name, p in pixels.items()}
    return image, labels, view.spacing, landmarks
