"""What a prediction leaves: a mask like its image, a picture of both, and rows of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from skimage.exposure import rescale_intensity
from skimage.segmentation import find_boundaries

from seggrid.data.sources.files import Spacing
from seggrid.data.sources.volumes import may_be_volume
from seggrid.prediction.inputs import Input
from seggrid.prediction.segmentation import encode_segmentation, encode_series
from seggrid.prediction.volumes import Mask, encode_volume
from seggrid.records import atomic

#: Colours of the objects, red green blue, told apart by most colour-blind people too (Okabe and Ito 2008).
COLOURS = np.array(
    [(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167)],
    np.float32,
)
_ALPHA = 0.35


def encode_mask(item: Input, masks: Sequence[Mask], class_names: Sequence[str], model: str) -> bytes:
    """Return the mask file of an image, of its kind, from its mask ``(*S)`` or those of its frames or slices.

    The mask of a volume lies on its grid, a DICOM one refers to its image. Same masks, same bytes.

    Args:
        class_names: of the objects 1 to K.
        model: stands for the model.
    """
    if item.header:
        return encode_segmentation(item.header, np.stack(masks), class_names, model)
    mask = masks[0] if item.axis is None else np.stack(masks, item.axis)
    if item.series:
        return encode_series(item.series, item.series.from_canonical(mask), class_names, model)
    return encode_volume(mask, item.files[0], item.mask) if may_be_volume(item.mask) else _encoded(mask, item.mask)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step; after a power cut it may be damaged, which the journal would tell."""
    with atomic(path, durable=False) as temporary:
        temporary.write_bytes(content)


def _encoded(pixels: npt.NDArray[np.uint8], path: Path) -> bytes:
    done, content = cv2.imencode(path.suffix, pixels)
    if not done:
        raise OSError(f"{path}: cannot be written")
    return content.tobytes()


def draw_overlay(image: npt.NDArray[Any], mask: Mask) -> bytes:
    """Draw the objects of a mask ``(*S)`` over the image ``(C, *S)``, as PNG; of a volume, the slice with most."""
    grey = image.mean(0, dtype=np.float32)
    if mask.ndim == 3:
        number = int((mask > 0).sum((1, 2)).argmax())
        grey, mask = grey[number], mask[number]
    low, high = np.percentile(grey, (0.5, 99.5))
    shown = np.repeat(rescale_intensity(grey, (low, max(high, low + 1e-6)), (0, 255))[..., None], 3, -1)
    colours = COLOURS[(mask.astype(int) - 1) % len(COLOURS)]
    strength = np.where(find_boundaries(mask, mode="inner"), 1.0, _ALPHA) * (mask > 0)
    drawn = shown + (colours - shown) * strength[..., None]
    return _encoded(np.rint(drawn[..., ::-1]).astype(np.uint8), Path("overlay.png"))


@dataclass(frozen=True)
class Area:
    """How much of an image an object covers; in mm2 or mm3 where the file carries a spacing, else in px.

    Attributes:
        frame: of the file, counted from 1.
    """

    frame: int
    label: int
    pixels: int
    area: float
    unit: str


def measure_areas(mask: Mask, classes: int, spacing: Spacing | None, frame: int = 1) -> list[Area]:
    """Measure the objects 1 to ``classes``, absent ones too."""
    size, unit = (math.prod(spacing), f"mm{mask.ndim}") if spacing else (1.0, "px")
    # Several times as fast as np.bincount, which makes long numbers of the labels.
    counts = ((label, int(np.count_nonzero(mask == label))) for label in range(1, classes + 1))
    return [Area(frame, label, count, count * size, unit) for label, count in counts]
