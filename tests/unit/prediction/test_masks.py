"""Masks of files: like those of the evaluation, in the resolution and kind of the image."""

from __future__ import annotations

from pathlib import Path

import cv2
import nibabel as nib
import numpy as np
import pytest
import torch

from seggrid import cli
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.inference.model import open_model
from seggrid.inference.predict import Predictor, predict_case
from seggrid.paths import DataFolder, RunFolder
from seggrid.prediction.stage import predict_files
from seggrid.specification import read_run
from tests.unit.prediction.conftest import MakeRun, contents, draw, read, table, write_nifti


@pytest.mark.usefixtures("threads")
def test_masks_are_those_of_the_evaluation(make_run: MakeRun, tmp_path: Path) -> None:
    run_id = make_run()
    spec = read_run(run_id)
    text = predict_files(open_model(run_id), [tmp_path / "raw" / "images"], tmp_path / "out", overlays=False)
    assert text.startswith(f"6 masks in {tmp_path / 'out'}, 6 of them new (")
    store = Store.open(DataFolder(spec.data_id))
    predictor = Predictor(spec, RunFolder(run_id).model, 1, 3, torch.device("cpu"))
    for number, case in enumerate(store.cases):
        mask = read(tmp_path / "out" / f"{case.case}.png")
        assert mask.dtype == np.uint8
        assert np.array_equal(mask, predict_case([predictor], store, number))
        assert set(np.unique(mask)) == {0, 1, 2}


def test_areas_are_those_of_the_masks(make_run: MakeRun, tmp_path: Path) -> None:
    write_nifti(tmp_path / "scan.nii", draw(1)[..., None])
    paths = [tmp_path / "scan.nii", tmp_path / "raw" / "images"]
    predict_files(open_model(make_run()), paths, tmp_path / "out", overlays=False)
    rows = table(tmp_path / "out")
    assert [row["mask"] for row in rows][::2] == [*(f"c{number}.png" for number in range(6)), "scan.nii"]
    for row in rows:
        nifti = row["mask"].endswith(".nii")
        path = tmp_path / "out" / row["mask"]
        mask = np.asarray(nib.load(path).dataobj) if nifti else read(path)
        pixels = int((mask == int(row["label"])).sum())
        assert (row["class"], int(row["pixels"])) == (["disc", "box"][int(row["label"]) - 1], pixels)
        assert (float(row["area"]), row["unit"]) == ((pytest.approx(pixels * 0.2), "mm2") if nifti else (pixels, "px"))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".jpg"])
def test_a_mask_has_the_type_of_its_image(make_run: MakeRun, tmp_path: Path, suffix: str) -> None:
    image = draw(3, (70, 81)).astype(np.uint8 if suffix == ".jpg" else np.uint16)
    image = image if suffix == ".jpg" else image * 200
    cv2.imwrite(str(tmp_path / f"x{suffix}"), image)
    predict_files(open_model(make_run()), [tmp_path / f"x{suffix}"], tmp_path / "out", overlays=False)
    name = "x.png" if suffix == ".jpg" else f"x{suffix}"
    assert set(contents(tmp_path / "out")) == {name, "areas.csv"}
    mask = read(tmp_path / "out" / name)
    assert (mask.shape, mask.dtype) == ((70, 81), np.uint8)
    assert set(np.unique(mask)) <= {0, 1, 2}


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_nifti_mask_lies_where_its_image_lies(make_run: MakeRun, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    write_nifti(path, draw(2).astype(np.int16)[..., None])
    cv2.imwrite(str(tmp_path / "flat.png"), draw(2))
    model = open_model(make_run())
    predict_files(model, [path, tmp_path / "flat.png"], tmp_path / "out", overlays=True)
    image, mask = nib.load(path), nib.load(tmp_path / "out" / f"x{suffix}")
    assert mask.shape == image.shape == (60, 90, 1)
    assert np.array_equal(mask.affine, image.affine)
    assert (mask.header["sform_code"], mask.get_data_dtype()) == (image.header["sform_code"], np.uint8)
    assert np.array_equal(np.asarray(mask.dataobj)[..., 0], read(tmp_path / "out" / "flat.png"))
    first = (tmp_path / "out" / f"x{suffix}").read_bytes()
    (tmp_path / "out" / f"x{suffix}").unlink()
    predict_files(model, [path], tmp_path / "out", overlays=True)
    assert (tmp_path / "out" / f"x{suffix}").read_bytes() == first


def test_folders_keep_their_order_and_other_files_are_passed_over(make_run: MakeRun, tmp_path: Path) -> None:
    for name in ("a/x.png", "b/x.png", ".hidden/x.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "in" / name), draw(1))
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    out = tmp_path / "in" / "masks"
    model = open_model(make_run())
    assert predict_files(model, [tmp_path / "in"], out, overlays=False).startswith("2 masks")
    assert set(contents(out)) == {"a/x.png", "b/x.png", "areas.csv"}
    # Its own masks are no images, though they lie in the folder.
    assert predict_files(model, [tmp_path / "in"], out, overlays=False) == f"2 masks in {out}, 0 of them new"


def test_channels_in_files_of_their_own_are_one_case(make_run: MakeRun, tmp_path: Path) -> None:
    run_id = make_run(channels=2, layout="nnunet")
    predict_files(open_model(run_id), [tmp_path / "raw" / "imagesTr"], tmp_path / "out", overlays=False)
    assert set(contents(tmp_path / "out")) == {*(f"c{number}.nii.gz" for number in range(6)), "areas.csv"}
    predictor = Predictor(read_run(run_id), RunFolder(run_id).model, 2, 3, torch.device("cpu"))
    store = Store.open(DataFolder(read_run(run_id).data_id))
    mask = np.asarray(nib.load(tmp_path / "out" / "c3.nii.gz").dataobj)
    assert np.array_equal(mask[..., 0], predict_case([predictor], store, 3))
    with pytest.raises(UserError, match=r"c0_0001.nii.gz: 1 channels give 1 after preprocessing, not 2"):
        predict_files(open_model(run_id), [tmp_path / "raw/imagesTr/c0_0001.nii.gz"], tmp_path / "two", overlays=False)


def test_the_command_line_says_what_it_made(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", "--model", make_run(), "--device", "cpu", "--overlays"]
    words += [str(tmp_path / "raw/images/c0.png"), str(tmp_path / "raw/images/c1.png"), str(tmp_path / "out")]
    assert cli.main(words) == 0
    assert capsys.readouterr().out.startswith(f"2 masks in {tmp_path / 'out'}, 2 of them new")
    assert set(contents(tmp_path / "out")) == {"c0.png", "c1.png", "overlays/c0.png", "overlays/c1.png", "areas.csv"}
    (tmp_path / "empty").mkdir()
    assert cli.main([*words[:3], str(tmp_path / "empty"), str(tmp_path / "out")]) == 2
    assert "no image was found" in capsys.readouterr().err
