"""Read volumes: NIfTI by nibabel; NRRD, MHA and MHD by SimpleITK. See ``grids`` for the order of their axes."""

from __future__ import annotations

import functools
import gzip
import math
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from seggrid.data.sources.compressed import Compressed, find_compressed, meta_header
from seggrid.data.sources.grids import Grid
from seggrid.errors import UserError

NIFTI = (".nii", ".nii.gz")
ITK = (".nrrd", ".mha", ".mhd")
_DAMAGE = (OSError, EOFError, ValueError, SyntaxError, zlib.error)
_PIECE = 1 << 20
#: Of the codes of NIfTI for metre and micron.
_MM = {1: 1000.0, 3: 0.001}
_FOURTH = "{path}: {axes} axes; give one volume a file: a channel a file in the nnU-Net layout, a time a case"
_NUMBERS = "{path}: its pixels are colours or complex numbers; store one number a pixel, a channel a file"


def suffix(path: Path) -> str:
    """Return the suffix of a file in lower case; ``.nii.gz`` is one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix


def may_be_volume(path: Path) -> bool:
    """Whether a file is of a type that holds volumes, by its suffix."""
    return suffix(path) in (*NIFTI, *ITK)


def is_nifti(path: Path) -> bool:
    """Whether a file is NIfTI, by its suffix."""
    return suffix(path) in NIFTI


def companion(path: Path) -> Path | None:
    """Return the file with the voxels of an ``.mhd`` header; ``None`` where there is none."""
    try:
        with path.open("rb") as file:
            name = meta_header(file).get("ElementDataFile", "")
    except OSError:
        return None
    return path.parent / name if name not in ("", "LOCAL", "LIST") else None


def read_grid(path: Path) -> Grid | None:
    """Return the grid of a volume from its header; ``None`` where the file holds an image of two axes.

    A NIfTI file of one slice has three axes here.

    Raises:
        UserError: it cannot be read, or has more than three axes.
    """
    return _nifti(path)[1] if is_nifti(path) else _itk_grid(path, _itk_header(path))


def read_volume(path: Path, flat_slice: bool) -> tuple[npt.NDArray[Any], tuple[float, ...]]:
    """Return the voxels ``(slice, row, column)`` in the type of the file, and their spacing in mm.

    Values that the header scales are single precision.

    Args:
        flat_slice: a NIfTI file of one slice is an image of two axes, ``(i, j)`` as they lie in the file.

    Returns:
        An image of two axes where the file holds one: of NIfTI as it lies in the file, else ``(row, column)``.

    Raises:
        UserError: it cannot be read, or has more than three axes.
    """
    return _read_nifti(path, flat_slice) if is_nifti(path) else _read_itk(path)


def _unreadable(path: Path, error: BaseException) -> UserError:
    return UserError(f"{path}: unreadable or truncated ({' '.join(str(error).split())})")


def _nifti(path: Path) -> tuple[Any, Grid | None]:
    """The file, and its grid where it has three axes."""
    import nibabel as nib  # takes a while, for it imports pydicom
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    try:
        image = nib.load(path)
        shape, zooms = image.shape, image.header.get_zooms()
    except (*_DAMAGE, ImageFileError, HeaderDataError) as error:
        raise _unreadable(path, error) from error
    if image.get_data_dtype().kind not in "biuf":
        raise UserError(_NUMBERS.format(path=path))
    axes = len(shape)
    while axes > 3 and shape[axes - 1] == 1:
        axes -= 1
    if axes not in (2, 3):
        raise UserError(_FOURTH.format(path=path, axes=axes))
    if not all(0 < zoom < np.inf for zoom in zooms[:axes]):
        spacing = tuple(map(float, zooms[:axes]))
        raise UserError(f"{path}: the header's spacing {spacing} is not positive; correct the header")
    return image, None if axes == 2 else _grid(path, shape[:3], _in_mm(image) @ image.affine)


def _in_mm(image: Any) -> npt.NDArray[np.float64]:
    """From the unit of length that a NIfTI header names to mm, ``(4, 4)``; one that names none is in mm."""
    unit = _MM.get(int(image.header["xyzt_units"]) & 7, 1.0)
    return np.diag([unit, unit, unit, 1.0])


def _grid(path: Path, shape: tuple[int, ...], affine: npt.NDArray[np.float64], lps: bool = False) -> Grid:
    try:
        return Grid.from_lps(shape, affine) if lps else Grid(shape, affine)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _read_nifti(path: Path, flat_slice: bool) -> tuple[npt.NDArray[Any], tuple[float, ...]]:
    image, grid = _nifti(path)
    flat = grid is None or (flat_slice and grid.shape[2] == 1)
    scaled = not flat and (image.dataobj.slope, image.dataobj.inter) != (1, 0)
    try:
        array = _nifti_values(path, image.dataobj, scaled)
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    if flat or grid is None:
        spacing = tuple(float(np.float32(_in_mm(image)[0, 0] * zoom)) for zoom in image.header.get_zooms()[:2])
        return array.reshape(array.shape[:2]), spacing
    return grid.to_canonical(array.reshape(grid.shape)), grid.spacing


def _nifti_values(path: Path, data: Any, scaled: bool) -> npt.NDArray[Any]:
    from nibabel.arrayproxy import ArrayProxy

    if path.suffix.lower() != ".gz":
        return np.asarray(data, np.float32) if scaled else np.asanyarray(data)
    with gzip.open(path) as file:
        held = ArrayProxy(file, (data.shape, data.dtype, data.offset, data.slope, data.inter), mmap=False)
        array = np.asarray(held, np.float32) if scaled else np.asanyarray(held)
        # The checksum comes last, and nibabel stops before it.
        while file.read(_PIECE):
            pass
    return array


@functools.cache
def _sitk() -> ModuleType:
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    return SimpleITK


def _itk_header(path: Path) -> Any:
    """Return a reader of SimpleITK that has read the header."""
    library = _sitk()
    reader = library.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _unreadable(path, _reason(error, "its header cannot be parsed")) from None
    axes = reader.GetDimension()
    if axes not in (2, 3):
        raise UserError(_FOURTH.format(path=path, axes=axes))
    if reader.GetNumberOfComponents() > 1 or "complex" in library.GetPixelIDValueAsString(reader.GetPixelIDValue()):
        raise UserError(_NUMBERS.format(path=path))
    return reader


def _reason(error: RuntimeError, otherwise: str) -> RuntimeError:
    """What ITK says in its last line, without its traceback."""
    last = str(error).strip().splitlines()[-1].strip()
    # What MetaImage calls so is the latest error of the whole process, whatever it was about.
    return RuntimeError(otherwise if last.startswith("Reason: ") else last)


def _itk_grid(path: Path, reader: Any) -> Grid | None:
    if reader.GetDimension() == 2:
        return None
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(reader.GetDirection(), (3, 3)) * reader.GetSpacing()
    affine[:3, 3] = reader.GetOrigin()
    return _grid(path, tuple(reader.GetSize()), affine, lps=True)


def _read_itk(path: Path) -> tuple[npt.NDArray[Any], tuple[float, ...]]:
    reader = _itk_header(path)
    grid = _itk_grid(path, reader)
    try:
        compressed = find_compressed(path)
        image = None if compressed else reader.Execute()
        # A view, which lives as long as the image.
        array = _inflated(reader, compressed) if compressed else _sitk().GetArrayViewFromImage(image)
    except RuntimeError as error:
        why = "it has fewer voxels than its header says, or a file of them is missing"
        raise _unreadable(path, _reason(error, why)) from None
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    if grid is None:
        return array.copy(), tuple(float(np.float32(side)) for side in reversed(reader.GetSpacing()))
    return np.array(grid.to_canonical(array.transpose())), grid.spacing


def _inflated(reader: Any, compressed: Compressed) -> npt.NDArray[Any]:
    """The voxels, the axis that varies fastest last."""
    library = _sitk()
    one = library.Image([1] * reader.GetDimension(), reader.GetPixelIDValue())
    kind: np.dtype[Any] = library.GetArrayViewFromImage(one).dtype
    shape = tuple(reversed(reader.GetSize()))
    content = compressed.read(math.prod(shape) * kind.itemsize)
    stored = np.frombuffer(content, kind.newbyteorder(">" if compressed.big_endian else "<"))
    return stored.astype(kind, copy=False).reshape(shape)
