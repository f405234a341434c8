"""Surfaces of the test masks of a run: where the volumes lie, called after the run's objects."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import meshio
import nibabel as nib
import numpy as np
import pytest

from seggrid import cli
from seggrid.inference.masks import members, read_volume, write_mask
from seggrid.paths import RunFolder
from tests.unit.inference.test_masks import evaluated, raw

__all__ = ["raw"]


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "surfaces.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_test_masks_of_a_run_get_a_surface_for_each_object(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = evaluated({"source": "folder", "path": str(raw), "classes": ["box"]}, monkeypatch)
    out = tmp_path / "out"
    assert cli.main(["surface", run.run_id, str(out), "--space", "ras", "--format", "ply"]) == 0
    with zipfile.ZipFile(RunFolder(run.run_id).evaluation(run.eval_id).predictions) as archive:
        cases = [case for split, case in members(archive) if split == "test"]
    found = rows(out)
    assert [(row["case"], row["object"], row["file"]) for row in found] == [
        (case, "box", f"{case}/box.ply") for case in cases
    ]
    for row in found:
        assert (row["closed"], row["parts"], row["mask_volume_mm3"]) == ("true", "1", f"{6 * 8 * 12 * 2 * 0.5:g}")
        truth = nib.load(raw / "masks" / f"{row['case']}.nii.gz")
        places = nib.affines.apply_affine(truth.affine, np.argwhere(np.asarray(truth.dataobj) == 1))
        points = meshio.read(out / row["file"]).points
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        assert middle == pytest.approx((places.min(axis=0) + places.max(axis=0)) / 2, abs=0.1)


def test_objects_of_the_hip_phantom_and_one_that_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    hip = {"subjects": 4, "size": [24, 26, 28], "spacing": [4.5, 4.25, 4.0]}
    run, store = evaluated({"source": "phantom", "hip": hip}, monkeypatch)
    archive = RunFolder(run.run_id).evaluation(run.eval_id).predictions
    assert cli.main(["surface", run.run_id, str(tmp_path / "out")]) == 0
    found = rows(tmp_path / "out")
    assert {row["object"] for row in found} == set(store.class_names)
    assert all((tmp_path / "out" / row["file"]).is_file() for row in found)
    _spoil(archive)
    capsys.readouterr()
    assert cli.main(["surface", run.run_id, str(tmp_path / "again")]) == 0
    missed = [row for row in rows(tmp_path / "again") if row["object"] == store.class_names[0]]
    assert {(row["file"], row["mask_volume_mm3"], row["closed"]) for row in missed} == {("", "0", "")}
    assert f"no voxel of label 1 ({store.class_names[0]})" in capsys.readouterr().out


def _spoil(path: Path) -> None:
    """Take the first object out of all masks."""
    with zipfile.ZipFile(path) as archive:
        masks = {f"{split}/{case}": read_volume(archive, f"{split}/{case}") for split, case in members(archive)}
    with zipfile.ZipFile(path, "w") as archive:
        for name, (voxels, grid) in masks.items():
            write_mask(archive, name, grid.to_canonical(np.where(voxels == 1, 0, voxels).astype(np.uint8)), grid)


def test_mistakes(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = evaluated({"source": "folder", "path": str(raw), "classes": ["box"]}, monkeypatch)

    def told(*arguments: str) -> str:
        assert cli.main(["surface", *arguments]) == 2
        return capsys.readouterr().err

    out = str(tmp_path / "out")
    assert "unknown: no such file, and no run of this name" in told("unknown", out)
    assert "the run has objects 1 to 1: box" in told(run.run_id, out, "--classes", "lid=2")
    assert "has no evaluation 0123" in told(run.run_id, out, "--evaluation", "0123")
    assert "is no run under results/runs" in told(str(raw / "masks" / "v0.nii.gz"), out, "--evaluation", "0123")
    folder = RunFolder(run.run_id).folder
    (folder / "eval-0123456789ab").mkdir()
    assert "measured in several ways; give --evaluation, one of 0123456789ab" in told(run.run_id, out)
    assert cli.main(["surface", run.run_id, out, "--evaluation", run.eval_id]) == 0
    predictions = RunFolder(run.run_id).evaluation(run.eval_id).predictions
    predictions.write_bytes(b"PK")
    assert "damaged" in told(run.run_id, out, "--evaluation", run.eval_id)
    zipfile.ZipFile(predictions, "w").close()
    assert "holds no test mask; the run failed" in told(run.run_id, out, "--evaluation", run.eval_id)
    predictions.unlink()
    assert "delete cases.csv beside it" in told(run.run_id, out, "--evaluation", run.eval_id)
