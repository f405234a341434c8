"""One case as a picture: the image, and the outlines of objects over it."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from skimage.measure import find_contours

Mask = npt.NDArray[np.uint8]
#: Longest side of an embedded image in px; larger ones are reduced, outlines keep the original resolution.
LONGEST_SIDE = 384


@dataclass(frozen=True)
class Picture:
    """An image with the outlines of its truth, in the pixels of the original image.

    Attributes:
        uri: the image as a data URI.
        aspect: displayed width over height, with the spacing of the axes.
        truth: the border of each object as SVG path data; empty where there is none of it.
        position: of a volume, the slice along the first axis that is shown.
    """

    uri: str
    width: int
    height: int
    aspect: float
    truth: tuple[str, ...]
    position: int | None


def picture(image: Mask, truth: Mask, objects: int, spacing: Sequence[float] | None) -> Picture:
    """Draw a case; of a volume, the slice along the first axis that shows most of the objects.

    Args:
        image: 0 to 255, shape ``(*S)``, as is the label image of the truth.
        objects: number of objects, labelled 1, 2, ...
        spacing: per axis; None: square pixels.
    """
    steps = tuple(spacing or (1.0,) * image.ndim)
    position = int((truth > 0).sum(axis=(1, 2)).argmax()) if image.ndim == 3 else None
    if position is not None:
        image = image[position]
    height, width = image.shape
    aspect = width * steps[-1] / (height * steps[-2])
    return Picture(image_uri(image), width, height, aspect, outlines(truth, objects, position), position)


def outlines(mask: Mask, objects: int, position: int | None) -> tuple[str, ...]:
    """The border of each object of a label image, or of one slice of a volume."""
    shown = mask if position is None else mask[position]
    return tuple(path(shown == label) for label in range(1, objects + 1))


def image_uri(image: Mask) -> str:
    """Return a grey image as a WebP data URI of at most ``LONGEST_SIDE``: a fifth of a PNG, and no artefact to see."""
    factor = LONGEST_SIDE / max(image.shape)
    if factor < 1:
        size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, encoded = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 85])
    if not done:
        raise OSError("an image cannot be written as WebP")
    return "data:image/webp;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


def path(mask: npt.NDArray[np.bool_]) -> str:
    """Return the border of a mask along the edges of its pixels, corners cut, as SVG path data in pixels."""
    tolerance = max(0.3, math.hypot(*mask.shape) / 1500)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return ""
    # Of the object alone, for the search goes through every pixel.
    window = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    parts = []
    for contour in find_contours(np.pad(window, 1).astype(np.float32), 0.5):
        corners = cv2.approxPolyDP(contour[:-1].astype(np.float32), tolerance, closed=True)[:, 0]
        corners += (rows[0], columns[0])
        # A pixel's centre lies half a pixel from its edge; the padding shifts by a whole one.
        points = " ".join(f"{x - 0.5:.1f},{y - 0.5:.1f}" for y, x in corners)
        parts.append(f"M{points}Z")
    return "".join(parts)
