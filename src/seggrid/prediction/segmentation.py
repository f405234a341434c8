"""Write the masks of a DICOM image as a DICOM segmentation (SEG) that refers to it.

Segments are BINARY, which every viewer reads, and have the names of the classes. Nothing of the patient or the study
is taken over but the identifiers (UIDs) that tie a segmentation to its image, and its number in the series. Same image,
masks and model give the same bytes: the identifiers follow from them, and the date is always the same. See
``docs/decisions/0016-dicom-segmentations.md``.
"""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import seggrid
from seggrid.data.sources.dicom import Header
from seggrid.data.sources.segmentation import PREDICTED
from seggrid.data.sources.series import Series, Slice

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: What orders the frames: their number, or their position in mm.
_IN_STACK = ("InStackPositionNumber", "FrameContentSequence")
_IN_SPACE = ("ImagePositionPatient", "PlanePositionSequence")
_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
#: As in the archives of predictions: no time of writing, so that the same mask is the same file.
_DATE, _TIME = "19800101", "000000"
_EMPTY = (
    "AccessionNumber", "ContentCreatorName", "PatientBirthDate", "PatientID", "PatientName",
    "PatientOrientation", "PatientSex",
    "ReferringPhysicianName", "StudyDate", "StudyID", "StudyTime",
)  # fmt: skip


def encode_segmentation(header: Header, masks: npt.NDArray[np.uint8], class_names: Sequence[str], model: str) -> bytes:
    """Return the file with the masks ``(N, H, W)`` of all frames of an image.

    It has the number of its image in the series, which is what the frames of a sequence are ordered by.

    Args:
        class_names: of the objects 1 to K.
        model: stands for the model.
    """
    instance = _uid("instance", header.instance, model, hashlib.sha256(masks.tobytes()).hexdigest())
    found = _shared(class_names, model, _IN_STACK)
    found.update(
        _item(
            SOPInstanceUID=instance,
            StudyInstanceUID=header.study,
            SeriesInstanceUID=_uid("series", header.series, model),
            InstanceNumber=1 if header.number is None else header.number,
            Rows=header.shape[0],
            Columns=header.shape[1],
            NumberOfFrames=len(masks) * len(class_names),
            ReferencedSeriesSequence=[
                _item(SeriesInstanceUID=header.series, ReferencedInstanceSequence=[_reference(header)])
            ],
            PerFrameFunctionalGroupsSequence=list(_frames(header, len(class_names))),
        )
    )
    return _written(found, masks[:, None] == np.arange(1, len(class_names) + 1, dtype=np.uint8)[:, None, None])


def _written(found: Dataset, layers: npt.NDArray[np.bool_]) -> bytes:
    """Return a file with the pixels of its frames, which are the last two axes of ``layers``."""
    import pydicom
    from pydicom.pixels.utils import pack_bits

    found.PixelData = pack_bits(layers.view(np.uint8))
    found.file_meta = pydicom.dataset.FileMetaDataset()
    found.file_meta.TransferSyntaxUID = pydicom.uid.UID(_EXPLICIT_LITTLE_ENDIAN)
    found.file_meta.ImplementationClassUID = pydicom.uid.UID(_uid("seggrid"))
    found.file_meta.ImplementationVersionName = f"seggrid {seggrid.__version__}"[:16]
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, found, enforce_file_format=True)
    return stream.getvalue()


def encode_series(series: Series, masks: npt.NDArray[np.uint8], class_names: Sequence[str], model: str) -> bytes:
    """Return the file with the masks ``(N, H, W)`` of the slices of a series, in its own order.

    It lies in the frame of reference of the series. Slices without a segment have no frame, as the standard has it, but
    for the first one where there would be none at all.

    Args:
        class_names: of the objects 1 to K.
        model: stands for the model.
    """
    first = series.slices[0]
    shown = [
        (label, number)
        for label in range(1, len(class_names) + 1)
        for number in np.flatnonzero((masks == label).any(axis=(1, 2))).tolist()
    ] or [(1, 0)]
    instance = _uid("instance", first.header.series, model, hashlib.sha256(masks.tobytes()).hexdigest())
    found = _shared(class_names, model, _IN_SPACE)
    instances = [_reference(part.header) for part in series.slices]
    found.update(
        _item(
            SOPInstanceUID=instance,
            StudyInstanceUID=first.header.study,
            SeriesInstanceUID=_uid("series", first.header.series, model),
            FrameOfReferenceUID=first.frame or _uid("frame", first.header.series),
            PositionReferenceIndicator="",
            Rows=first.header.shape[0],
            Columns=first.header.shape[1],
            NumberOfFrames=len(shown),
            ReferencedSeriesSequence=[
                _item(SeriesInstanceUID=first.header.series, ReferencedInstanceSequence=instances)
            ],
            SharedFunctionalGroupsSequence=[_in_space(series)],
            PerFrameFunctionalGroupsSequence=[_slice(series.slices[k], label, k + 1) for label, k in shown],
        )
    )
    return _written(found, np.stack([masks[number] == label for label, number in shown]))


def _in_space(series: Series) -> Dataset:
    """The functional groups that all slices of a series share: the size of a voxel, and directions."""
    (between,) = _decimals([float(np.linalg.norm(series.step))])
    first = series.slices[0]
    measures = _item(PixelSpacing=_decimals(first.spacing), SliceThickness=between, SpacingBetweenSlices=between)
    orientation = _item(ImageOrientationPatient=_decimals(first.orientation))
    return _item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[orientation])


def _slice(part: Slice, label: int, number: int) -> Dataset:
    """The functional groups of a segment in a slice."""
    return _item(
        DerivationImageSequence=[_derived(_reference(part.header))],
        FrameContentSequence=[_item(DimensionIndexValues=[label, number])],
        PlanePositionSequence=[_item(ImagePositionPatient=_decimals(part.position))],
        SegmentIdentificationSequence=[_item(ReferencedSegmentNumber=label)],
    )


def _decimals(values: Sequence[float]) -> list[str]:
    """Numbers as DICOM writes them, in at most 16 characters."""
    from pydicom.valuerep import format_number_as_ds

    return [format_number_as_ds(float(value)) for value in values]


def _frames(header: Header, classes: int) -> Iterator[Dataset]:
    """The functional groups of each frame and segment."""
    for frame in range(1, header.frames + 1):
        source = _reference(header, **({"ReferencedFrameNumber": frame} if header.frames > 1 else {}))
        derived = _derived(source)
        for label in range(1, classes + 1):
            content = _item(DimensionIndexValues=[label, frame], StackID="1", InStackPositionNumber=frame)
            yield _item(
                DerivationImageSequence=[derived],
                FrameContentSequence=[content],
                SegmentIdentificationSequence=[_item(ReferencedSegmentNumber=label)],
            )


def _derived(source: Dataset) -> Dataset:
    """That a frame is a segmentation of an image."""
    source.SpatialLocationsPreserved = "YES"
    source.PurposeOfReferenceCodeSequence = [_code("121322", "DCM", "Source image for image processing operation")]
    return _item(SourceImageSequence=[source], DerivationCodeSequence=[_code("113076", "DCM", "Segmentation")])


def _shared(class_names: Sequence[str], model: str, place: tuple[str, str]) -> Dataset:
    """What all segmentations by a model have in common; ``place`` is what orders frames, and the group with it."""
    pointers = (("ReferencedSegmentNumber", "SegmentIdentificationSequence"), place)
    return _item(
        **dict.fromkeys(_EMPTY, ""),
        SpecificCharacterSet="ISO_IR 192", ImageType=["DERIVED", "PRIMARY"], SOPClassUID=_SEGMENTATION, Modality="SEG",
        ContentDate=_DATE, ContentTime=_TIME, InstanceCreationDate=_DATE, InstanceCreationTime=_TIME,
        Manufacturer="seggrid", ManufacturerModelName=PREDICTED, DeviceSerialNumber=model,
        SoftwareVersions=seggrid.__version__, PatientIdentityRemoved="YES",
        DeidentificationMethod="only identifiers of images were copied",
        SeriesNumber=1, InstanceNumber=1, SeriesDescription="seggrid",
        ContentLabel="SEGGRID", ContentDescription=f"objects found by model {model}",
        SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", BitsAllocated=1, BitsStored=1, HighBit=0,
        PixelRepresentation=0, LossyImageCompression="00", SegmentationType="BINARY", SegmentsOverlap="NO",
        SegmentSequence=[_segment(number, name) for number, name in enumerate(class_names, start=1)],
        DimensionOrganizationSequence=[_item(DimensionOrganizationUID=_dimensions(model))],
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


def _uid(*parts: str) -> str:
    """A unique identifier that follows from what it stands for (PS3.5, B.2: that of a UUID)."""
    content = hashlib.sha256("\n".join(parts).encode()).digest()
    return f"2.25.{uuid.UUID(bytes=content[:16], version=5).int}"


def _dimensions(model: str) -> str:
    return _uid("dimensions", model)
