"""One case as a picture: the image, with the outlines of truth and prediction over it."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from skimage.measure import approximate_polygon, find_contours

Mask = npt.NDArray[np.uint8]
#: Longest side of an embedded image in px; larger ones are reduced, outlines keep the original resolution.
LONGEST_SIDE = 384


@dataclass(frozen=True)
class Outline:
    """The borders of one object as SVG path data; empty where a mask holds none of it."""

    name: str
    truth: str
    prediction: str


@dataclass(frozen=True)
class Picture:
    """An image with outlines, in the pixels of the original image.

    Attributes:
        uri: the image as a PNG data URI.
        aspect: displayed width over height, with the spacing of the axes.
    """

    uri: str
    width: int
    height: int
    aspect: float
    outlines: tuple[Outline, ...]


def picture(
    image: Mask, truth: Mask, prediction: Mask, names: Sequence[str], spacing: Sequence[float] | None
) -> Picture:
    """Draw a case; of a volume, the slice along the first axis that shows most of the objects.

    Args:
        image: 0 to 255, shape ``(*S)``, as are the label images.
        names: of the objects 1, 2, ...
        spacing: per axis; None: square pixels.
    """
    steps = tuple(spacing or (1.0,) * image.ndim)
    if image.ndim == 3:
        position = int((truth > 0).sum(axis=(1, 2)).argmax())
        image, truth, prediction = image[position], truth[position], prediction[position]
    height, width = image.shape
    outlines = tuple(
        Outline(name, path(truth == label), path(prediction == label)) for label, name in enumerate(names, start=1)
    )
    return Picture(png_uri(image), width, height, width * steps[-1] / (height * steps[-2]), outlines)


def png_uri(image: Mask) -> str:
    """Return a grey image as a PNG data URI of at most ``LONGEST_SIDE``."""
    factor = LONGEST_SIDE / max(image.shape)
    if factor < 1:
        size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, encoded = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not done:
        raise OSError("an image cannot be written as PNG")
    return "data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


def path(mask: npt.NDArray[np.bool_]) -> str:
    """Return the border of a mask along the edges of its pixels, corners cut, as SVG path data in pixels."""
    tolerance = max(0.3, math.hypot(*mask.shape) / 1500)
    parts = []
    for contour in find_contours(np.pad(mask, 1).astype(np.float32), 0.5):
        corners = approximate_polygon(contour, tolerance)[:-1]
        # A pixel's centre lies half a pixel from its edge; the padding shifts by a whole one.
        points = " ".join(f"{x - 0.5:.1f},{y - 0.5:.1f}" for y, x in corners)
        parts.append(f"M{points}Z")
    return "".join(parts)
