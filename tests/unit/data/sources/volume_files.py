"""Write one volume as scanners and converters do: in any orientation, as any type of file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from nibabel.orientations import apply_orientation, inv_ornt_aff
from pydicom.uid import CTImageStorage

from tests.unit.data.sources.dicom_files import uid, write_dicom

#: Axes (slice, row, column) run towards superior, posterior and left; mm are towards right, anterior and superior.
_TO_RAS = np.array([[0, 0, -1.0], [0, -1.0, 0], [1.0, 0, 0]])


def canonical_affine(spacing: tuple[float, ...], origin: tuple[float, ...] = (10.0, 20.0, -30.0)) -> Any:
    """From (slice, row, column) to mm as NIfTI has them."""
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = _TO_RAS * spacing, origin
    return affine


def orientations() -> Iterator[npt.NDArray[Any]]:
    """The 48 ways in which the axes of a volume can lie in a file."""
    for axes in itertools.permutations(range(3)):
        for flips in itertools.product((1, -1), repeat=3):
            yield np.array(list(zip(axes, flips, strict=True)))


def write_volume(
    path: Path,
    array: npt.NDArray[Any],
    spacing: tuple[float, ...] = (5.0, 1.0, 0.5),
    turn: Any = None,
    compressed: bool = True,
    **place: Any,
) -> None:
    """Write a volume ``(slice, row, column)``, with its axes turned, where the suffix says as what."""
    affine = canonical_affine(spacing, **place)
    turn = np.array([[2, 1], [1, 1], [0, 1]]) if turn is None else turn
    stored, affine = apply_orientation(array, turn), affine @ inv_ornt_aff(turn, array.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    if ".nii" in path.name:
        nib.save(nib.Nifti1Image(stored, affine), path)
        return
    image = sitk.GetImageFromArray(np.ascontiguousarray(stored.transpose()))
    sides = np.diag([-1.0, -1.0, 1.0]) @ affine[:3, :3]
    lengths = np.linalg.norm(sides, axis=0)
    image.SetSpacing(lengths.tolist())
    image.SetDirection((sides / lengths).ravel().tolist())
    image.SetOrigin((affine[:3, 3] * [-1, -1, 1]).tolist())
    sitk.WriteImage(image, str(path), useCompression=compressed)


def write_series(
    folder: Path,
    array: npt.NDArray[Any],
    spacing: tuple[float, ...] = (5.0, 1.0, 0.5),
    patient: str = "4711-0815",
    **more: Any,
) -> list[Path]:
    """Write a volume ``(slice, row, column)`` as axial CT slices, in files whose names are in the opposite order."""
    files = []
    for number, pixels in enumerate(array):
        path = folder / f"IM{len(array) - number:04d}"
        place: dict[str, Any] = {
            "ImagePositionPatient": [-10.0, -20.0, -30.0 + spacing[0] * number],
            "PixelSpacing": list(spacing[1:]),
        }
        place["SliceThickness"] = spacing[0]
        place |= {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "FrameOfReferenceUID": uid("frame", folder)}
        # The stem of the file would give slices of two folders one identifier.
        write_dicom(
            path, pixels, bits=16, patient=patient, SOPClassUID=str(CTImageStorage), Modality="CT",
            SOPInstanceUID=uid(folder, number), SeriesInstanceUID=uid("series", folder), **{**place, **more},
        )  # fmt: skip
        files.append(path)
    return files
