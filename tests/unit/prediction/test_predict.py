"""Masks of files: like those of the evaluation, in the resolution and kind of the image, each made once."""

from __future__ import annotations

import csv
import fcntl
import shutil
from pathlib import Path

import cv2
import nibabel as nib
import numpy as np
import pytest
import torch
from skimage.segmentation import find_boundaries

from seggrid import cli
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.inference import segmenter
from seggrid.inference.device import choose_device
from seggrid.inference.model import Model, open_model
from seggrid.inference.predict import Predictor, predict_case
from seggrid.inference.segmenter import Segmenter
from seggrid.paths import DataFolder, RunFolder
from seggrid.prediction import stage
from seggrid.prediction.outputs import write_overlay
from seggrid.prediction.stage import predict_files
from seggrid.specification import read_run
from tests.unit.prediction.conftest import MakeRun, draw, labels, write_nifti


def read(path: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))


def table(out: Path) -> list[dict[str, str]]:
    with (out / "areas.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


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


# Once, and whole


def test_what_is_there_is_not_made_again(make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, images, out = open_model(make_run()), tmp_path / "raw" / "images", tmp_path / "out"
    predict_files(model, [images], out, overlays=True)
    before = contents(out)
    with monkeypatch.context() as patch:
        patch.setattr(stage, "Segmenter", None)
        assert predict_files(model, [images], out, overlays=True) == f"6 masks in {out}, 0 of them new"
    assert contents(out) == before
    (out / "c1.png").write_bytes(before["c1.png"][:50])  # cut off
    (out / "overlays" / "c2.png").unlink()
    shutil.copy(images / "c4.png", images / "c3.png")  # another image under the old name
    assert "6 masks" in (text := predict_files(model, [images], out, overlays=True))
    assert "3 of them new" in text
    after = contents(out)
    assert {name for name in before if after[name] != before[name]} == {"c3.png", "overlays/c3.png", "areas.csv"}


def test_another_model_makes_all_masks_anew(make_run: MakeRun, tmp_path: Path) -> None:
    images, out = tmp_path / "raw" / "images", tmp_path / "out"
    predict_files(open_model(make_run()), [images], out, overlays=True)
    first = contents(out)
    text = predict_files(open_model(make_run(seed=8)), [images], out, overlays=False)
    assert "6 of them new" in text
    assert contents(out)["c0.png"] != first["c0.png"]
    assert not (out / "overlays" / "c0.png").exists(), "a picture of another mask"


def test_a_killed_call_is_continued(make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, images, out = open_model(make_run()), tmp_path / "raw" / "images", tmp_path / "out"
    predict_files(model, [images], tmp_path / "whole", overlays=False)
    original, calls = stage.write_mask, []

    def killed(path: Path, *arguments: object) -> None:
        calls.append(path)
        if len(calls) == 4:
            path.with_name(f".{path.name}.0123456789ab.part").write_bytes(b"half")
            raise KeyboardInterrupt
        original(path, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stage, "write_mask", killed)
        predict_files(model, [images], out, overlays=False)
    journal = out / ".predictions.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])  # its last line is cut off
    assert "4 of them new" in predict_files(model, [images], out, overlays=False)
    assert contents(out) == contents(tmp_path / "whole")
    assert not list(out.rglob("*.part"))
    assert "0 of them new" in predict_files(model, [images], out, overlays=False)


def test_one_call_writes_at_a_time(make_run: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / ".predictions.jsonl").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another `seggrid predict` writes there"):
            predict_files(open_model(make_run()), [tmp_path / "raw" / "images"], tmp_path / "out", overlays=False)


# Batches


def test_a_mask_does_not_depend_on_its_batch(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segmenter, "BATCH", {"cpu": 4})
    networks = [{"name": "attention", "architecture": "Segformer", "encoder": "mit_b0"}]
    model, images = open_model(make_run(seed=3, networks=networks)), tmp_path / "raw" / "images"
    predict_files(model, [images], tmp_path / "all", overlays=False)
    for number in (5, 0):
        predict_files(model, [images / f"c{number}.png"], tmp_path / "alone", overlays=False)
        alone, together = (tmp_path / folder / f"c{number}.png" for folder in ("alone", "all"))
        assert alone.read_bytes() == together.read_bytes()
    pixels = [Segmenter(model, choose_device("cpu")).prepare(draw(number)[None]) for number in range(6)]
    sizes: list[int] = []
    original = Segmenter.segment
    monkeypatch.setattr(Segmenter, "segment", lambda self, images: sizes.append(len(images)) or original(self, images))
    predict_files(model, [images], tmp_path / "again", overlays=False)
    assert (sizes, len({image.pixels.shape for image in pixels})) == ([4, 2], 1)


def test_images_of_several_sizes_are_batched_by_size(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_model(make_run(preprocessing=["z_score"]))
    predict_files(model, [tmp_path / "raw" / "images"], tmp_path / "single", overlays=False)
    monkeypatch.setattr(segmenter, "BATCH", {"cpu": 4})
    shutil.copy(tmp_path / "raw" / "images" / "c1.png", tmp_path / "raw" / "images" / "c1b.png")
    predict_files(model, [tmp_path / "raw" / "images"], tmp_path / "batched", overlays=False)
    batched = contents(tmp_path / "batched")
    assert batched["c1b.png"] == batched["c1.png"]
    assert {name: batched[name] for name in (f"c{i}.png" for i in range(6))} == {
        name: content for name, content in contents(tmp_path / "single").items() if name != "areas.csv"
    }


# Mistakes


def test_what_cannot_be_segmented_is_named_and_the_rest_is_made(make_run: MakeRun, tmp_path: Path) -> None:
    images, out = tmp_path / "raw" / "images", tmp_path / "out"
    model = open_model(make_run())
    (images / "c0.png").write_bytes((images / "c0.png").read_bytes()[:200])
    cv2.imwrite(str(images / "colour.png"), np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8))
    write_nifti(images / "volume.nii.gz", np.ones((8, 9, 10)))
    broken = draw(1).astype(np.float32)
    broken[0, 0] = np.nan
    write_nifti(images / "broken.nii", broken[..., None])
    (images / "scan.dcm").write_bytes(b"")
    (images / "IM0001").write_bytes(bytes(128) + b"DICM")
    shutil.copy(images / "c1.png", images / "c2.tif")
    with pytest.raises(UserError) as error:
        predict_files(model, [images, tmp_path / "absent"], out, overlays=False)
    told = str(error.value)
    for part in (
        "c0.png: unreadable or truncated",
        "colour.png: 3 channels give 3 after preprocessing, not 1",
        "volume.nii.gz: an image of 2 axes is wanted; this one is 8 x 9 x 10",
        "broken.nii: 1 pixels are NaN or infinite",
        "scan.dcm: DICOM is not read; convert it to NIfTI (dcm2niix) or to PNG or TIFF of 16 bit",
        "IM0001: DICOM is not read",
        "c2.png: its mask would be called like that of",
        "absent: no such file or folder",
        "4 masks are in",
    ):
        assert part in told
    assert sorted({row["mask"] for row in table(out)}) == ["c1.png", "c3.png", "c4.png", "c5.png"]


def test_masks_never_take_the_place_of_their_images(make_run: MakeRun, tmp_path: Path) -> None:
    images = tmp_path / "raw" / "images"
    before = contents(images)
    with pytest.raises(UserError, match=r"c0.png: its mask would take its place; give another folder"):
        predict_files(open_model(make_run()), [images], images, overlays=False)
    assert before.items() <= contents(images).items()


@pytest.mark.parametrize("name", ["absent", "results", "models:x"])
def test_an_unknown_model_says_what_to_give(make_run: MakeRun, tmp_path: Path, name: str) -> None:
    make_run()
    with pytest.raises(UserError, match=f"--model {name}: no such run or folder; give a run id"):
        open_model(name)


def test_a_run_without_weights_says_what_to_run(make_run: MakeRun) -> None:
    run_id = make_run()
    RunFolder(run_id).model.unlink()
    with pytest.raises(UserError, match=f"no such file; run `seggrid train {run_id}` first"):
        open_model(run_id)


# Overlays and models


def test_an_overlay_shows_the_objects_in_their_colours(tmp_path: Path) -> None:
    image, mask = draw(2), labels((60, 90))
    write_overlay(tmp_path / "x.png", image[None].astype(np.uint16) * 100, mask)
    drawn = read(tmp_path / "x.png")[..., ::-1]
    assert drawn.shape == (60, 90, 3)
    assert np.array_equal((drawn == drawn[..., :1]).all(-1), mask == 0)
    for label, colour in ((1, (230, 159, 0)), (2, (86, 180, 233))):
        edge = find_boundaries(mask, mode="inner") & (mask == label)
        assert (drawn[edge] == colour).all()
        assert not (drawn[(mask == label) & ~edge] == colour).all(-1).any()


def test_the_overlay_of_a_volume_is_the_slice_with_most_objects(tmp_path: Path) -> None:
    mask = np.stack([0 * labels((60, 90)), labels((60, 90)), labels((60, 90)) // 2])
    image = np.stack([draw(number) for number in range(3)])
    write_overlay(tmp_path / "volume.png", image[None], mask)
    write_overlay(tmp_path / "slice.png", image[None, 1], mask[1])
    assert (tmp_path / "volume.png").read_bytes() == (tmp_path / "slice.png").read_bytes()
    write_overlay(tmp_path / "even.png", np.full((1, 60, 90), 7.0), 0 * mask[1])


def test_a_run_elsewhere_and_a_written_model_are_opened_by_their_path(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = make_run()
    model = open_model(run_id)
    model.write(tmp_path / "model" / "artifacts" / "champion")
    shutil.move(tmp_path / "results", tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    opened = [open_model(name) for name in (f"moved/runs/{run_id}", "model", "model/artifacts/champion")]
    assert {found.content for found in opened} == {opened[0].content}
    assert all(isinstance(found, Model) and found.class_names == ("disc", "box") for found in opened)
