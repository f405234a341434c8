"""Read DICOM images: stored values become brightness, and what names a patient stays behind.

Sentences in errors name neither the file nor anything that stands in it; the caller puts a pseudonym in front.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seggrid.errors import UserError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SUFFIXES = (".dcm", ".dicom", ".ima")
_HEADER = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "IssuerOfPatientID",
    "NumberOfFrames", "Rows", "Columns", "InstanceNumber", "AcquisitionTime",
)  # fmt: skip
_VALUES = ("ImagerPixelSpacing", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
#: Have rows and columns, and are no images: segmentations, label maps, doses.
_NO_IMAGES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7", "1.2.840.10008.5.1.4.1.1.481.2")
_DAMAGE = (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, IndexError, struct.error, zlib.error)


class NotAnImageError(UserError):
    """The file is DICOM, but holds a report, a presentation state, a segmentation or a directory."""


@dataclass(frozen=True)
class Header:
    """What a DICOM image is called.

    Attributes:
        instance: its SOP Instance UID.
        kind: its SOP Class UID.
        patient: number of the patient and who issued it; empty where there is none.
        shape: rows and columns.
        number: of the image in its series; ``None`` where it has none.
        time: when it was taken, as DICOM writes it; only to order images by, for it must not be told.
    """

    instance: str
    kind: str
    study: str
    series: str
    patient: str
    frames: int
    shape: tuple[int, int]
    number: int | None = None
    time: str = ""

    @property
    def pseudonym(self) -> str:
        """A name that follows from the image's own, and from which that cannot be had."""
        return pseudonym("dcm", self.instance.encode())

    @property
    def owner(self) -> str:
        """What the images of one patient share: the patient's number, where there is none the study, else themselves.

        It is compared and never told.
        """
        return f"patient {self.patient}" if self.patient else f"study {self.study}" if self.study else self.pseudonym


def pseudonym(kind: str, content: bytes) -> str:
    """Return ``KIND-`` and 12 hex digits that stand for ``content``, which must be too long to be guessed."""
    return f"{kind}-{hashlib.sha256(content).hexdigest()[:12]}"


def is_dicom(path: Path) -> bool:
    """Whether a file says, by its suffix or by its first bytes, that it is DICOM."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


@functools.cache
def library() -> ModuleType:
    """Return pydicom, which takes a while to import, told to keep what stands in a file out of the logs."""
    import gdcm
    import pydicom
    import pydicom.pixels

    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    warnings.filterwarnings("ignore", module=r"pydicom\b")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    return pydicom


@contextlib.contextmanager
def damage() -> Iterator[None]:
    """Turn what a damaged header raises into a sentence.

    Raises:
        UserError: something was raised.
    """
    try:
        yield
    except UserError:
        raise
    except (*_DAMAGE, library().errors.InvalidDicomError) as error:
        raise UserError(_damaged(error)) from None


def read_header(path: Path) -> Header:
    """Read what a DICOM image is called, not its pixels.

    Raises:
        UserError: the file cannot be read.
        NotAnImageError: it holds no image.
    """
    with damage():
        found = library().dcmread(path, stop_before_pixels=True, specific_tags=list(_HEADER))
        kind = found.file_meta.get("MediaStorageSOPClassUID") or found.SOPClassUID
        # One without rows may be an image that was cut off, which must not go unseen.
        other = kind.name != kind and "Image Storage" not in kind.name
        if kind in _NO_IMAGES or (other and "Rows" not in found):
            raise NotAnImageError("holds no image; take it out of the folder")
        return Header(
            instance=str(found.SOPInstanceUID),
            kind=str(kind),
            study=str(found.get("StudyInstanceUID") or ""),
            series=str(found.get("SeriesInstanceUID") or ""),
            patient=" ".join(str(found.get(key) or "").strip() for key in ("PatientID", "IssuerOfPatientID")).strip(),
            frames=max(int(found.get("NumberOfFrames") or 1), 1),
            shape=(int(found.Rows), int(found.Columns)),
            number=_whole(found, "InstanceNumber"),
            time=str(found.get("AcquisitionTime") or ""),
        )


def _whole(found: Dataset, name: str) -> int | None:
    """A number that nothing but an order depends on, so that a wrong one is none."""
    try:
        value = found.get(name)
        return None if value in (None, "") else int(value)
    except (ValueError, TypeError, OverflowError):
        return None


def read_frame(path: Path, frame: int = 1) -> tuple[npt.NDArray[Any], tuple[float, float] | None]:
    """Return a frame ``(C, H, W)``, and its spacing in mm per axis, rows first, where the file says it.

    The modality look-up table or slope and intercept are applied, and MONOCHROME1 is turned round, so that what takes
    up more X-rays is brighter. Windows (VOI) are not applied: the full range is kept for the preprocessing. The
    spacing is that of the patient (PixelSpacing), else that of the detector (ImagerPixelSpacing).

    Args:
        frame: counted from 1.

    Raises:
        UserError: the file cannot be read, or is compressed or coloured in a way that is not understood.
    """
    pydicom = library()
    found = pydicom.Dataset()
    try:
        with path.open("rb") as stream:
            stored = pydicom.pixels.pixel_array(
                stream, ds_out=found, specific_tags=[pydicom.tag.Tag(name) for name in _VALUES], index=frame - 1
            )
        return _brightness(stored, found, frame), _spacing(found, frame)
    except UserError:
        raise
    except (NotImplementedError, RuntimeError) as error:
        raise UserError(_undecodable(path, error)) from None
    except _DAMAGE as error:
        raise UserError(_damaged(error)) from None


def _damaged(error: BaseException) -> str:
    return f"unreadable or truncated ({type(error).__name__}); copy the file again, or take it out"


def _undecodable(path: Path, error: BaseException) -> str:
    pydicom = library()
    syntax = pydicom.filereader.read_file_meta_info(path).get("TransferSyntaxUID")
    try:
        decodable = syntax is None or not syntax.is_compressed or pydicom.pixels.get_decoder(syntax).is_available
    except (NotImplementedError, ValueError):
        decodable = False
    if decodable and "does not support" not in str(error):
        return _damaged(error)
    return f"compressed as {syntax.name}, which no installed decoder reads; save it uncompressed"


def _brightness(stored: npt.NDArray[Any], found: Dataset, frame: int) -> npt.NDArray[Any]:
    photometric = str(found.PhotometricInterpretation)
    if stored.ndim == 3:
        channels = np.moveaxis(stored, -1, 0)
        return channels[:1] if (channels == channels[:1]).all() else channels
    if not photometric.startswith("MONOCHROME"):
        raise UserError(f"its pixels are {photometric}; save it as grey values")
    values, ends = _modality(stored, found, frame)
    # By the ends of what can be stored, not of this image: equal doses stay equal from image to image.
    return (values.dtype.type(sum(ends)) - values if photometric == "MONOCHROME1" else values)[None]


def _modality(
    stored: npt.NDArray[Any], found: Dataset, frame: int
) -> tuple[npt.NDArray[Any], tuple[int | float, int | float]]:
    """Apply the modality transformation; return the values and those of the ends of the stored range."""
    bits, signed = int(found.BitsStored), int(found.PixelRepresentation) == 1
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if found.get("ModalityLUTSequence"):
        values = library().pixels.apply_modality_lut(stored, found)
        ends = library().pixels.apply_modality_lut(np.array([low, high], stored.dtype), found)
        return values.astype(np.float32), (float(ends[0]), float(ends[1]))
    transformation = _in_groups(found, frame, "PixelValueTransformationSequence") or found
    slope = float(1 if transformation.get("RescaleSlope") is None else transformation.RescaleSlope)
    intercept = float(transformation.get("RescaleIntercept") or 0)
    if not (math.isfinite(slope) and math.isfinite(intercept) and slope):
        raise UserError("its rescale slope or intercept is no number; correct the header")
    if (slope, intercept) == (1, 0):
        return stored, (low, high)
    return (stored * slope + intercept).astype(np.float32), (low * slope + intercept, high * slope + intercept)


def _spacing(found: Dataset, frame: int) -> tuple[float, float] | None:
    measures = _in_groups(found, frame, "PixelMeasuresSequence")
    for place, name in ((found, "PixelSpacing"), (measures, "PixelSpacing"), (found, "ImagerPixelSpacing")):
        value = place.get(name) if place else None
        if value:
            rows, columns = map(float, value)
            if not (0 < rows < math.inf and 0 < columns < math.inf):
                raise UserError(f"its {name} is not positive; correct the header")
            return rows, columns
    return None


def _in_groups(found: Dataset, frame: int, name: str) -> Dataset | None:
    """An item of the functional groups of a frame, or of those that all frames share."""
    own, shared = found.get(_VALUES[2]), found.get(_VALUES[1])
    for item in (*([own[frame - 1]] if own else ()), *(shared or ())):
        if item.get(name):
            group: Dataset = item[name][0]
            return group
    return None
