"""Write the masks of a DICOM image as a DICOM segmentation (SEG) that refers to it.

Segments are BINARY, which every viewer reads, and have the names of the classes. Nothing of the patient or the study
is taken over but the identifiers (UIDs) that tie a segmentation to its image. Same image, masks and model give the
same bytes: the identifiers follow from them, and the date is always the same. See
``docs/decisions/0016-dicom-segmentations.md``.
"""

from __future__ import annotations

import functools
import hashlib
import struct
import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import seggrid
from seggrid.data.sources.dicom import Header

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
#: As in the archives of predictions: no time of writing, so that the same mask is the same file.
_DATE, _TIME = "19800101", "000000"
_EMPTY = (
    "AccessionNumber", "ContentCreatorName", "PatientBirthDate", "PatientID", "PatientName",
    "PatientOrientation", "PatientSex",
    "ReferringPhysicianName", "StudyDate", "StudyID", "StudyTime",
)  # fmt: skip
_FRAMES, _PIXELS = 0x5200_9230, 0x7FE0_0010
_ITEM = struct.Struct("<HHL")
#: Frames whose bits are put together at a time: they fill whole bytes, whatever the size of a frame.
_BLOCK = 8


class SegmentationEncoder:
    """Encodes segmentations of one model; what they share is encoded once.

    Args:
        class_names: of the objects 1 to K.
        model: stands for the model.
    """

    def __init__(self, class_names: Sequence[str], model: str) -> None:
        self._model, self._classes = model, len(class_names)
        self._shared = _elements(_shared(class_names, model))

    def encode(self, header: Header, masks: npt.NDArray[np.uint8]) -> bytes:
        """Return the file with the masks ``(N, H, W)`` of all frames of an image."""
        series = _uid("series", header.series, self._model)
        instance = _uid("instance", header.instance, self._model, hashlib.sha256(masks.tobytes()).hexdigest())
        own = _item(
            SOPInstanceUID=instance,
            StudyInstanceUID=header.study,
            SeriesInstanceUID=series,
            Rows=header.shape[0],
            Columns=header.shape[1],
            NumberOfFrames=len(masks) * self._classes,
            DimensionOrganizationSequence=[_item(DimensionOrganizationUID=_dimensions(self._model))],
            ReferencedSeriesSequence=[
                _item(SeriesInstanceUID=header.series, ReferencedInstanceSequence=[_reference(header)])
            ],
        )
        bits = b"".join(map(self._bits, np.split(masks, range(_BLOCK, len(masks), _BLOCK))))
        elements = {
            **self._shared,
            **_elements(own),
            _FRAMES: _long(_FRAMES, b"SQ", b"".join(self._frames(header))),
            _PIXELS: _long(_PIXELS, b"OB", bits + b"\0" * (len(bits) % 2)),
        }
        return _meta(instance) + b"".join(content for _, content in sorted(elements.items()))

    def _bits(self, masks: npt.NDArray[np.uint8]) -> bytes:
        layers = masks[:, None] == np.arange(1, self._classes + 1, dtype=np.uint8)[:, None, None]
        return np.packbits(layers, bitorder="little").tobytes()

    def _frames(self, header: Header) -> Iterable[bytes]:
        """The functional groups of each frame and segment; what the segments of a frame share is encoded once."""
        several = header.frames > 1
        for frame in range(1, header.frames + 1):
            source = _reference(header, ReferencedFrameNumber=frame) if several else _reference(header)
            source.SpatialLocationsPreserved = "YES"
            source.PurposeOfReferenceCodeSequence = [
                _code("121322", "DCM", "Source image for image processing operation")
            ]
            derived = _item(
                SourceImageSequence=[source], DerivationCodeSequence=[_code("113076", "DCM", "Segmentation")]
            )
            derivation = b"".join(_elements(_item(DerivationImageSequence=[derived])).values())
            for label in range(1, self._classes + 1):
                content = derivation + _place(label, frame)
                yield _ITEM.pack(0xFFFE, 0xE000, len(content)) + content


def _shared(class_names: Sequence[str], model: str) -> Dataset:
    pointers = (
        ("ReferencedSegmentNumber", "SegmentIdentificationSequence"),
        ("InStackPositionNumber", "FrameContentSequence"),
    )
    return _item(
        **dict.fromkeys(_EMPTY, ""),
        SpecificCharacterSet="ISO_IR 192", ImageType=["DERIVED", "PRIMARY"], SOPClassUID=_SEGMENTATION, Modality="SEG",
        ContentDate=_DATE, ContentTime=_TIME, InstanceCreationDate=_DATE, InstanceCreationTime=_TIME,
        Manufacturer="seggrid", ManufacturerModelName="seggrid predict", DeviceSerialNumber=model,
        SoftwareVersions=seggrid.__version__, PatientIdentityRemoved="YES",
        DeidentificationMethod="only identifiers of images were copied",
        SeriesNumber=1, InstanceNumber=1, SeriesDescription="seggrid",
        ContentLabel="SEGGRID", ContentDescription=f"objects found by model {model}",
        SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", BitsAllocated=1, BitsStored=1, HighBit=0,
        PixelRepresentation=0, LossyImageCompression="00", SegmentationType="BINARY", SegmentsOverlap="NO",
        SegmentSequence=[_segment(number, name) for number, name in enumerate(class_names, start=1)],
        DimensionIndexSequence=[
            _item(
                DimensionOrganizationUID=_dimensions(model), DimensionIndexPointer=_tag(pointer),
                FunctionalGroupPointer=_tag(group),
            )
            for pointer, group in pointers
        ],
        SharedFunctionalGroupsSequence=[_item()],
    )  # fmt: skip


def _segment(number: int, name: str) -> Dataset:
    # The name says what it is; a table of codes for all that can be segmented is not at hand.
    kind = [_code("91723000", "SCT", "Anatomical Structure")]
    return _item(
        SegmentNumber=number, SegmentLabel=name[:64], SegmentAlgorithmType="AUTOMATIC", SegmentAlgorithmName="seggrid",
        SegmentedPropertyCategoryCodeSequence=kind, SegmentedPropertyTypeCodeSequence=kind,
    )  # fmt: skip


def _reference(header: Header, **more: Any) -> Dataset:
    return _item(ReferencedSOPClassUID=header.kind, ReferencedSOPInstanceUID=header.instance, **more)


@functools.lru_cache(maxsize=4096)
def _place(label: int, frame: int) -> bytes:
    """Which segment of which frame of the image a frame of the segmentation is."""
    content = _item(DimensionIndexValues=[label, frame], StackID="1", InStackPositionNumber=frame)
    groups = _item(FrameContentSequence=[content], SegmentIdentificationSequence=[_item(ReferencedSegmentNumber=label)])
    return b"".join(_elements(groups).values())


def _item(**values: Any) -> Dataset:
    from pydicom.dataset import Dataset

    found = Dataset()
    for name, value in values.items():
        setattr(found, name, value)
    return found


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    return _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _tag(name: str) -> int:
    from pydicom.datadict import tag_for_keyword

    return tag_for_keyword(name) or 0


def _elements(found: Dataset) -> dict[int, bytes]:
    """Return the elements of a data set as they stand in a file, by their tag, in its order."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_data_element

    encoded = {}
    for element in found:
        stream = DicomBytesIO()
        stream.is_little_endian, stream.is_implicit_VR = True, False
        write_data_element(stream, element, "utf8")
        encoded[int(element.tag)] = stream.getvalue()
    return encoded


def _long(tag: int, kind: bytes, content: bytes) -> bytes:
    return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, kind, 0, len(content)) + content


def _meta(instance: str) -> bytes:
    """What comes before the data set in a file."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_file_meta_info
    from pydicom.uid import UID, ExplicitVRLittleEndian, SegmentationStorage

    found = FileMetaDataset()
    found.MediaStorageSOPClassUID, found.MediaStorageSOPInstanceUID = SegmentationStorage, UID(instance)
    found.TransferSyntaxUID, found.ImplementationClassUID = ExplicitVRLittleEndian, UID(_uid("seggrid"))
    found.ImplementationVersionName = f"seggrid {seggrid.__version__}"[:16]
    stream = DicomBytesIO()
    stream.write(bytes(128) + b"DICM")
    write_file_meta_info(stream, found, enforce_standard=True)
    return stream.getvalue()


def _uid(*parts: str) -> str:
    """A unique identifier that follows from what it stands for (PS3.5, B.2: that of a UUID)."""
    content = hashlib.sha256("\n".join(parts).encode()).digest()
    return f"2.25.{uuid.UUID(bytes=content[:16], version=5).int}"


def _dimensions(model: str) -> str:
    return _uid("dimensions", model)
