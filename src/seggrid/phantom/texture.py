"""Band-limited random fields: trabeculae, muscle streaks, mottled fat."""

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import map_coordinates

from seggrid.phantom.shapes import Field

#: Side of a periodic tile in pixels and in mm.
_TILE, _TILE_MM = 320, 128.0


@dataclass(frozen=True)
class Band:
    """One family of grains: finest detail in mm, how much longer than wide, direction in degrees, share."""

    wavelength: float
    elongation: float
    angle: float
    weight: float = 1.0


def noise(rng: np.random.Generator, bands: tuple[Band, ...]) -> Field:
    """Periodic Gaussian noise of unit variance on a square tile, with the spectrum of the bands together.

    The sum of independent Gaussian fields is one whose power is the sum of theirs, so one transform suffices.
    Angles are against the x axis of `laid_on`.
    """
    fx = fft.rfftfreq(_TILE, _TILE_MM / _TILE).astype(np.float32)[None, :]
    fy = fft.fftfreq(_TILE, _TILE_MM / _TILE).astype(np.float32)[:, None]
    power = np.zeros((_TILE, _TILE // 2 + 1), np.float32)
    for band in bands:
        turn = float(np.deg2rad(band.angle))
        along = (fx * float(np.cos(turn)) + fy * float(np.sin(turn))) * (band.elongation * band.wavelength)
        across = (fy * float(np.cos(turn)) - fx * float(np.sin(turn))) * band.wavelength
        squared = along * along + across * across
        # Band-pass: the mean and the slow drift belong to the anatomy, not to the texture.
        gain = np.exp(-1.5 * squared) * (1.0 - np.exp(-12.0 * squared))
        power += band.weight**2 * gain**2 / np.mean(gain**2)
    white = fft.rfft2(rng.standard_normal((_TILE, _TILE), np.float32))
    grain = fft.irfft2(white * np.sqrt(power), s=(_TILE, _TILE))
    return np.asarray(grain / grain.std(), dtype=np.float32)


def trabeculae(rng: np.random.Generator) -> Field:
    """Two crossing families of struts, fine grain and coarse mottling."""
    lean = float(rng.normal(0.0, 8.0))
    fine = float(rng.uniform(0.6, 1.1))
    bands = (
        Band(fine, 4.0, 90.0 + lean, 0.8),
        Band(fine, 3.0, lean, 0.5),
        Band(fine, 1.3, 45.0, 0.6),
        Band(float(rng.uniform(3.0, 6.0)), 1.6, 60.0, 0.5),
        Band(14.0, 1.5, 20.0, 0.6),
    )
    return noise(rng, bands)


def laid_on(tile: Field, x: Field, y: Field) -> Field:
    """Sample a periodic tile at positions in mm, bilinearly."""
    scale = _TILE / _TILE_MM
    return np.asarray(map_coordinates(tile, [y * scale, x * scale], order=1, mode="grid-wrap"), dtype=np.float32)
