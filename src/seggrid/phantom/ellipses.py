"""Plain textured ellipses in place of the knee: the control of a sim-to-real benchmark.

Same classes, subjects, frames, label order and rough layout (a tall ellipse, one leaning away, a small one in
front, a thin one between), without any of the anatomy, projection or detector.
"""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from seggrid.config.phantom import KneeSettings
from seggrid.phantom.knee import PAINT_ORDER
from seggrid.phantom.sampling import Stream, faces_left, flexion_of, generator

#: Centre (right, up) and half-axes (across, along) as shares of the image's side, knee facing right.
_SHAPES = {
    "femur": ((0.0, 0.24), (0.14, 0.30)),
    "tibia": ((-0.06, -0.28), (0.12, 0.28)),
    "patella": ((0.22, -0.02), (0.06, 0.11)),
    "patellar_tendon": ((0.19, -0.22), (0.026, 0.12)),
}


def render(
    settings: KneeSettings, subject: int, frame: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], float]:
    """Image, labels and pixel spacing in mm of one frame."""
    shape_rng = generator(settings, Stream.ELLIPSES, subject)
    rng = generator(settings, Stream.ELLIPSES, subject, frame + 1)
    size = settings.size
    flexion = np.deg2rad(flexion_of(settings, subject, frame))
    roll = np.deg2rad(rng.uniform(-1.0, 1.0) * settings.in_plane_rotation)
    u, v = _turned(_grid(size), roll)
    image = np.full((size, size), rng.uniform(0.1, 0.4), np.float32)
    labels = np.zeros((size, size), np.uint8)
    for name, value in PAINT_ORDER:
        (right, up), (across, along) = _SHAPES[name]
        across, along = np.array([across, along]) * shape_rng.uniform(0.85, 1.15, 2)
        # The lower two lean back with flexion, by half of it, so that all four stay in the image.
        lean = {"tibia": 0.5 * flexion, "patellar_tendon": 0.25 * flexion}.get(name, 0.0)
        du, dv = _turned((u, v), float(lean))
        inside = ((du - right) / across) ** 2 + ((dv - up) / along) ** 2 < 1.0
        texture = gaussian_filter(rng.standard_normal((size, size)), rng.uniform(0.6, 2.5))
        grey = rng.uniform(0.4, 0.9) + rng.uniform(0.03, 0.12) * texture / texture.std()
        image = np.where(inside, grey.astype(np.float32), image)
        labels[inside] = value
    image = gaussian_filter(image, 0.6) + rng.normal(0.0, 0.02, image.shape).astype(np.float32)
    if faces_left(settings, subject):
        image, labels = image[:, ::-1], np.ascontiguousarray(labels[:, ::-1])
    pixels = np.clip(np.rint(image * 255.0), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(pixels), labels, float(rng.uniform(*settings.field_of_view)) / size


Plane = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def _grid(size: int) -> Plane:
    index = (np.arange(size) - 0.5 * (size - 1)) / size
    u, v = np.meshgrid(index, -index)
    return u, v


def _turned(plane: Plane, angle: float) -> Plane:
    u, v = plane
    return u * np.cos(angle) - v * np.sin(angle), u * np.sin(angle) + v * np.cos(angle)
