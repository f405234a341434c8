"""Masks of volumes lie on the grid of their file, whatever its type and however it is turned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom
import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import torch
from safetensors.torch import save_file

from seggrid.config import Experiment
from seggrid.config.data import FolderData
from seggrid.data.preprocess import preprocess
from seggrid.data.sources import open_source
from seggrid.data.sources.files import read_mask
from seggrid.data.sources.volumes import read_grid
from seggrid.errors import UserError
from seggrid.inference.model import Model, open_model
from seggrid.networks import build_network
from seggrid.paths import DataFolder, RunFolder
from seggrid.plan import make_plan
from seggrid.prediction.stage import predict_files
from seggrid.specification import read_data, read_run
from tests.unit.data.sources.dicom_files import IDENTIFIERS
from tests.unit.data.sources.volume_files import orientations, write_series, write_volume
from tests.unit.prediction.conftest import contents, table

SPACING = (2.0, 1.0, 1.0)
UNET = {"architecture": "UNet3D", "parameters": {"channels": [4, 8]}}
FLAT = {"architecture": "FPN", "encoder": "tu-mobilenetv3_small_100"}


def scan(number: int, shape: tuple[int, int, int] = (12, 20, 26)) -> tuple[np.ndarray, np.ndarray]:
    """A box off the middle in noise, and its mask."""
    mask = np.zeros(shape, np.uint8)
    mask[3:9, 4:12, 10:22] = 1
    noise = np.random.default_rng(number).integers(0, 60, shape)
    return (200 * mask + noise).astype(np.int16), mask


@pytest.fixture
def make_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Model]:
    """Make a model with random weights of volumes, or of their slices."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))

    def make(network: dict[str, Any] = UNET, seed: int = 1, **data: Any) -> Model:
        raw = tmp_path / "raw"
        for number in range(4):
            image, mask = scan(number)
            write_volume(raw / "images" / f"v{number}.nii.gz", image, SPACING)
            write_volume(raw / "masks" / f"v{number}.nii.gz", mask, SPACING)
        volumes = network is UNET
        resample = {"resample": {"spacing": [2.0, 1.5, 1.5] if volumes else [1.0, 1.0]}}
        experiment = {
            "name": "tiny", "data": {"source": "folder", "path": str(raw), "classes": ["box"], **data},
            "preprocessing": [resample, "z_score"], "splits": {"folds": 2}, "networks": [network], "mixtures": ["ce"],
            "training": {"patch_size": [8, 8, 8]} if volumes else {},
        }  # fmt: skip
        plan = make_plan(Experiment.model_validate(experiment), [])
        plan.write()
        preprocess(read_data(plan.data_id), DataFolder(plan.data_id), 1)
        run_id = plan.runs[0].run_id
        torch.manual_seed(seed)
        save_file(build_network(read_run(run_id).network, 1, 2).state_dict(), RunFolder(run_id).model)
        return open_model(run_id)

    return make


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
    model = make_model(FLAT, slices=1)
    predict_files(model, [tmp_path / "in"], tmp_path / "out", overlays=False)
    masks = [read_mask(tmp_path / "out" / name)[0] for name in ("a.nrrd", "b.nii.gz")]
    assert masks[0].shape == image.shape
    assert np.array_equal(*masks)
    assert len(table(tmp_path / "out")) == 2 * image.shape[1]
    # Every slice as it would be by itself.
    write_volume(tmp_path / "one" / "c.nrrd", image[:, 6:7], SPACING)
    predict_files(model, [tmp_path / "one"], tmp_path / "out2", overlays=False)
    assert np.array_equal(read_mask(tmp_path / "out2" / "c.nrrd")[0][:, 0], masks[0][:, 6])


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
