"""Read image and mask files: PNG, JPEG, TIFF by Pillow and OpenCV, volumes by ``volumes``."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from seggrid.data.sources import volumes
from seggrid.errors import UserError
from seggrid.manifest import DICOM_SUFFIXES, is_dicom

_LOSSLESS = (".png", ".tif", ".tiff", *volumes.NIFTI, *volumes.ITK)
_LOSSY = (".jpg", ".jpeg")
_DAMAGE = (OSError, EOFError, ValueError, SyntaxError, zlib.error, Image.DecompressionBombError)
Spacing = tuple[float, ...]


def stem(path: Path) -> str:
    """Return the path without its suffix (``.nii.gz`` is one suffix), where it is that of a type that is read."""
    text, suffix = path.as_posix(), volumes.suffix(path)
    return text[: -len(suffix)] if suffix in (*_LOSSLESS, *_LOSSY, *DICOM_SUFFIXES) else text


def size_text(shape: tuple[int, ...]) -> str:
    """Return a size as ``rows x columns``."""
    return " x ".join(map(str, shape))


def is_flat(path: Path) -> bool:
    """Whether a file is of a type that is read and not DICOM, by its suffix."""
    return volumes.suffix(path) in (*_LOSSLESS, *_LOSSY)


def by_stem(
    files: Iterable[Path], folder: Path, lossless: bool, with_dicom: bool = False
) -> tuple[dict[str, Path], dict[Path, str]]:
    """Return the readable files by case name, and a sentence on each file that cannot be used.

    Args:
        files: paths relative to ``folder``.
        lossless: refuse JPEG, which changes the values of a mask.
        with_dicom: take DICOM, which need not have a suffix.
    """
    files = list(files)
    found: dict[str, Path] = {}
    problems = {}
    voxels = {volumes.companion(folder / file) for file in files if volumes.suffix(file) == ".mhd"}
    for file in files:
        path, suffix = folder / file, volumes.suffix(file)
        if path in voxels:
            continue
        if lossless and suffix in _LOSSY:
            problems[path] = f"{path}: a JPEG mask has wrong values along edges; save masks as PNG"
        elif not is_flat(path) and not is_dicom(path):
            problems[path] = f"{path}: files of type {suffix or 'unknown'} are not read; take it out of the folder"
        elif not is_flat(path) and not with_dicom:
            problems[path] = f"{path}: DICOM is read by the folder source only; set data.source to folder"
        elif stem(file) in found:
            problems[path] = f"{path}: same name as a file with another suffix; keep one of them"
        else:
            found[stem(file)] = path
    return found, problems


def read_image(path: Path, flat_slice: bool = True) -> tuple[npt.NDArray[Any], Spacing | None]:
    """Return the image ``(C, *S)`` in the file's own type, and its spacing in mm where the file carries one.

    The axes of a volume are those of ``grids``. A colour image whose channels are all equal is grey, so C = 1; real
    colour gives C = 3 in the order red, green, blue. An opaque alpha channel is dropped. The EXIF orientation is not
    applied: masks carry none.

    Args:
        flat_slice: a NIfTI file of one slice is an image of two axes; else it is a volume.

    Raises:
        UserError: the file is damaged, has several pages, or is transparent.
    """
    if volumes.may_be_volume(path):
        array, spacing = volumes.read_volume(path, flat_slice)
        return array[None], spacing
    try:
        with Image.open(path) as file:
            _refuse_pages(file, path)
            # Pillow refuses truncated files, which OpenCV would fill up with grey.
            file.load()
            if file.format == "PNG" and file.mode in ("L", "I;16"):
                return np.asarray(file)[None], None
        # It keeps 16 bit of colours, and says more of other types than Pillow does.
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    except (*_DAMAGE, cv2.error) as error:
        raise UserError(f"{path}: unreadable or truncated ({error})") from error
    if pixels is None:
        raise UserError(f"{path}: unreadable; save it as PNG or TIFF of 8 or 16 bit")
    if pixels.ndim == 2:
        return pixels[None], None
    return _channels(np.moveaxis(pixels, -1, 0), path), None


def read_mask(path: Path, flat_slice: bool = True) -> tuple[npt.NDArray[Any], Spacing | None]:
    """Return the mask ``(*S)`` as whole numbers (palette images: the indices), and the file's spacing in mm.

    Args:
        flat_slice: as of ``read_image``.

    Raises:
        UserError: the file is damaged, coloured, DICOM, or holds fractions.
    """
    if not is_flat(path):
        raise UserError(f"{path}: a DICOM mask belongs to a DICOM image of the same name; save it as PNG")
    if volumes.may_be_volume(path):
        array, spacing = volumes.read_volume(path, flat_slice)
    else:
        array, spacing = _read_flat_mask(path), None
    if array.dtype.kind == "f":
        whole = np.rint(array)
        if not np.array_equal(whole, array):
            raise UserError(f"{path}: a mask must hold whole numbers, this one holds fractions")
        array = whole.astype(np.int64)
    return array, spacing


def _refuse_pages(file: Image.Image, path: Path) -> None:
    pages = getattr(file, "n_frames", 1)
    if pages > 1:
        raise UserError(f"{path}: {pages} pages; save volumes as NIfTI, NRRD or MHA and single images as one page")


def _channels(channels: npt.NDArray[Any], path: Path) -> npt.NDArray[Any]:
    if len(channels) in (2, 4):
        alpha = channels[-1]
        if (alpha != alpha.max()).any():
            raise UserError(f"{path}: has a transparent part; save it without alpha channel")
        channels = channels[:-1]
    if (channels == channels[:1]).all():
        return channels[:1]
    return channels[::-1]


def _read_flat_mask(path: Path) -> npt.NDArray[Any]:
    try:
        with Image.open(path) as file:
            _refuse_pages(file, path)
            array = np.asarray(file)
            colours = file.mode if array.ndim == 3 else ""
    except _DAMAGE as error:
        raise UserError(f"{path}: unreadable or truncated ({error})") from error
    if not colours:
        return array.astype(np.uint8) if array.dtype == np.bool_ else array
    channels = _channels(np.moveaxis(array, -1, 0), path)
    if len(channels) > 1:
        raise UserError(f"{path}: a colour mask; save it with one whole number a pixel (grey or palette)")
    return channels[0]
