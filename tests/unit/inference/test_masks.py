"""The masks of volumes in ``predictions.zip``: NIfTI that lies on its image, and the same bytes again."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from seggrid.config import Experiment
from seggrid.data.preprocess import preprocess
from seggrid.data.sources.grids import Grid
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.inference import evaluate as module
from seggrid.inference.evaluate import evaluate
from seggrid.inference.masks import members, read_mask, read_volume, write_mask
from seggrid.paths import DataFolder, RunFolder
from seggrid.plan import make_plan
from seggrid.records import write_json
from seggrid.specification import PlannedRun, read_data
from tests.unit.data.sources.volume_files import write_volume
from tests.unit.prediction.volume_models import UNET, scan

#: Along the axes of the file; no axis lies along one of the world's.
OBLIQUE = np.array([[-0.1, 0.9, 0.3, 40], [1.1, 0.2, -0.2, -7], [0.1, -0.3, 2.9, 12.5], [0, 0, 0, 1]])


def blocks(shape: tuple[int, ...] = (6, 7, 9)) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[1:3, 2:5, 3:8], mask[4, 6, 0] = 1, 2
    return mask


def evaluated(data: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> tuple[PlannedRun, Store]:
    """A run of volumes whose masks are the true ones."""
    experiment = {
        "name": "tiny", "data": data, "preprocessing": ["z_score"], "splits": {"folds": 2}, "networks": [UNET],
        "mixtures": ["ce"], "training": {"patch_size": [8, 8, 8]},
    }  # fmt: skip
    plan = make_plan(Experiment.model_validate(experiment), [])
    plan.write()
    preprocess(read_data(plan.data_id), DataFolder(plan.data_id), 1)
    run = plan.runs[0]
    write_json(RunFolder(run.run_id).status, {"run_id": run.run_id, "state": "completed"})
    RunFolder(run.run_id).model.write_bytes(b"weights")
    monkeypatch.setattr(module, "load_predictors", lambda *_: [])
    monkeypatch.setattr(module, "predict_case", lambda _, store, case: np.array(store.truth(case)))
    evaluate(run.run_id, run.eval_id, "cpu")
    return run, Store.open(DataFolder(plan.data_id))


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four volumes whose axes lie in the file as in no other order."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    for number in range(4):
        image, mask = scan(number)
        for part, array in (("images", image), ("masks", mask)):
            turn = np.array([[1, -1], [2, 1], [0, -1]])
            write_volume(tmp_path / "raw" / part / f"v{number}.nii.gz", array, (2.0, 1.0, 0.5), turn)
    return tmp_path / "raw"


def test_a_volume_comes_back_and_lies_where_its_grid_is(tmp_path: Path) -> None:
    mask, grid = blocks(), Grid.of_canonical((6, 7, 9), OBLIQUE)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        write_mask(archive, "test/a/b.c", mask, grid)
        write_mask(archive, "val/flat", mask[0])
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        assert archive.namelist() == ["test/a/b.c.nii.gz", "val/flat.png"]
        assert list(members(archive)) == [("test", "a/b.c"), ("val", "flat")]
        assert np.array_equal(read_mask(archive, "test/a/b.c"), mask)
        assert np.array_equal(read_mask(archive, "val/flat"), mask[0])
        _, found = read_volume(archive, "test/a/b.c")
        assert found.same_place(grid)
        with pytest.raises(UserError, match="val/flat is a mask of two axes"):
            read_volume(archive, "val/flat")
        with pytest.raises(UserError, match=r"p\.zip: holds no mask val/other.*evaluate the run again"):
            read_mask(archive, "val/other")
        archive.extract("test/a/b.c.nii.gz", tmp_path)
    image = nib.load(tmp_path / "test/a/b.c.nii.gz")
    assert np.allclose(image.affine, OBLIQUE)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert np.array_equal(np.asarray(image.dataobj), grid.from_canonical(mask))


def test_the_same_mask_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        monkeypatch.setattr("time.time", lambda name=name: float(ord(name)))
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            write_mask(archive, "test/x", blocks(), Grid.canonical((6, 7, 9), (3.0, 1.0, 0.5)))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_evaluate_writes_volumes_onto_the_grid_of_their_image(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, store = evaluated({"source": "folder", "path": str(raw), "classes": ["box"]}, monkeypatch)
    folder = RunFolder(run.run_id).evaluation(run.eval_id).folder
    with zipfile.ZipFile(folder / "predictions.zip") as archive:
        found = list(members(archive))
        assert {split for split, _ in found} == {"val", "test"}
        for split, case in found:
            archive.extract(f"{split}/{case}.nii.gz", folder)
            mask, truth = nib.load(folder / split / f"{case}.nii.gz"), nib.load(raw / "masks" / f"{case}.nii.gz")
            assert np.allclose(mask.affine, truth.affine)
            assert np.array_equal(np.asarray(mask.dataobj), np.asarray(truth.dataobj))
            own = next(number for number, entry in enumerate(store.cases) if entry.case == case)
            assert np.array_equal(read_mask(archive, f"{split}/{case}"), store.truth(own))


def test_masks_of_the_hip_phantom_have_its_spacing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    hip = {"subjects": 4, "size": [24, 26, 28], "spacing": [4.5, 4.25, 4.0]}
    run, store = evaluated({"source": "phantom", "hip": hip}, monkeypatch)
    with zipfile.ZipFile(RunFolder(run.run_id).evaluation(run.eval_id).predictions) as archive:
        for split, case in members(archive):
            voxels, grid = read_volume(archive, f"{split}/{case}")
            assert voxels.shape == (28, 26, 24), "columns first"
            assert np.allclose(grid.affine, np.diag([-4.0, -4.25, 4.5, 1.0]))
            assert read_mask(archive, f"{split}/{case}").any()
    assert {entry.affine for entry in store.cases} == {None}


def test_blocks_of_a_volume_lie_in_it(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {
        "source": "folder", "path": str(raw), "classes": ["box"], "subvolumes": {"grid": [1, 2, 1]},
        "allow_empty": True,
    }  # fmt: skip
    _, store = evaluated(data, monkeypatch)
    truth = nib.load(raw / "masks" / "v0.nii.gz")
    whole = Grid(truth.shape, truth.affine)
    for entry in store.cases:
        if entry.case.startswith("v0"):
            assert entry.grid is not None
            start = 0 if entry.case.endswith("y0x0") else 10
            for corner in ((0, 0, 0), (3, 2, 5)):
                placed = entry.grid._canonical @ [*corner, 1]
                assert np.allclose(placed, whole._canonical @ [corner[0], corner[1] + start, corner[2], 1])
