"""A volume goes through every stage: drawn, trained on in patches with a boundary branch, paused, measured, in mm."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from seggrid.config import parse_experiment
from seggrid.data.preprocess import preprocess
from seggrid.data.store import Store
from seggrid.inference.evaluate import evaluate
from seggrid.paths import DataFolder, RunFolder
from seggrid.plan import make_plan
from seggrid.specification import PlannedRun, read_data, read_run
from seggrid.training.run import train

EXPERIMENT = {
    "name": "hips",
    "data": {"source": "phantom", "hip": {"subjects": 4, "size": [32, 32, 32], "spacing": [3.5, 3.5, 3.5]}},
    "preprocessing": [{"window": {"low": -200, "high": 1000}}, "z_score"],
    "splits": {"folds": 2},
    "networks": [{"architecture": "MultiTaskUNet3D", "parameters": {"channels": [4, 8, 16]}}],
    "mixtures": [
        {
            "label": "multi-task",
            "terms": [
                {"loss": "ce"},
                {"loss": "dice"},
                {"loss": "boundary_branch", "weight": 0.5, "parameters": {"region": "interface"}},
            ],
        }
    ],
    "training": {
        "epochs": 12,
        "steps_per_epoch": 4,
        "batch_size": 2,
        "patch_size": [24, 24, 24],
        "patch_sampling": {"foreground": 0.5, "interface": 0.25},
        "optimiser": {"learning_rate": 0.01},
        "validate_every": 4,
        "threads": 1,
    },
}


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], PlannedRun]:
    """The run of the first fold, in a results folder of its own."""

    def make(place: str) -> PlannedRun:
        monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / place))
        plan = make_plan(parse_experiment(EXPERIMENT, "hips"), [])
        plan.write()
        preprocess(read_data(plan.data_id), DataFolder(plan.data_id), 1)
        RunFolder(plan.runs[0].run_id).checkpoints.mkdir()
        return plan.runs[0]

    return make


def test_a_run_on_volumes_learns_and_can_be_paused(planned: Callable[[str], PlannedRun]) -> None:
    run = planned("paused")
    assert train(read_run(run.run_id), "cpu", until=5) is None
    assert train(read_run(run.run_id), "cpu") is not None
    resumed = RunFolder(run.run_id).model.read_bytes()

    run = planned("whole")
    status = train(read_run(run.run_id), "cpu")
    folder = RunFolder(run.run_id)
    assert folder.model.read_bytes() == resumed
    assert status is not None
    assert status.best_dice is not None
    assert status.best_dice > 0.4
    history = pd.read_csv(folder.history)
    for term in ("ce", "dice", "boundary_branch"):
        name = next(column for column in history if column.startswith(f"loss:{term}"))
        assert history[name].tail(3).mean() < history[name].head(3).mean()

    evaluate(run.run_id, run.eval_id)
    store, measured = Store.open(DataFolder(run.data_id)), folder.evaluation(run.eval_id)
    cases = pd.read_csv(measured.cases)
    test = cases[cases["split"] == "test"]
    assert set(test["unit"]) == {"mm"}
    assert set(test["case"]) == {store.cases[case].case for case in store.fold(0).test}
    assert test["dice"].mean() > 0.4
    with zipfile.ZipFile(measured.predictions) as archive:
        names = [name for name in archive.namelist() if name.startswith("test/")]
        archive.extractall(folder.folder, names)
    assert len(names) == 2
    for name in names:
        mask = nib.load(folder.folder / name)
        assert np.allclose(mask.header.get_zooms(), 3.5)
        assert mask.shape == (32, 32, 32)
        assert set(np.unique(mask.dataobj)) <= {0, 1, 2}
