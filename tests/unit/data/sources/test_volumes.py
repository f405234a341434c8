"""Volumes of every orientation and type of file are read to the same array; what cannot be read is named."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from seggrid.config.data import FolderData
from seggrid.data.sources import open_source
from seggrid.data.sources.files import read_image, read_mask
from seggrid.data.sources.volumes import read_grid
from seggrid.errors import UserError
from tests.unit.data.sources.volume_files import canonical_affine, orientations, write_volume

VOLUME = np.random.default_rng(0).integers(0, 60000, (4, 5, 6)).astype(np.uint16)
SPACING = (5.0, 1.0, 0.5)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"])
def test_all_48_orientations_are_read_to_the_same_array(tmp_path: Path, suffix: str) -> None:
    for number, turn in enumerate(orientations()):
        path = tmp_path / f"{number}{suffix}"
        write_volume(path, VOLUME, SPACING, turn)
        image, spacing = read_image(path)
        assert np.array_equal(image, VOLUME[None]), number
        assert image.dtype == np.uint16
        assert spacing == SPACING
        grid = read_grid(path)
        assert grid is not None
        assert np.array_equal(grid.to_canonical(grid.from_canonical(VOLUME)), VOLUME)
        assert grid.canonical_shape == VOLUME.shape


def test_slices_run_upwards_rows_to_the_back_and_columns_to_the_left(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(VOLUME)  # the identity of ITK: left, posterior, superior
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"))
    assert np.array_equal(read_image(tmp_path / "a.nrrd")[0][0], VOLUME)
    nib.save(nib.Nifti1Image(VOLUME, np.eye(4)), tmp_path / "a.nii")  # that of NIfTI: right, anterior, superior
    assert np.array_equal(read_image(tmp_path / "a.nii")[0][0], VOLUME.transpose()[:, ::-1, ::-1])


def test_an_oblique_volume_goes_to_the_nearest_axes(tmp_path: Path) -> None:
    angle = np.deg2rad(30)
    tilt = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    affine = canonical_affine(SPACING)
    affine[:3, :3] = tilt @ affine[:3, :3]
    nib.save(nib.Nifti1Image(VOLUME, affine), tmp_path / "a.nii")
    image, spacing = read_image(tmp_path / "a.nii")
    assert np.array_equal(image[0], VOLUME)
    assert spacing == pytest.approx(SPACING)


def test_scaled_values_are_single_precision(tmp_path: Path) -> None:
    stored = nib.Nifti1Image(VOLUME.astype(np.int16) // 2, canonical_affine(SPACING))
    stored.header.set_slope_inter(0.5, -1024)
    stored.header.set_data_dtype(np.int16)
    nib.save(stored, tmp_path / "a.nii.gz")
    image, _ = read_image(tmp_path / "a.nii.gz")
    assert image.dtype == np.float32
    assert np.allclose(image[0], nib.load(tmp_path / "a.nii.gz").get_fdata(), atol=1e-3)


def test_a_file_of_one_slice_is_flat_unless_others_are_volumes(tmp_path: Path) -> None:
    write_volume(tmp_path / "a.nii", VOLUME[:1])
    assert read_image(tmp_path / "a.nii")[0].shape == (1, 6, 5)  # as it lies in the file
    assert read_image(tmp_path / "a.nii", flat_slice=False)[0].shape == (1, 1, 5, 6)
    write_volume(tmp_path / "a.nrrd", VOLUME[:1])
    assert read_image(tmp_path / "a.nrrd")[0].shape == (1, 1, 5, 6)


def pair(root: Path, image: str = "a.nii.gz", mask: str = "a.nii.gz", **other: object) -> FolderData:
    """An image and a mask, whose file differs in ``other``."""
    write_volume(root / "images" / image, VOLUME)
    write_volume(root / "masks" / mask, **{"array": (VOLUME > 30000).astype(np.uint8), **other})
    return FolderData(source="folder", path=root, classes={"a": 1})


def load(data: FolderData) -> None:
    source = open_source(data)
    listing = source.list_cases()
    assert not listing.problems
    for case in listing.cases:
        source.load(case)


def test_a_mask_of_another_type_and_orientation_fits_its_image(tmp_path: Path) -> None:
    for number, turn in enumerate(list(orientations())[::7]):
        data = pair(tmp_path / str(number), mask="a.mhd", turn=turn)
        source = open_source(data)
        raw = source.load(source.list_cases().cases[0])
        assert np.array_equal(raw.labels, VOLUME > 30000)


@pytest.mark.parametrize(
    ("other", "text"),
    [
        ({"origin": (10.0, 20.0, -28.0)}, r"masks/a\.nii\.gz: its affine is not that of its image, 2 mm lie between"),
        ({"spacing": (5.0, 1.0, 0.6)}, r"masks/a\.nii\.gz: the mask's spacing .* differs from its image's"),
        ({"array": np.ones((3, 5, 6), np.uint8)}, r"a\.nii\.gz: the mask is 3 x 5 x 6 voxels, its image 4 x 5 x 6"),
    ],
)
def test_a_mask_that_lies_elsewhere_is_refused(tmp_path: Path, other: dict[str, object], text: str) -> None:
    with pytest.raises(UserError, match=text):
        load(pair(tmp_path, **other))


@pytest.mark.parametrize(
    ("step", "start", "text"),
    [
        (-1.0, 5.0, "its axes run another way than those of its image"),
        (1.0, 500.0, "its affine is not that of its image, 500 mm lie between them"),
    ],
)
def test_a_mask_of_one_slice_that_lies_elsewhere_is_refused(
    tmp_path: Path, step: float, start: float, text: str
) -> None:
    """A slice is read as it lies in its file, so a mask that is turned would lie beside the object."""
    affine = np.diag([step, 1.0, 1.0, 1.0])
    affine[0, 3] = start
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        nib.save(nib.Nifti1Image(np.ones((6, 5, 1), np.uint8), np.eye(4)), tmp_path / kind / "a.nii.gz")
    data = FolderData(source="folder", path=tmp_path, classes={"box": 1})
    load(data)
    nib.save(nib.Nifti1Image(np.ones((6, 5, 1), np.uint8), affine), tmp_path / "masks" / "a.nii.gz")
    with pytest.raises(UserError, match=rf"masks/a\.nii\.gz: {text}"):
        load(data)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.mhd"])
def test_a_truncated_volume_is_named(tmp_path: Path, name: str) -> None:
    write_volume(tmp_path / name, VOLUME)
    voxels = tmp_path / "a.zraw" if name == "a.mhd" else tmp_path / name
    voxels.write_bytes(voxels.read_bytes()[:-80])
    for read in (read_image, read_mask):
        with pytest.raises(UserError, match=rf"{name}: unreadable or truncated") as caught:
            read(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.nii", "a.nrrd", "a.mha", "a.mhd"])
def test_a_truncated_volume_without_compression_is_named(tmp_path: Path, name: str) -> None:
    write_volume(tmp_path / name, VOLUME, compressed=False)
    voxels = tmp_path / "a.raw" if name == "a.mhd" else tmp_path / name
    voxels.write_bytes(voxels.read_bytes()[:-80])
    with pytest.raises(UserError, match=rf"{name}: unreadable or truncated") as caught:
        read_image(tmp_path / name)
    assert "No such file" not in str(caught.value)


def test_a_header_without_its_voxels_is_named(tmp_path: Path) -> None:
    write_volume(tmp_path / "a.mhd", VOLUME, compressed=False)
    (tmp_path / "a.raw").unlink()
    with pytest.raises(UserError, match=r"a\.mhd: unreadable or truncated \(.*, or a file of them is missing\)"):
        read_image(tmp_path / "a.mhd")


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.mha", "a.mhd"])
def test_a_flipped_bit_in_compressed_voxels_is_never_read_over(tmp_path: Path, name: str) -> None:
    """Libraries stop before the checksum: they would return wrong voxels for most of these."""
    smooth = np.arange(30 * 30 * 30, dtype=np.int16).reshape(30, 30, 30) // 7
    write_volume(tmp_path / name, smooth)
    voxels = tmp_path / "a.zraw" if name == "a.mhd" else tmp_path / name
    whole = voxels.read_bytes()
    for place in range(len(whole) // 2, len(whole), len(whole) // 40):
        damaged = bytearray(whole)
        damaged[place] ^= 16
        voxels.write_bytes(damaged)
        with pytest.raises(UserError, match=rf"{name}: unreadable or truncated"):
            read_image(tmp_path / name)
    voxels.write_bytes(whole)
    assert np.array_equal(read_image(tmp_path / name)[0][0], smooth)


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_compressed_voxels_of_any_number_type_and_byte_order(tmp_path: Path, name: str) -> None:
    """What is inflated here is what ITK reads."""
    for kind in ("u1", "i1", "u2", "i4", "u8", "f4", "f8"):
        array = np.random.default_rng(1).integers(0, 100, (3, 4, 5)).astype(kind)
        write_volume(tmp_path / name, array)
        image, _ = read_image(tmp_path / name)
        assert image.dtype == np.dtype(kind)
        assert np.array_equal(image[0], array)
    array = VOLUME.astype(">u2")
    if name == "a.mha":
        header = "NDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = True\nCompressedData = True\n"
        header += "DimSize = 6 5 4\nElementType = MET_USHORT\nElementDataFile = LOCAL\n"
        packed = zlib.compress(array.tobytes()) + b"\n"  # some writers end the file with a line
    else:
        header = "NRRD0004\n# of a scanner\ntype: uint16\ndimension: 3\nsizes: 6 5 4\nendian: big\nencoding: gzip\n"
        header += "encoding:=a key of its own\n\n"
        content = array.tobytes()
        packed = gzip.compress(content[:100]) + gzip.compress(content[100:])
    (tmp_path / name).write_bytes(header.encode() + packed)
    image, _ = read_image(tmp_path / name)
    assert image.dtype == np.uint16
    assert np.array_equal(image[0], VOLUME)


def test_compressed_voxels_in_several_files_are_refused(tmp_path: Path) -> None:
    for number, part in enumerate(VOLUME):
        (tmp_path / f"{number}.gz").write_bytes(gzip.compress(part.tobytes()))
    header = "NRRD0004\ntype: uint16\ndimension: 3\nsizes: 6 5 4\nendian: little\nencoding: gzip\n"
    (tmp_path / "a.nrrd").write_text(header + "data file: %d.gz 0 3 1\n")
    with pytest.raises(UserError, match=r"a\.nrrd: .*compressed voxels in several files.*save it as one file"):
        read_image(tmp_path / "a.nrrd")


@pytest.mark.parametrize(("unit", "sides"), [("unknown", 5.0), ("mm", 5.0), ("meter", 5000.0), ("micron", 0.005)])
def test_lengths_of_nifti_are_in_the_unit_of_its_header(tmp_path: Path, unit: str, sides: float) -> None:
    image = nib.Nifti1Image(VOLUME, np.diag([5.0, 5.0, 5.0, 1.0]))
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "a.nii")
    assert read_image(tmp_path / "a.nii")[1] == pytest.approx((sides,) * 3)
    flat = nib.Nifti1Image(VOLUME[..., :1], np.diag([5.0, 5.0, 5.0, 1.0]))
    flat.header.set_xyzt_units(unit)
    nib.save(flat, tmp_path / "b.nii")
    assert read_image(tmp_path / "b.nii")[1] == pytest.approx((sides,) * 2)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd"])
def test_a_file_of_four_axes_or_colours_is_refused(tmp_path: Path, name: str) -> None:
    if name == "a.nrrd":
        sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 3, 4, 5), np.uint8), isVector=False), str(tmp_path / name))
        sitk.WriteImage(
            sitk.GetImageFromArray(np.zeros((3, 4, 5, 3), np.uint8), isVector=True), str(tmp_path / "b.mha")
        )
        with pytest.raises(UserError, match=r"b\.mha: its pixels are colours"):
            read_image(tmp_path / "b.mha")
    else:
        nib.save(nib.Nifti1Image(np.zeros((5, 4, 3, 2), np.uint8), np.eye(4)), tmp_path / name)
    with pytest.raises(UserError, match=rf"{name}: 4 axes; give one volume a file"):
        read_image(tmp_path / name)


def test_a_singular_affine_is_refused(tmp_path: Path) -> None:
    image = nib.Nifti1Image(VOLUME, None)
    image.header["sform_code"], image.header["srow_x"], image.header["srow_y"] = 1, [1, 0, 0, 0], [1, 0, 0, 0]
    image.header["srow_z"] = [0, 0, 1, 0]
    nib.save(image, tmp_path / "a.nii")
    with pytest.raises(UserError, match=r"a\.nii: its axes have no length or lie in one plane"):
        read_image(tmp_path / "a.nii")


def test_a_negative_spacing_reverses_the_slices(tmp_path: Path) -> None:
    path = tmp_path / "a.mha"
    sitk.WriteImage(sitk.GetImageFromArray(VOLUME), str(path))
    path.write_bytes(path.read_bytes().replace(b"ElementSpacing = 1 1 1", b"ElementSpacing = 1 1 -2"))
    image, spacing = read_image(path)
    assert np.array_equal(image[0], VOLUME[::-1])
    assert spacing == (2.0, 1.0, 1.0)
