"""``predictions.zip``: the masks of a run at the original resolution.

A mask of two axes is a PNG of label values, one of three a compressed NIfTI in the axes of its image. The same masks
give the same bytes.
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from seggrid.data.sources.grids import Grid
from seggrid.errors import UserError

Mask = npt.NDArray[np.uint8]
_FLAT, _VOLUME = ".png", ".nii.gz"


def write_mask(archive: zipfile.ZipFile, name: str, mask: Mask, grid: Grid | None = None) -> None:
    """Add a mask to an archive.

    Args:
        name: ``SPLIT/CASE``, without suffix.
        mask: ``(H, W)``, or of three axes in canonical order.
        grid: that of a volume's file; ``None``: voxels of 1 mm in canonical axes.
    """
    if mask.ndim == 2:
        done, encoded = cv2.imencode(_FLAT, mask)
        if not done:
            raise OSError(f"{name}: cannot be written as PNG")
        write_member(archive, name + _FLAT, encoded.tobytes())
        return
    write_member(archive, name + _VOLUME, _nifti(mask, grid or Grid.canonical(mask.shape, (1.0, 1.0, 1.0))))


def write_member(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file to an archive."""
    # A fixed date keeps the archive's bytes a function of what it holds.
    archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)


def members(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Yield split and case of every mask of an archive, in its order."""
    for name in archive.namelist():
        split, slash, file = name.partition("/")
        for suffix in (_FLAT, _VOLUME):
            if slash and file.endswith(suffix):
                yield split, file.removesuffix(suffix)


def read_mask(archive: zipfile.ZipFile, name: str) -> Mask:
    """Return a mask ``(H, W)``, or of three axes in canonical order.

    Args:
        name: ``SPLIT/CASE``, without suffix.

    Raises:
        UserError: the archive does not hold it.
    """
    if name + _FLAT in archive.namelist():
        encoded = np.frombuffer(archive.read(name + _FLAT), np.uint8)
        return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED), np.uint8)
    voxels, grid = read_volume(archive, name)
    return np.asarray(grid.to_canonical(voxels))


def read_volume(archive: zipfile.ZipFile, name: str) -> tuple[Mask, Grid]:
    """Return a mask of three axes in those of its file, and where they lie.

    Raises:
        UserError: the archive does not hold it as a volume.
    """
    import nibabel as nib  # takes a while, for it imports pydicom

    names = archive.namelist()
    if name + _FLAT in names:
        raise UserError(f"{archive.filename}: {name} is a mask of two axes, not of a volume")
    if name + _VOLUME not in names:
        raise UserError(
            f"{archive.filename}: holds no mask {name}, so it is damaged or of another version of seggrid; delete it "
            "and cases.csv beside it and evaluate the run again"
        )
    image: Any = nib.Nifti1Image.from_bytes(gzip.decompress(archive.read(name + _VOLUME)))
    voxels = np.asarray(image.dataobj, np.uint8)
    return voxels, Grid(voxels.shape, image.affine)


def _nifti(mask: Mask, grid: Grid) -> bytes:
    import nibabel as nib  # takes a while, for it imports pydicom

    image = nib.Nifti1Image(grid.from_canonical(mask), grid.affine)
    image.header.set_xyzt_units("mm")
    content: bytes = image.to_bytes()
    # Without the time, which gzip would note down.
    return gzip.compress(content, compresslevel=6, mtime=0)
