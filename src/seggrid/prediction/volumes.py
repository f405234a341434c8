"""Masks of volumes, written onto the grid of their image: same size, affine and directions, same type of file."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seggrid.data.sources.volumes import is_nifti, read_grid

Mask = npt.NDArray[np.uint8]
#: Fields of NIfTI that hold any text.
_TEXTS = ("data_type", "db_name", "descrip", "aux_file", "intent_name")


def encode_volume(mask: Mask, image: Path, path: Path) -> bytes:
    """Return the file ``path`` with a mask of an image of the same family of types; same mask, same bytes.

    Args:
        mask: in canonical axes, or of two axes as the image is read.
        image: whose header is taken over.
    """
    grid = read_grid(image)
    turned = mask if grid is None or mask.ndim == 2 else grid.from_canonical(mask)
    return _nifti(turned, image, path) if is_nifti(path) else _itk(turned, image, path)


def _nifti(mask: Mask, image: Path, path: Path) -> bytes:
    import nibabel as nib  # takes a while, for it imports pydicom

    source = nib.load(image)
    header = source.header.copy()
    header.set_data_dtype(np.uint8)
    header.set_slope_inter(1, 0)
    header["cal_min"], header["cal_max"] = 0, 0
    header.extensions.clear()
    # What was noted of the image may tell the patient, and a mask is no statistic.
    header.set_intent("none")
    for name in set(_TEXTS) & set(header.keys()):
        header[name] = b""
    like = source.__class__(mask.reshape(source.shape), source.affine, header)
    content: bytes = like.to_bytes()
    # Without the time, which gzip would note down.
    return gzip.compress(content, compresslevel=6, mtime=0) if path.suffix == ".gz" else content


def _itk(mask: Mask, image: Path, path: Path) -> bytes:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(image))
    reader.ReadImageInformation()
    # Of two axes the mask is (row, column) already, of three (column, row, slice) as the file counts.
    like = sitk.GetImageFromArray(np.ascontiguousarray(mask if mask.ndim == 2 else mask.transpose()))
    like.SetSpacing(reader.GetSpacing())
    like.SetOrigin(reader.GetOrigin())
    like.SetDirection(reader.GetDirection())
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / f"mask{path.suffix.lower()}"
        sitk.WriteImage(like, str(written), useCompression=True)
        return written.read_bytes()
