"""From attenuation to a stored radiograph: beam, detector, processing for display.

Beer-Lambert primary beam, blurred scatter, Poisson counts and detector blur; then the logarithm, the
compression of large-scale contrast and the edge enhancement that digital systems apply before they store it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from seggrid.phantom.shapes import Field


@dataclass(frozen=True)
class Exposure:
    """Settings of one exposure; lengths in mm, `photons` per mm^2 of detector in air."""

    photons: float
    scatter: float
    scatter_width: float
    detector_blur: float
    flattening: float
    flattening_width: float
    enhancement: float
    enhancement_width: float
    air: float
    bright: float
    toe: float


def draw_exposure(rng: np.random.Generator, photons: tuple[float, float]) -> Exposure:
    """Draw the exposure and processing of one radiograph; photons log-uniformly in a range."""
    uniform = rng.uniform
    return Exposure(
        photons=float(np.exp(uniform(*np.log(photons)))),
        scatter=float(uniform(0.02, 0.12)),
        scatter_width=float(uniform(10.0, 22.0)),
        detector_blur=float(uniform(0.05, 0.35)),
        flattening=float(uniform(0.15, 0.6)),
        flattening_width=float(uniform(14.0, 30.0)),
        enhancement=float(uniform(0.2, 1.8)),
        enhancement_width=float(uniform(1.0, 6.0)),
        air=float(uniform(0.0, 0.1)),
        bright=float(uniform(0.82, 1.0)),
        toe=float(uniform(0.05, 0.45)),
    )


def expose(attenuation: Field, spacing: float, exposure: Exposure, rng: np.random.Generator) -> Field:
    """Turn line integrals of attenuation (H, W) into an image in [0, 1] with bone bright."""
    primary = np.exp(-attenuation)
    scattered = exposure.scatter * _blurred(primary, exposure.scatter_width / spacing)
    signal = (primary + scattered) / (1.0 + exposure.scatter)
    per_pixel = exposure.photons * spacing**2
    counts = rng.poisson(signal * per_pixel).astype(np.float32) / np.float32(per_pixel)
    counts = _blurred(counts, exposure.detector_blur / spacing)
    return _processed(-np.log(np.maximum(counts, np.float32(0.5 / per_pixel))), spacing, exposure)


def _blurred(image: Field, sigma: float) -> Field:
    """Gaussian blur of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def _processed(density: Field, spacing: float, exposure: Exposure) -> Field:
    slow = _blurred(density, exposure.flattening_width / spacing)
    fine = density - _blurred(density, exposure.enhancement_width / spacing)
    shown = density - exposure.flattening * slow + exposure.enhancement * fine
    low, high = np.percentile(shown, [2.0, 99.8])
    scaled = np.clip((shown - low) / max(float(high - low), 1e-3), 0.0, 1.15)
    scaled = _tone(scaled, exposure.toe)
    return np.asarray(exposure.air + (exposure.bright - exposure.air) * scaled, dtype=np.float32)


def _tone(scaled: Field, toe: float) -> Field:
    """Display curve: the toe keeps thin soft tissue dark, the shoulder keeps cortices from burning out."""
    softness = 0.06
    lifted = softness * np.logaddexp(0.0, (scaled - toe) / softness) / (1.0 - toe)
    return np.asarray(np.where(lifted > 0.8, 0.8 + 0.2 * np.tanh((lifted - 0.8) / 0.2), lifted))


def to_bytes(image: Field) -> npt.NDArray[np.uint8]:
    """Round an image in [0, 1] to 8 bit."""
    return np.clip(np.rint(image * 255.0), 0, 255).astype(np.uint8)
