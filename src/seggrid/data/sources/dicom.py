"""Read what DICOM images are called; what names a patient stays behind.

Sentences in errors name neither the file nor anything that stands in it; the caller puts a pseudonym in front.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from seggrid.errors import UserError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_HEADER = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "IssuerOfPatientID",
    "NumberOfFrames", "Rows", "Columns", "InstanceNumber", "AcquisitionTime",
)  # fmt: skip
#: Have rows and columns, and are no images: segmentations, label maps, doses.
_NO_IMAGES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7", "1.2.840.10008.5.1.4.1.1.481.2")
#: What is raised by a file that is not as DICOM wants it.
DAMAGE = (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, IndexError, struct.error, zlib.error)


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
    except (*DAMAGE, library().errors.InvalidDicomError) as error:
        raise UserError(damaged(error)) from None


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


def damaged(error: BaseException) -> str:
    """Return the sentence on a file of which something was raised."""
    return f"unreadable or truncated ({type(error).__name__}); copy the file again, or take it out"
