"""What a prediction leaves: a mask like its image, a picture of both, and rows of a table."""

from __future__ import annotations

import gzip
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import nibabel as nib
import numpy as np
import numpy.typing as npt
from skimage.exposure import rescale_intensity
from skimage.segmentation import find_boundaries

from seggrid.data.sources.files import Spacing
from seggrid.records import atomic

Mask = npt.NDArray[np.uint8]
#: Colours of the objects, red green blue, told apart by most colour-blind people too (Okabe and Ito 2008).
COLOURS = np.array(
    [(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167)],
    np.float32,
)
_ALPHA = 0.35


def write_mask(path: Path, mask: Mask, image: Path) -> None:
    """Write a mask ``(*S)`` of labels: same mask, same bytes.

    Args:
        path: its suffix says the format.
        image: the file that it belongs to; a NIfTI mask takes over its grid and position.
    """
    with atomic(path, durable=False) as temporary:
        nifti = path.name.removesuffix(".gz").endswith(".nii")
        temporary.write_bytes(_nifti(mask, image, path) if nifti else _encoded(mask, path))


def _encoded(pixels: npt.NDArray[np.uint8], path: Path) -> bytes:
    done, content = cv2.imencode(path.suffix, pixels)
    if not done:
        raise OSError(f"{path}: cannot be written")
    return content.tobytes()


def _nifti(mask: Mask, image: Path, path: Path) -> bytes:
    source = nib.load(image)
    header = source.header.copy()
    header.set_data_dtype(np.uint8)
    header.set_slope_inter(1, 0)
    header["cal_min"], header["cal_max"] = 0, 0
    header.extensions.clear()
    like = source.__class__(mask.reshape(source.shape), source.affine, header)
    content: bytes = like.to_bytes()
    # Without the time, which gzip would note down.
    return gzip.compress(content, compresslevel=6, mtime=0) if path.suffix == ".gz" else content


def write_overlay(path: Path, image: npt.NDArray[Any], mask: Mask) -> None:
    """Draw the objects of a mask ``(*S)`` over the image ``(C, *S)``; of a volume, the slice that shows most."""
    grey = image.mean(0, dtype=np.float32)
    if mask.ndim == 3:
        number = int((mask > 0).sum((1, 2)).argmax())
        grey, mask = grey[number], mask[number]
    low, high = np.percentile(grey, (0.5, 99.5))
    shown = np.repeat(rescale_intensity(grey, (low, max(high, low + 1e-6)), (0, 255))[..., None], 3, -1)
    colours = COLOURS[(mask.astype(int) - 1) % len(COLOURS)]
    strength = np.where(find_boundaries(mask, mode="inner"), 1.0, _ALPHA) * (mask > 0)
    drawn = shown + (colours - shown) * strength[..., None]
    with atomic(path, durable=False) as temporary:
        temporary.write_bytes(_encoded(np.rint(drawn[..., ::-1]).astype(np.uint8), path))


@dataclass(frozen=True)
class Area:
    """How much of an image an object covers; in mm2 or mm3 where the file carries a spacing, else in px."""

    label: int
    pixels: int
    area: float
    unit: str


def measure_areas(mask: Mask, classes: int, spacing: Spacing | Sequence[float] | None) -> list[Area]:
    """Measure the objects 1 to ``classes``, absent ones too."""
    counts = np.bincount(mask.ravel(), minlength=classes + 1).tolist()
    size, unit = (math.prod(spacing), f"mm{mask.ndim}") if spacing else (1.0, "px")
    return [Area(label, counts[label], counts[label] * size, unit) for label in range(1, classes + 1)]
