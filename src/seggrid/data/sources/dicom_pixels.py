"""Read the pixels of DICOM images: stored values become brightness.

Sentences in errors name neither the file nor anything that stands in it, as in ``dicom``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seggrid.data.sources.dicom import DAMAGE, damaged, library
from seggrid.errors import UserError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Values = npt.NDArray[Any]
#: The values that the ends of the stored range become.
Ends = tuple[int | float, int | float]

#: Per frame, then those that all frames share.
_GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
#: By what they measure: the patient; the detector; the film.
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_PADDING = ("PixelPaddingValue", "PixelPaddingRangeLimit")
_VOI = ("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction")
#: pydicom reads the tags that say how pixels are stored anyway.
_ALSO = (*_GROUPS, *_SPACINGS, *_PADDING, *_VOI)


def read_frame(path: Path, frame: int = 1, voi: bool = False) -> tuple[Values, tuple[float, float] | None]:
    """Return a frame ``(C, H, W)``, and its spacing in mm per axis, rows first, where the file says it.

    The modality look-up table or slope and intercept are applied, and MONOCHROME1 is turned round, so that what takes
    up more X-rays is brighter. Padding is as dark as the darkest pixel that is none. The spacing is that of the
    patient (PixelSpacing), else of the detector (ImagerPixelSpacing), else of the film (NominalScannedPixelSpacing).

    Args:
        frame: counted from 1.
        voi: apply the first VOI look-up table, else the first window, of the file; the values are then 0 to 1.
            Otherwise the full range is kept for the preprocessing.

    Raises:
        UserError: the file cannot be read, is compressed or coloured in a way that is not understood, or has no window
            to apply.
    """
    pydicom = library()
    found = pydicom.Dataset()
    try:
        with path.open("rb") as stream:
            stored = pydicom.pixels.pixel_array(
                stream, ds_out=found, specific_tags=[pydicom.tag.Tag(name) for name in _ALSO], index=frame - 1
            )
        return _brightness(stored, found, frame, voi), _spacing(found, frame)
    except UserError:
        raise
    except (NotImplementedError, RuntimeError) as error:
        raise UserError(_undecodable(path, error)) from None
    except DAMAGE as error:
        raise UserError(damaged(error)) from None


def _undecodable(path: Path, error: BaseException) -> str:
    pydicom = library()
    syntax = pydicom.filereader.read_file_meta_info(path).get("TransferSyntaxUID")
    try:
        decodable = syntax is None or not syntax.is_compressed or pydicom.pixels.get_decoder(syntax).is_available
    except (NotImplementedError, ValueError):
        decodable = False
    if decodable and "does not support" not in str(error):
        return damaged(error)
    return f"compressed as {syntax.name}, which no installed decoder reads; save it uncompressed"


def _brightness(stored: Values, found: Dataset, frame: int, voi: bool) -> Values:
    photometric = str(found.PhotometricInterpretation)
    if stored.ndim == 3:
        channels = np.moveaxis(stored, -1, 0)
        return channels[:1] if (channels == channels[:1]).all() else channels
    if not photometric.startswith("MONOCHROME"):
        raise UserError(f"its pixels are {photometric}; save it as grey values")
    values, ends = _modality(stored, found, frame)
    if voi:
        values, ends = _windowed(values, found, frame), (0, 1)
    if photometric == "MONOCHROME1":
        # By the ends of what can be stored, not of this image: equal doses stay equal from image to image.
        values = values.dtype.type(sum(ends)) - values
    padding = _padding(stored, found)
    if padding is not None and padding.any() and not padding.all():
        values = np.where(padding, values[~padding].min(), values)
    return values[None]


def _padding(stored: Values, found: Dataset) -> npt.NDArray[np.bool_] | None:
    """Where there is no image, but filling around it; ``None`` where the file does not say."""
    first, last = (found.get(name) for name in _PADDING)
    if first is None:
        return None
    low, high = sorted((int(first), int(first if last is None else last)))
    return (stored >= low) & (stored <= high)


def _modality(stored: Values, found: Dataset, frame: int) -> tuple[Values, Ends]:
    """Apply the modality transformation; return the values and those of the ends of the stored range."""
    bits, signed = int(found.BitsStored), int(found.PixelRepresentation) == 1
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if found.get("ModalityLUTSequence"):
        values = library().pixels.apply_modality_lut(stored, found)
        ends = library().pixels.apply_modality_lut(np.array([low, high], stored.dtype), found)
        return values.astype(np.float32), (float(ends[0]), float(ends[1]))
    transformation = next(_in_groups(found, frame, "PixelValueTransformationSequence"), found)
    slope = float(1 if transformation.get("RescaleSlope") is None else transformation.RescaleSlope)
    intercept = float(transformation.get("RescaleIntercept") or 0)
    if not (math.isfinite(slope) and math.isfinite(intercept) and slope):
        raise UserError("its rescale slope or intercept is no number; correct the header")
    if (slope, intercept) == (1, 0):
        return stored, (low, high)
    return (stored * slope + intercept).astype(np.float32), (low * slope + intercept, high * slope + intercept)


def _windowed(values: Values, found: Dataset, frame: int) -> Values:
    """Apply the first VOI look-up table, else the first window; the result is 0 to 1."""
    import pydicom.pixels.processing as processing

    place = next(_in_groups(found, frame, "FrameVOILUTSequence"), found)
    tables = place.get("VOILUTSequence")
    if tables:
        count, first, depth = map(int, tables[0].LUTDescriptor)
        # pydicom counts the entries of a table in as many bits as each of them has, too few for a long one.
        tables[0].LUTDescriptor = [count, first, 16]
        # Scaled values are only nearly whole.
        places = np.clip(np.rint(values), first, first + (count or 1 << 16) - 1).astype(np.int64)
        return (processing.apply_voi(places, place) / ((1 << depth) - 1)).astype(np.float32)
    if place.get("WindowCenter") is None or place.get("WindowWidth") is None:
        raise UserError("has neither window nor VOI look-up table; take voi out of the data section")
    window = library().Dataset()
    for name in _VOI[1:]:
        if place.get(name) is not None:
            setattr(window, name, place.get(name))
    # One bit, so that pydicom's window ends at 0 and 1.
    window.PhotometricInterpretation, window.PixelRepresentation, window.BitsStored = "MONOCHROME2", 0, 1
    try:
        return processing.apply_windowing(values, window).astype(np.float32)
    except ValueError:
        raise UserError("its window is narrower than DICOM allows, or of an unknown function; correct it") from None


def _spacing(found: Dataset, frame: int) -> tuple[float, float] | None:
    measures = next(_in_groups(found, frame, "PixelMeasuresSequence"), None)
    patient, *others = _SPACINGS
    for place, name in ((found, patient), (measures, patient), *((found, name) for name in others)):
        value = place.get(name) if place else None
        if value:
            rows, columns = map(float, value)
            if not (0 < rows < math.inf and 0 < columns < math.inf):
                raise UserError(f"its {name} is not positive; correct the header")
            return rows, columns
    return None


def _in_groups(found: Dataset, frame: int, name: str) -> Iterator[Dataset]:
    """Items of the functional groups of a frame, then of those that all frames share."""
    own, shared = map(found.get, _GROUPS)
    for item in (*([own[frame - 1]] if own else ()), *(shared or ())):
        if item.get(name):
            yield item[name][0]
