"""Read the pixels of DICOM images: stored values become brightness.

Sentences in errors name neither the file nor anything that stands in it, as in ``dicom``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seggrid.data.sources.dicom import DAMAGE, damaged, library
from seggrid.errors import UserError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Values = npt.NDArray[Any]
Where = npt.NDArray[np.bool_]
#: The values that the ends of the stored range become.
Ends = tuple[int | float, int | float]

#: Per frame, then those that all frames share.
_GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
#: By what they measure: the patient; the detector; the film.
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_PADDING = ("PixelPaddingValue", "PixelPaddingRangeLimit")
_VOI = ("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction")
#: Asked for beside those of how pixels are stored, which pydicom reads anyway.
_TAGS = (*_GROUPS, *_SPACINGS, *_PADDING, *_VOI)
_NO_COLOURS = (
    "is coloured, and a window is one of grey values; save it as grey values, or take voi out of the data section"
)
_NO_WINDOW = "has neither window nor VOI look-up table; take voi out of the data section"


class Pixels(NamedTuple):
    """A frame as its file holds it.

    Attributes:
        values: ``(C, H, W)``, bright where much of the X-rays is taken up.
        padding: ``(H, W)``, where there is no image but filling around it; ``None`` where the file names none.
        spacing: mm per axis, rows first; ``None`` where the file has none.
    """

    values: Values
    padding: Where | None
    spacing: tuple[float, float] | None


def read_frame(path: Path, frame: int = 1, voi: bool = False) -> tuple[Values, tuple[float, float] | None]:
    """Return a frame ``(C, H, W)``, its padding as dark as the darkest pixel that is none, and its spacing in mm.

    See ``read_pixels``.
    """
    pixels = read_pixels(path, frame, voi)
    return darken(pixels.values, pixels.padding), pixels.spacing


def read_pixels(path: Path, frame: int = 1, voi: bool = False) -> Pixels:
    """Read the pixels of a frame.

    The modality look-up table or slope and intercept are applied, and MONOCHROME1 is turned round, so that what takes
    up more X-rays is brighter. The spacing is that of the patient (PixelSpacing), else of the detector
    (ImagerPixelSpacing), else of the film (NominalScannedPixelSpacing).

    Args:
        frame: counted from 1.
        voi: apply the first VOI look-up table, else the first window, of the frame or file; the values are then 0 to
            1. Otherwise the full range is kept for the preprocessing.

    Raises:
        UserError: the file cannot be read, is compressed or coloured in a way that is not understood, or has no window
            to apply.
    """
    pydicom = library()
    found = pydicom.Dataset()
    try:
        with path.open("rb") as stream:
            stored = pydicom.pixels.pixel_array(
                stream, ds_out=found, specific_tags=[pydicom.tag.Tag(name) for name in _TAGS], index=frame - 1
            )
        return Pixels(_brightness(stored, found, frame, voi), _padding(stored, found), _spacing(found, frame))
    except UserError:
        raise
    except (NotImplementedError, RuntimeError) as error:
        raise UserError(_undecodable(path, error)) from None
    except DAMAGE as error:
        raise UserError(damaged(error)) from None


def darken(values: Values, padding: Where | None) -> Values:
    """Make padding ``(*S)`` as dark as the darkest value ``(C, *S)`` that is none; what is nothing else stays."""
    if padding is None or not padding.any() or padding.all():
        return values
    return np.where(padding, values[:, ~padding].min(), values)


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
        if voi:
            raise UserError(_NO_COLOURS)
        channels = np.moveaxis(stored, -1, 0)
        return channels[:1] if (channels == channels[:1]).all() else channels
    if not photometric.startswith("MONOCHROME"):
        raise UserError(f"its pixels are {photometric}; save it as grey values")
    values, ends = _modality(stored, found, frame)
    if voi:
        values, ends = _windowed(values, found, frame), (0, 1)
    # By the ends of what can be stored, not of this image: equal doses stay equal from image to image.
    return (values.dtype.type(sum(ends)) - values if photometric == "MONOCHROME1" else values)[None]


def _padding(stored: Values, found: Dataset) -> Where | None:
    first, last = (found.get(name) for name in _PADDING)
    if first is None or stored.ndim == 3 or stored.dtype.kind not in "iu":
        return None
    try:
        limits = [_as_stored(int(value), stored.dtype) for value in (first, first if last is None else last)]
    except (TypeError, ValueError):  # no whole number of that size: it says nothing
        return None
    return (stored >= min(limits)) & (stored <= max(limits))


def _as_stored(value: int, kind: np.dtype[Any]) -> int:
    """The same bits as a value of the pixels: headers often have it with the other sign."""
    bits = 8 * kind.itemsize
    if not -(1 << (bits - 1)) <= value < 1 << bits:
        raise ValueError(value)
    return int(np.array(value % (1 << bits), f"u{kind.itemsize}").view(kind.newbyteorder("=")))


def _modality(stored: Values, found: Dataset, frame: int) -> tuple[Values, Ends]:
    """Apply the modality transformation; return the values and those of the ends of the stored range."""
    bits, signed = int(found.BitsStored), int(found.PixelRepresentation) == 1
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if found.get("ModalityLUTSequence"):
        table = found.ModalityLUTSequence[0]
        values, ends = (_look_up(given, table)[0] for given in (stored, np.array([low, high])))
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
    for place in (*_in_groups(found, frame, "FrameVOILUTSequence"), found):
        table = next(iter(place.get("VOILUTSequence") or ()), None)
        if table is not None and not any(_is_empty(table.get(name)) for name in ("LUTDescriptor", "LUTData")):
            entries, depth = _look_up(values, table)
            return (entries / ((1 << depth) - 1)).astype(np.float32)
        if not any(_is_empty(place.get(name)) for name in ("WindowCenter", "WindowWidth")):
            return _through_window(values, place)
    raise UserError(_NO_WINDOW)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | bytes) and not value)


def _through_window(values: Values, place: Dataset) -> Values:
    window = library().Dataset()
    for name in _VOI[1:]:
        if not _is_empty(place.get(name)):
            setattr(window, name, place.get(name))
    # One bit, so that pydicom's window ends at 0 and 1.
    window.PhotometricInterpretation, window.PixelRepresentation, window.BitsStored = "MONOCHROME2", 0, 1
    try:
        shown: Values = library().pixels.apply_windowing(values, window)
    except ValueError:
        raise UserError("its window is narrower than DICOM allows, or of an unknown function; correct it") from None
    return shown.astype(np.float32)


def _look_up(values: Values, table: Dataset) -> tuple[Values, int]:
    """Return the entries of a modality or VOI table for whole or nearly whole values, and how many bits they have.

    pydicom reads no table whose entries are packed into bytes, and counts the places of a long one in too few bits.
    """
    count, first, depth = map(int, table.LUTDescriptor)
    count = count & 0xFFFF or 1 << 16  # 0 stands for the most, and pydicom may take it for a signed number
    if not 1 <= depth <= 16:
        raise ValueError(depth)
    if first > 0x7FFF and values.min() < 0:  # a signed number that pydicom has taken for an unsigned one
        first -= 1 << 16
    data = table.LUTData
    order = ">" if table.original_encoding[1] is False else "<"
    words = np.frombuffer(data, f"{order}u2") if isinstance(data, bytes) else np.array(data, np.uint16)
    entries = words if len(words) >= count else words.astype("<u2").view(np.uint8)
    if len(entries) < count:
        raise ValueError(len(entries))
    places = np.clip(np.rint(values).astype(np.int64) - first, 0, count - 1)
    return entries[places], depth


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
