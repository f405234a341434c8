"""Image and mask files of every kind that is read, and of those that are refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from seggrid.data.sources.files import by_stem, read_image, read_mask, stem
from seggrid.errors import UserError

GREY = np.arange(12 * 10, dtype=np.uint8).reshape(12, 10)
DEEP = (GREY.astype(np.uint16) * 300) + 5


@pytest.mark.parametrize("array", [GREY, DEEP], ids=["8 bit", "16 bit"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_grey_images_keep_every_bit(tmp_path: Path, array: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(array).save(path)
    image, spacing = read_image(path)
    assert image.dtype == array.dtype
    assert np.array_equal(image, array[None])
    assert spacing is None


def test_a_grey_image_saved_as_colour_has_one_channel(tmp_path: Path) -> None:
    Image.fromarray(np.stack([GREY] * 3, -1)).save(tmp_path / "a.png")
    cv2.imwrite(str(tmp_path / "b.png"), np.stack([DEEP] * 3, -1))
    Image.fromarray(np.stack([GREY] * 3 + [np.full_like(GREY, 255)], -1)).save(tmp_path / "c.png")
    assert np.array_equal(read_image(tmp_path / "a.png")[0], GREY[None])
    assert np.array_equal(read_image(tmp_path / "b.png")[0], DEEP[None])
    assert np.array_equal(read_image(tmp_path / "c.png")[0], GREY[None])


def test_real_colour_is_red_green_blue(tmp_path: Path) -> None:
    colour = np.stack([GREY, GREY + 1, GREY + 2], -1)
    Image.fromarray(colour).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png")[0], np.moveaxis(colour, -1, 0))


def test_a_grey_jpeg_has_one_channel(tmp_path: Path) -> None:
    Image.fromarray(GREY).convert("RGB").save(tmp_path / "a.jpg")
    assert read_image(tmp_path / "a.jpg")[0].shape == (1, 12, 10)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.nii", "a.nii.gz"])
def test_a_truncated_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    if ".nii" in name:
        nib.save(nib.Nifti1Image(noise, np.eye(4)), path)
    else:
        Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=rf"{name}: unreadable or truncated"):
        read_image(path)
    with pytest.raises(UserError, match=rf"{name}: unreadable or truncated"):
        read_mask(path)


def test_text_in_place_of_an_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("not an image")
    with pytest.raises(UserError, match=r"a.png: unreadable"):
        read_image(tmp_path / "a.png")


def test_transparency_and_pages_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([GREY, GREY, GREY, GREY])).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="transparent"):
        read_image(tmp_path / "a.png")
    pages = [Image.fromarray(GREY), Image.fromarray(GREY)]
    pages[0].save(tmp_path / "b.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(UserError, match=r"b.tif: 2 pages"):
        read_image(tmp_path / "b.tif")


def test_masks_are_the_stored_numbers(tmp_path: Path) -> None:
    mask = (GREY % 5).astype(np.uint8)
    indexed = Image.new("P", mask.shape[::-1])
    indexed.putdata(mask.ravel().tolist())
    indexed.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 90, 90, 90])
    indexed.save(tmp_path / "palette.png")
    Image.fromarray(mask.astype(np.uint16) * 1000).save(tmp_path / "deep.png")
    Image.fromarray(np.stack([mask] * 3, -1)).save(tmp_path / "colour.png")
    Image.fromarray(mask > 0).save(tmp_path / "binary.png")
    assert np.array_equal(read_mask(tmp_path / "palette.png")[0], mask)
    assert np.array_equal(read_mask(tmp_path / "deep.png")[0], mask.astype(int) * 1000)
    assert np.array_equal(read_mask(tmp_path / "colour.png")[0], mask)
    assert np.array_equal(read_mask(tmp_path / "binary.png")[0], mask > 0)


def test_colour_masks_and_fractions_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.stack([GREY, GREY * 0, GREY], -1)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a.png: a colour mask"):
        read_mask(tmp_path / "a.png")
    nib.save(nib.Nifti1Image(GREY / np.float32(7), np.eye(4)), tmp_path / "b.nii.gz")
    with pytest.raises(UserError, match="whole numbers"):
        read_mask(tmp_path / "b.nii.gz")


def test_nifti_of_two_axes_keeps_them(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(DEEP, np.diag([0.5, -2.0, 1, 1])), tmp_path / "a.nii.gz")
    image, spacing = read_image(tmp_path / "a.nii.gz")
    assert np.array_equal(image, DEEP[None])
    assert image.dtype == np.uint16
    assert spacing == (0.5, 2.0)


def test_a_single_slice_is_two_dimensional_and_a_series_is_refused(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(GREY[..., None], np.eye(4)), tmp_path / "a.nii")
    assert read_image(tmp_path / "a.nii")[0].shape == (1, 12, 10)
    nib.save(nib.Nifti1Image(np.zeros((3, 3, 3, 2), np.uint8), np.eye(4)), tmp_path / "b.nii")
    with pytest.raises(UserError, match="4 axes"):
        read_image(tmp_path / "b.nii")


def test_stem_takes_the_whole_suffix() -> None:
    assert stem(Path("p1/a.b.nii.gz")) == "p1/a.b"
    assert stem(Path("a.png")) == "a"


@pytest.mark.parametrize("kind", [[("R", "u1"), ("G", "u1"), ("B", "u1")], np.complex64], ids=["RGB", "complex"])
def test_nifti_pixels_that_are_no_numbers_are_refused(tmp_path: Path, kind: object) -> None:
    nib.save(nib.Nifti1Image(np.zeros((4, 5, 1), np.dtype(kind)), np.eye(4)), tmp_path / "a.nii")
    for read in (read_image, read_mask):
        with pytest.raises(UserError, match=r"a\.nii: its pixels are colours or complex numbers; store one number"):
            read(tmp_path / "a.nii")


@pytest.mark.parametrize("mode", ["L", "I;16", "1", "P", "LA", "RGB", "RGBA"])
def test_every_png_is_read_as_opencv_reads_it(tmp_path: Path, mode: str) -> None:
    """Grey ones by Pillow alone, which has decoded them already."""
    path = tmp_path / "a.png"
    (Image.fromarray(DEEP) if mode == "I;16" else Image.fromarray(GREY).convert(mode)).save(path)
    expected = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    expected = expected[..., 0] if expected.ndim == 3 else expected
    image = read_image(path)[0]
    assert (image.dtype.str, image.shape) == (expected.dtype.str, (1, 12, 10))
    assert np.array_equal(image[0], expected)


def test_dicom_is_read_by_the_folder_source_only(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").touch()
    _, problems = by_stem([Path("a.dcm")], tmp_path, lossless=False)
    assert "DICOM is read by the folder source only" in problems[tmp_path / "a.dcm"]
