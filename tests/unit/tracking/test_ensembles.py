"""Ensembles and post-processing in MLflow: imported like runs, and the same masks wherever they are made."""

from __future__ import annotations

import zipfile
from pathlib import Path

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from PIL import Image

from seggrid.config import Experiment
from seggrid.data.store import Store
from seggrid.inference.device import choose_device
from seggrid.inference.evaluate import evaluate
from seggrid.inference.joining import make_ensemble
from seggrid.inference.masks import read_mask
from seggrid.inference.model import Model, open_model
from seggrid.inference.segmenter import Segmenter
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder
from seggrid.plan import make_plan
from seggrid.records import read_json, write_json
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun, is_ensemble, read_plan
from seggrid.tracking.stage import track
from tests.unit.tracking.conftest import NAME, current, set_mode


@pytest.fixture
def ensembles(results: Path) -> list[PlannedRun]:
    """The runs of a learned ensemble of both candidates, which won; every run is measured with post-processing."""
    settings = read_json(ExperimentFolder(NAME).experiment)
    settings["ensembles"] = [{"weights": "learned"}]
    settings["evaluation"]["postprocessing"] = ["largest_component", {"remove_small": {"minimum": 40}}]
    make_plan(Experiment.model_validate(settings), []).write()
    plan = read_plan(NAME)
    for run in plan:
        if is_ensemble(run.run_id):
            make_ensemble(run.run_id, "cpu")
        evaluate(run.run_id, run.eval_id, "cpu")
    score(NAME)
    joined = [run for run in plan if is_ensemble(run.run_id)]
    scores = read_json(ExperimentFolder(NAME).scores)
    scores["validation_winner"] |= {"network": joined[0].network, "loss": joined[0].loss}
    write_json(ExperimentFolder(NAME).scores, scores)
    return joined


def images(template: Path, run: PlannedRun) -> list[tuple[np.ndarray, np.ndarray]]:
    """The image and the measured mask of every case that a run held out."""
    store = Store.open(DataFolder(run.data_id))
    fold = store.fold(int(run.fold))
    found = []
    with zipfile.ZipFile(RunFolder(run.run_id).evaluation(run.eval_id).predictions) as archive:
        for split, cases in (("val", fold.val), ("test", fold.test)):
            for case in cases:
                name = store.cases[case].case
                image = np.asarray(Image.open(template / "raw" / "images" / f"{name}.png"))
                found.append((image, read_mask(archive, f"{split}/{name}")))
    return found


def test_the_champion_gives_the_masks_that_were_measured(
    ensembles: list[PlannedRun], client: MlflowClient, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_mode("best_fold")
    track(NAME)
    tags = current(client).tags
    best = next(run for run in ensembles if run.run_id == tags["seggrid.runs"])
    assert (tags["seggrid.network"], tags["seggrid.mixture"]) == ("ensemble", "learned(all)")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", client.tracking_uri)
    served = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    segmenter = Segmenter(open_model(best.run_id), choose_device("cpu"))
    for image, mask in images(template, best):
        np.testing.assert_array_equal(served.predict(image[None])[0], mask)
        np.testing.assert_array_equal(segmenter.segment([segmenter.prepare(image[None])])[0], mask)


def test_the_folds_of_an_ensemble_are_joined_and_every_run_is_imported(
    ensembles: list[PlannedRun], client: MlflowClient
) -> None:
    track(NAME)
    folder = Path(current(client).source.removeprefix("file://"))
    model = Model.read(folder / "artifacts" / "champion")
    assert len(model.members) == 4
    assert np.sum(model.weights, axis=0) == pytest.approx(1, abs=1e-5)
    (experiment,) = client.search_experiments(filter_string=f"name = '{NAME}'")
    runs = client.search_runs([experiment.experiment_id], "params.network = 'ensemble'")
    assert {run.data.params["loss"] for run in runs} == {"learned(all)"}
    assert {run.data.params["ensemble.weights"] for run in runs} == {"learned"}
    assert all("test/dice" in run.data.metrics and run.info.status == "FINISHED" for run in runs)
    assert len(runs) == len(ensembles) == 2
