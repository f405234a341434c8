"""What cannot be segmented, and models that are not there, are named."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from seggrid.errors import UserError
from seggrid.inference.model import Model, open_model
from seggrid.paths import RunFolder
from seggrid.prediction.stage import predict_files
from tests.unit.prediction.conftest import MakeRun, contents, draw, table, write_nifti


@pytest.mark.usefixtures("threads")
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
    (images / "notes.txt").write_text("passed over")
    shutil.copy(images / "c1.png", images / "c2.tif")
    with pytest.raises(UserError) as error:
        predict_files(model, [images, tmp_path / "absent"], out, overlays=False)
    told = str(error.value)
    for part in (
        "c0.png: unreadable or truncated",
        "colour.png: 3 channels give 3 after preprocessing, not 1",
        "volume.nii.gz: an image of 2 axes is wanted; this one is 10 x 8 x 9",
        "broken.nii: 1 pixels are NaN or infinite",
        "dcm-e3b0c44298fc: unreadable or truncated",
        "c2.png: its mask would be called like that of",
        "absent: no such file or folder",
        "4 masks are in",
    ):
        assert part in told
    assert "scan.dcm" not in told
    assert "notes.txt" not in told
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
