"""Midline of a thin band, such as a tendon: where it ends, and how long it is along its curve."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d

Points = npt.NDArray[np.float64]

#: The band ends where it becomes thinner than this share of its median thickness.
_THIN = 0.5
_SAMPLES = 64
_BINS = 5


def midline(pixels: Points, start: Points, step: float) -> Points | None:
    """Return the midline of a band from the place nearest to ``start`` to its other end.

    A parabola over the band's longest extent is fitted to its pixels.

    Args:
        pixels: of the band, ``(n, 2)``.
        start: a point at one of its ends, not necessarily on the band.
        step: about the distance of pixels.

    Returns:
        Points along the midline, ``(64, 2)``; ``None`` where the band is not longer than it is thick.
    """
    centre = pixels.mean(axis=0)
    values, vectors = np.linalg.eigh((pixels - centre).T @ (pixels - centre) / len(pixels))
    along = vectors[:, 1] if vectors[:, 1] @ (centre - start) > 0 else -vectors[:, 1]
    if values[1] < 4 * values[0]:
        return None
    across = np.array([-along[1], along[0]])
    place = (pixels - centre) @ along
    curve = np.polynomial.Polynomial.fit(place, (pixels - centre) @ across, 2)
    bins = np.floor((place - place.min()) / step).astype(np.int64)
    # Over a few bins, for a slanting one holds now more, now fewer pixels.
    thickness = uniform_filter1d(np.bincount(bins).astype(float), _BINS, mode="constant")
    thick = np.flatnonzero(thickness >= _THIN * np.median(thickness))
    last = place.min() + (int(thick.max()) + 1) * step
    first = float((start - centre) @ along)
    if last - first < 2 * step:
        return None
    stations = np.linspace(first, last, _SAMPLES)
    # Beyond the band the parabola runs on straight, so that a start off its end does not bend it away.
    inside = np.clip(stations, place.min(), place.max())
    side = curve(inside) + curve.deriv()(inside) * (stations - inside)
    return np.asarray(centre + stations[:, None] * along + side[:, None] * across)
