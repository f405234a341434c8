"""Masks of volumes lie on the grid of their file, whatever its type and however it is turned."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import highdicom
import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from seggrid.config.data import FolderData
from seggrid.data.sources import open_source
from seggrid.data.sources.files import read_mask
from seggrid.data.sources.volumes import read_grid
from seggrid.errors import UserError
from seggrid.inference.model import Model
from seggrid.prediction.stage import predict_files
from tests.unit.data.sources.dicom_files import IDENTIFIERS
from tests.unit.data.sources.volume_files import orientations, write_series, write_volume
from tests.unit.prediction.conftest import contents, table
from tests.unit.prediction.volume_models import FLAT, SPACING, model_of_volumes, scan


@pytest.fixture
def make_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Model]:
    """Make a model with random weights of volumes, or of their slices."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    return partial(model_of_volumes, tmp_path / "raw")


def test_a_mask_lies_on_the_grid_of_its_file(make_model: Callable[..., Model], tmp_path: Path) -> None:
    inside, turns = tmp_path / "in", list(orientations())
    files = [f"{number}{suffix}" for number, suffix in enumerate([".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"] * 2)]
    for number, name in enumerate(files):
        write_volume(inside / name, scan(7)[0], SPACING, turns[5 * number])
    predict_files(make_model(), [inside], tmp_path / "out", overlays=True)
    found = []
    for name in files:
        mask = tmp_path / "out" / name.replace(".mhd", ".mha")
        own, image = read_grid(mask), read_grid(inside / name)
        assert own is not None
        assert image is not None
        assert own.shape == image.shape
        assert np.allclose(own.affine, image.affine, atol=1e-6)
        found.append(read_mask(mask)[0])
        assert (tmp_path / "out" / "overlays" / name).with_suffix("").with_suffix(".png").is_file()
    assert all(np.array_equal(mask, found[0]) for mask in found)
    assert set(np.unique(found[0])) == {0, 1}
    pixels = str(int(found[0].sum()))
    assert {(row["pixels"], row["unit"], float(row["area"])) for row in table(tmp_path / "out")} == {
        (pixels, "mm3", 2.0 * int(pixels))
    }
    image, mask = nib.load(inside / "0.nii"), nib.load(tmp_path / "out" / "0.nii")
    assert np.array_equal(mask.affine, image.affine)
    one, other = (sitk.ReadImage(str(folder / "2.nrrd")) for folder in (inside, tmp_path / "out"))
    assert (one.GetDirection(), one.GetSpacing(), one.GetOrigin()) == (
        other.GetDirection(), other.GetSpacing(), other.GetOrigin(),
    )  # fmt: skip


def test_the_same_volume_gives_the_same_bytes_and_is_kept(make_model: Callable[..., Model], tmp_path: Path) -> None:
    model = make_model()
    for name in ("a.nii.gz", "b.nrrd", "c.mha", "d.mhd"):
        write_volume(tmp_path / "in" / name, scan(7)[0], SPACING)
    write_series(tmp_path / "in" / "e", scan(7)[0], SPACING)
    predict_files(model, [tmp_path / "in"], tmp_path / "one", overlays=False)
    predict_files(model, [tmp_path / "in"], tmp_path / "two", overlays=False)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert "0 of them new" in predict_files(model, [tmp_path / "in"], tmp_path / "one", overlays=False)
    voxels = tmp_path / "in" / "d.zraw"
    write_volume(tmp_path / "in" / "d.mhd", scan(8)[0], SPACING)
    assert voxels.is_file()
    assert "1 of them new" in predict_files(model, [tmp_path / "in"], tmp_path / "one", overlays=False)


def test_the_mask_of_a_series_is_a_segmentation_in_its_place(make_model: Callable[..., Model], tmp_path: Path) -> None:
    image = scan(7)[0]
    files = write_series(tmp_path / "in" / "Doe", image, SPACING)
    write_volume(tmp_path / "flat.nii", image, SPACING)
    predict_files(make_model(), [tmp_path / "in", tmp_path / "flat.nii"], tmp_path / "out", overlays=False)
    expected, _ = read_mask(tmp_path / "out" / "flat.nii")
    (path,) = (tmp_path / "out").glob("dcm-*.dcm")
    found = highdicom.seg.segread(path)
    volume = found.get_volume(combine_segments=True, allow_missing_positions=True)
    shown = np.flatnonzero(expected.any(axis=(1, 2)))
    upwards = volume.affine[2, 0] > 0
    array = volume.array if upwards else volume.array[::-1]
    assert np.array_equal(array, expected[shown[0] : shown[-1] + 1])
    first = pydicom.dcmread(files[shown[0]])
    lowest = volume.affine @ [0 if upwards else len(array) - 1, 0, 0, 1]
    assert np.allclose(lowest[:3], first.ImagePositionPatient)
    assert np.allclose(volume.spacing, SPACING)
    assert found.FrameOfReferenceUID == first.FrameOfReferenceUID
    referred = {str(instance) for _, _, instance in found.get_source_image_uids()}
    assert referred == {str(pydicom.dcmread(file).SOPInstanceUID) for file in files}
    everything = b"".join(contents(tmp_path / "out").values())
    assert not any(secret.encode() in everything for secret in IDENTIFIERS)
    assert f"{path.stem},Doe" in (tmp_path / "in" / "pseudonyms.csv").read_text()
    # What was written is read as a mask of the series.
    masks = tmp_path / "again" / "masks"
    masks.mkdir(parents=True)
    (tmp_path / "again" / "images").mkdir()
    (tmp_path / "in" / "Doe").rename(tmp_path / "again" / "images" / "Doe")
    (masks / "Doe.dcm").write_bytes(path.read_bytes())
    source = open_source(FolderData(source="folder", path=tmp_path / "again", classes=["box"], series=True))
    assert np.array_equal(source.load(source.list_cases().cases[0]).labels, expected)


def test_a_model_of_slices_segments_volumes_slice_by_slice(make_model: Callable[..., Model], tmp_path: Path) -> None:
    image = scan(7)[0]
    write_volume(tmp_path / "in" / "a.nrrd", image, SPACING)
    write_volume(tmp_path / "in" / "b.nii.gz", image, SPACING, turn=list(orientations())[30])
    model = make_model(FLAT, seed=7, slices=1)
    predict_files(model, [tmp_path / "in"], tmp_path / "out", overlays=False)
    masks = [read_mask(tmp_path / "out" / name)[0] for name in ("a.nrrd", "b.nii.gz")]
    assert masks[0].shape == image.shape
    assert np.array_equal(*masks)
    assert len(table(tmp_path / "out")) == 2 * image.shape[1]
    # Every slice as it would be by itself.
    write_volume(tmp_path / "one" / "c.nrrd", image[:, 6:7], SPACING)
    predict_files(model, [tmp_path / "one"], tmp_path / "out2", overlays=False)
    assert np.array_equal(read_mask(tmp_path / "out2" / "c.nrrd")[0][:, 0], masks[0][:, 6])


@pytest.mark.usefixtures("threads")
def test_a_slice_without_contrast_is_background(make_model: Callable[..., Model], tmp_path: Path) -> None:
    image = scan(7)[0]
    write_volume(tmp_path / "in" / "a.nrrd", image, SPACING)
    image[:, 6] = 30
    write_volume(tmp_path / "in" / "b.nrrd", image, SPACING)
    model = make_model(FLAT, seed=7, slices=1)
    assert predict_files(model, [tmp_path / "in"], tmp_path / "out", overlays=True).startswith("2 masks")
    whole, one = (read_mask(tmp_path / "out" / name)[0] for name in ("a.nrrd", "b.nrrd"))
    assert whole[:, 6].any()
    assert not one[:, 6].any()
    others = np.arange(image.shape[1]) != 6
    assert np.array_equal(one[:, others], whole[:, others])
    write_volume(tmp_path / "in" / "c.nrrd", np.full_like(image, 30), SPACING)
    with pytest.raises(UserError, match=r"c\.nrrd: no slice has any contrast after preprocessing"):
        predict_files(model, [tmp_path / "in"], tmp_path / "out", overlays=False)
    assert not (tmp_path / "out" / "c.nrrd").exists()


@pytest.mark.usefixtures("threads")
def test_a_volume_that_was_replaced_is_read_again(make_model: Callable[..., Model], tmp_path: Path) -> None:
    """By a second call in the same process, too."""
    model, path = make_model(FLAT, seed=7, slices=1), tmp_path / "a.nrrd"
    for number in (7, 8):
        write_volume(path, np.roll(scan(number)[0], 5 * number, 2), SPACING)
        predict_files(model, [path], tmp_path / "out", overlays=False)
    path.rename(tmp_path / "b.nrrd")
    predict_files(model, [tmp_path / "b.nrrd"], tmp_path / "out", overlays=False)
    again, fresh = (read_mask(tmp_path / "out" / name)[0] for name in ("a.nrrd", "b.nrrd"))
    assert np.array_equal(again, fresh)
    assert len(np.unique(fresh)) == 2


@pytest.mark.parametrize("version", [nib.Nifti1Image, nib.Nifti2Image])
def test_no_text_of_the_header_reaches_the_mask(
    make_model: Callable[..., Model], tmp_path: Path, version: type[nib.Nifti1Image]
) -> None:
    image = version(scan(7)[0].transpose(2, 1, 0), np.diag([-1.0, -1.0, 2.0, 1.0]))
    for name in {"data_type", "db_name", "descrip", "aux_file", "intent_name"} & set(image.header.keys()):
        image.header[name] = b"DOE JOHN"
    image.header["intent_code"], image.header["intent_p1"] = 5, 47.11
    nib.save(image, tmp_path / "a.nii")
    assert b"DOE JOHN" in (tmp_path / "a.nii").read_bytes()
    predict_files(make_model(), [tmp_path / "a.nii"], tmp_path / "out", overlays=False)
    mask = nib.load(tmp_path / "out" / "a.nii")
    assert b"DOE" not in (tmp_path / "out" / "a.nii").read_bytes()
    assert mask.header.get_intent() == ("none", (), "")
    assert np.array_equal(mask.affine, image.affine)


def test_blocks_that_were_scaled_by_themselves_are_told(make_model: Callable[..., Model], tmp_path: Path) -> None:
    write_volume(tmp_path / "a.nrrd", scan(7)[0], SPACING)
    text = predict_files(make_model(), [tmp_path / "a.nrrd"], tmp_path / "out", overlays=False)
    assert "trained on blocks" not in text
    blocks = make_model(subvolumes={"grid": [1, 2, 1]})
    text = predict_files(blocks, [tmp_path / "a.nrrd"], tmp_path / "out", overlays=False)
    assert "the model was trained on blocks, each scaled by its own values (z_score), and whole volumes" in text
    scaled = make_model(subvolumes={"grid": [1, 2, 1]}, steps=[{"window": {"low": 0, "high": 250, "scale": True}}])
    text = predict_files(scaled, [tmp_path / "a.nrrd"], tmp_path / "out", overlays=False)
    assert "trained on blocks" not in text


def test_odd_volumes(make_model: Callable[..., Model], tmp_path: Path) -> None:
    """Of one slice, smaller than a patch, anisotropic, of 16 bit without sign."""
    image = scan(7)[0].astype(np.uint16) + 60000
    write_volume(tmp_path / "in" / "one.nii.gz", image[:1], SPACING)
    write_volume(tmp_path / "in" / "small.nrrd", image[:3, :5, :4], SPACING)
    write_volume(tmp_path / "in" / "thick.mha", image, (5.0, 1.0, 1.0))
    predict_files(make_model(), [tmp_path / "in"], tmp_path / "out", overlays=False)
    for name in ("one.nii.gz", "small.nrrd", "thick.mha"):
        assert read_mask(tmp_path / "out" / name, flat_slice=False)[0].shape == read_mask(
            tmp_path / "in" / name, flat_slice=False
        )[0].shape  # fmt: skip


def test_what_is_no_volume_is_told(make_model: Callable[..., Model], tmp_path: Path) -> None:
    files = write_series(tmp_path / "in" / "Doe", scan(7)[0], SPACING)
    files[4].unlink()
    broken = tmp_path / "in" / "b.nii.gz"
    write_volume(broken, scan(7)[0], SPACING)
    broken.write_bytes(broken.read_bytes()[:-80])
    values = scan(7)[0].astype(np.float32)
    values[0, 0, 0] = np.nan
    write_volume(tmp_path / "in" / "c.nii", values, SPACING)
    with pytest.raises(UserError) as caught:
        predict_files(make_model(), [tmp_path / "in"], tmp_path / "out", overlays=False)
    told = "\n".join(caught.value.problems)
    assert "4 mm lie between slices 4 and 5 in their order along the axis, 2 mm between most others" in told
    assert "b.nii.gz: unreadable or truncated" in told
    assert "c.nii: 1 pixels are NaN or infinite" in told
    assert not any(secret in told for secret in (*IDENTIFIERS, "IM0"))
