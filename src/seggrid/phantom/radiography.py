"""From the attenuation of any phantom to its stored radiograph, with the mask as it can be seen there."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from seggrid.phantom import artefacts
from seggrid.phantom.exposure import draw_exposure, expose, to_bytes
from seggrid.phantom.sampling import Collimation
from seggrid.phantom.shapes import Field

Mask = npt.NDArray[np.uint8]


class Detector(Protocol):
    """Settings of a phantom's exposures."""

    @property
    def photons(self) -> tuple[float, float]:
        """Range of the photons that reach 1 mm^2 through air."""

    @property
    def markers(self) -> float:
        """Probability of a side marker."""


def developed(
    settings: Detector,
    attenuation: Field,
    labels: Mask,
    film: tuple[float, Collimation, bool],
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.uint8], Mask]:
    """Expose, collimate, mirror and mark; returns image and mask, uint8 (H, W).

    `film` is the pixel spacing in mm, the collimator's field, and whether the subject is mirrored. What a border
    covers is background.
    """
    spacing, field, mirrored = film
    image = expose(attenuation, spacing, draw_exposure(rng, settings.photons), rng)
    image, inside = artefacts.collimated(image, field, rng)
    labels = np.where(inside < 0.5, 0, labels).astype(np.uint8)
    if mirrored:
        image, labels = image[:, ::-1], labels[:, ::-1]
    if rng.random() < settings.markers:
        image = artefacts.mark(np.ascontiguousarray(image), labels, rng, mirrored)
    return to_bytes(image), np.ascontiguousarray(labels)
