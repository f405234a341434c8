"""Write DICOM files as scanners do, with all that names a patient in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import dcmwrite
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    XRayAngiographicImageStorage,
    generate_uid,
)

from seggrid.config.data import FolderData
from seggrid.data.sources import Source, open_source

#: What must never be seen outside of the data.
IDENTIFIERS = ("Doe", "Jane", "4711-0815", "19530527", "St. Elsewhere", "A77B42")
#: The objects in the masks.
NAMES = ("disc", "box")
#: By name: how gdcm calls what it compresses to.
COMPRESSED = {
    "JPEG": gdcm.TransferSyntax.JPEGBaselineProcess1,
    "JPEG 12 bit": gdcm.TransferSyntax.JPEGExtendedProcess2_4,
    "JPEG lossless": gdcm.TransferSyntax.JPEGLosslessProcess14_1,
    "JPEG-LS": gdcm.TransferSyntax.JPEGLSLossless,
    "JPEG 2000": gdcm.TransferSyntax.JPEG2000Lossless,
}


def uid(*names: object) -> str:
    """An identifier that is the same for the same names."""
    return str(generate_uid(entropy_srcs=["test", *map(str, names)]))


def write_dicom(
    path: Path, pixels: npt.NDArray[Any], bits: int = 12, patient: str = "4711-0815", form: str = "plain", **more: Any
) -> Dataset:
    """Write pixels ``(H, W)``, or frames ``(N, H, W)``, of 8 or 16 bit; ``more`` are further attributes."""
    found, frames = Dataset(), pixels if pixels.ndim == 3 else pixels[None]
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if form == "implicit" else ExplicitVRLittleEndian
    sequence = pixels.ndim == 3
    found.SOPClassUID = XRayAngiographicImageStorage if sequence else DigitalXRayImageStorageForPresentation
    found.SOPInstanceUID, found.StudyInstanceUID = uid(path.stem, patient), uid("study", patient)
    found.SeriesInstanceUID, found.Modality = uid("series", patient), "XA" if sequence else "DX"
    found.PatientName, found.PatientID, found.PatientBirthDate = "Doe^Jane", patient, "19530527"
    found.InstitutionName, found.AccessionNumber = "St. Elsewhere", "A77B42"
    found.Rows, found.Columns, found.SamplesPerPixel = *frames.shape[1:], 1
    found.PhotometricInterpretation, found.PixelRepresentation = "MONOCHROME2", int(pixels.dtype.kind == "i")
    found.BitsAllocated = 8 * pixels.itemsize
    found.BitsStored = min(bits, found.BitsAllocated)
    found.HighBit = found.BitsStored - 1
    if sequence:
        found.NumberOfFrames = len(frames)
    for name, value in more.items():
        if isinstance(value, DataElement):  # of another type than the dictionary has
            found.add(value)
            continue
        setattr(found, name, Sequence(value) if isinstance(value, list) and isinstance(value[0], Dataset) else value)
    found.PixelData = frames.tobytes()
    if form == "RLE":
        found.compress(RLELossless)
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, found, enforce_file_format=True)
    if form in COMPRESSED:
        _compress(path, form)
    return found


def _compress(path: Path, form: str) -> None:
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(COMPRESSED[form]))
    change.SetInput(reader.GetImage())
    assert change.Change(), form
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def item(**values: Any) -> Dataset:
    """An item of a sequence."""
    found = Dataset()
    for name, value in values.items():
        setattr(found, name, value)
    return found


def radiograph(number: int, shape: tuple[int, ...] = (40, 48), top: int = 4000) -> npt.NDArray[np.uint16]:
    """A smooth gradient with noise, from 0 to ``top``."""
    noise = np.random.default_rng(number).integers(0, 40, shape)
    ramp = np.linspace(0, top - 40, shape[-1])
    return (ramp + noise).astype(np.uint16)


def source(path: Path, **settings: object) -> Source:
    """The folder source with both objects."""
    return open_source(
        FolderData.model_validate({"source": "folder", "path": path, "classes": list(NAMES), **settings})
    )


def mask_of(number: int, shape: tuple[int, int] = (40, 48)) -> npt.NDArray[np.uint8]:
    """A mask with both objects."""
    mask = np.zeros(shape, np.uint8)
    mask[20 : 30 + number % 3, 5:20], mask[5:15, 25 : 35 + number % 4] = 2, 1
    return mask


def write_png(path: Path, mask: npt.NDArray[np.uint8]) -> None:
    """Write a mask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)
