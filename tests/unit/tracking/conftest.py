"""A tiny experiment whose runs look finished: real data, random weights, measured and scored by the real stages."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from PIL import Image
from safetensors.torch import save_file

from seggrid.config import Experiment
from seggrid.data.preprocess import preprocess
from seggrid.data.store import Store
from seggrid.inference.evaluate import evaluate
from seggrid.networks import build_network
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder, tracking_store
from seggrid.plan import make_plan
from seggrid.records import RunStatus, read_json, write_json
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun, read_data, read_plan, read_run
from seggrid.tracking.store import open_store
from tests.unit.tracking.postgresql import programs
from tests.unit.tracking.server import Gate, Server

# Where everything must run (SEGGRID_NO_SKIPS), a missing program is an error.
if programs() is None and not os.environ.get("SEGGRID_NO_SKIPS"):
    collect_ignore = ["test_postgresql.py"]
    print("test_postgresql.py is not collected: PostgreSQL is not installed (apt-get install postgresql)")

EPOCHS = 4
NAME = "tiny"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of 2 mixtures x 2 folds, and an empty MLflow store, for the tests to copy."""
    root = tmp_path_factory.mktemp("template")
    _draw_cases(root / "raw")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGGRID_RESULTS", str(root / "results"))
        experiment = Experiment.model_validate(
            {
                "name": NAME,
                "description": "two mixtures",
                "data": {"source": "folder", "path": str(root / "raw"), "classes": ["disc", "box"]},
                "preprocessing": ["percentile_clip", "z_score", {"resize": {"size": [64, 64]}}],
                "splits": {"folds": 2},
                "networks": [{"name": "tiny", "architecture": "FPN", "encoder": "tu-mobilenetv3_small_100"}],
                "mixtures": ["ce", "0.5*ce + 0.5*dice(smooth=1)"],
                "training": {"epochs": EPOCHS},
                "scoring": {"bootstrap": 100},
            }
        )
        plan = make_plan(experiment, [])
        plan.write()
        data = DataFolder(plan.data_id)
        preprocess(read_data(plan.data_id), data, 1)
        for number, run in enumerate(plan.runs):
            finish(run, number)
        score(NAME)
        with open_store(experiment.tracking):
            pass
    return root


def _draw_cases(folder: Path) -> None:
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(6):
        height, width = 60 + 3 * number, 90 - 4 * number
        rows, columns = np.mgrid[:height, :width]
        mask = np.zeros((height, width), np.uint8)
        mask[40:55, 5:25] = 2
        mask[(rows - 20) ** 2 + (columns - 40) ** 2 < 150] = 1
        noise = np.random.default_rng(number).integers(0, 30, mask.shape)
        Image.fromarray((80 * mask + noise).astype(np.uint8)).save(folder / "images" / f"c{number}.png")
        Image.fromarray(mask).save(folder / "masks" / f"c{number}.png")


def finish(run: PlannedRun, number: int) -> None:
    """Write what a completed training leaves, with random weights, and measure it."""
    write_weights(run.run_id, number)
    folder, terms = RunFolder(run.run_id), [term.name for term in read_run(run.run_id).mixture.terms]
    history = pd.DataFrame({"epoch": range(1, EPOCHS + 1), "loss": np.linspace(1, 0.5, EPOCHS)})
    history["learning_rate"] = 0.001
    for term in terms:
        history[f"loss:{term}"], history[f"ratio:{term}"] = 0.25, 1 / len(terms)
    history["val_dice"] = [np.nan, 0.5, np.nan, 0.6 + number / 100]
    history["seconds"], history["step_seconds"] = 2.0, 1.5
    history.to_csv(folder.history, index=False)
    write_json(folder.environment, {"commit": "0123abc+changes", "versions": {"torch": "2"}, "processor": "made up"})
    status = RunStatus(
        run_id=run.run_id, state="completed", epochs=EPOCHS, best_epoch=EPOCHS, best_dice=0.6, seconds=8.0
    )
    write_json(folder.status, status.model_dump(mode="json"))
    evaluate(run.run_id, run.eval_id, "cpu")


def write_weights(run_id: str, number: int) -> None:
    """Write random weights that differ from run to run."""
    spec = read_run(run_id)
    torch.manual_seed(number)
    network = build_network(spec.network, 1, 3)
    save_file(network.state_dict(), RunFolder(run_id).model)


@pytest.fixture(scope="session")
def server_process(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests, for it takes long to start; its database is made already."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(template / "results" / "mlflow" / "mlflow.db", folder)
    found = Server(folder)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def server(server_process: Server, results: Path) -> Iterator[Gate]:
    """The server behind a gate, running, without anything of the experiment; the experiment uses it."""
    gate = Gate(server_process.port)
    gate.start()
    client = MlflowClient(gate.uri)
    experiment = client.get_experiment_by_name(NAME)
    if experiment:
        client.rename_experiment(experiment.experiment_id, f"old {time.time_ns()}")
    if client.search_registered_models(f"name = '{NAME}'"):
        client.delete_registered_model(NAME)
    use(gate.uri)
    yield gate
    gate.stop()


def use(uri: str) -> None:
    """Make the tracking server that of the experiment."""
    path = ExperimentFolder(NAME).experiment
    write_json(path, {**read_json(path), "tracking": {"uri": uri, "register": "best_fold"}})


@pytest.fixture
def results(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the template, in which the test runs."""
    shutil.copytree(template / "results", tmp_path / "results")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture
def plan(results: Path) -> list[PlannedRun]:
    """The runs of the copy."""
    return read_plan(NAME)


@pytest.fixture
def store(plan: list[PlannedRun]) -> Store:
    """The data set of the copy."""
    return Store.open(DataFolder(plan[0].data_id))


@pytest.fixture
def client(results: Path) -> MlflowClient:
    """A client of the copy's own MLflow store."""
    uri = f"sqlite:///{tracking_store() / 'mlflow.db'}"
    return MlflowClient(uri, registry_uri=uri)


def set_mode(mode: str) -> None:
    """Change what is registered."""
    path = ExperimentFolder(NAME).experiment
    experiment = read_json(path)
    experiment["tracking"]["register"] = mode
    write_json(path, experiment)


def current(client: MlflowClient) -> ModelVersion:
    """The version that carries the alias."""
    return client.get_model_version_by_alias(NAME, "champion")
