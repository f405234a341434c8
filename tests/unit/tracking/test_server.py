"""A real ``mlflow server``: what it gets, and that nothing is lost or waits while it is away."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from seggrid.config.evaluation import Tracking
from seggrid.errors import UserError
from seggrid.inference.model import open_model
from seggrid.paths import ExperimentFolder, tracking_store
from seggrid.prediction.stage import predict_files
from seggrid.records import read_json
from seggrid.specification import PlannedRun
from seggrid.tracking import follow, importing, store
from seggrid.tracking.fetch import fetch_model
from seggrid.tracking.stage import track
from seggrid.tracking.store import open_store
from tests.unit.tracking.conftest import use
from tests.unit.tracking.server import Gate

NAME = "tiny"


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PATIENCE", 1)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setattr(follow, "INTERVAL", 0.2)


def runs(server: Gate) -> dict[str, Run]:
    """Each child by its run id."""
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name(NAME)
    found = client.search_runs([experiment.experiment_id]) if experiment else []
    named = {run.data.tags["seggrid.run_id"]: run for run in found if "seggrid.run_id" in run.data.tags}
    assert len(named) == len([run for run in found if "seggrid.run_id" in run.data.tags]), "a run has two children"
    return named


def test_a_server_gets_runs_champion_and_gives_the_model_back(
    server: Gate, plan: list[PlannedRun], tmp_path: Path
) -> None:
    assert "4 runs in MLflow, 4 of them new" in (text := track(NAME))
    assert f"look: {server.uri}" in text
    found = runs(server)
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    client = MlflowClient(server.uri)
    for run in found.values():
        assert len(client.get_metric_history(run.info.run_id, "loss")) == 4
        assert len(client.list_artifacts(run.info.run_id)) == 3
    assert "0 of them new" in track(NAME)
    folder = fetch_model(f"models:/{NAME}@champion")
    assert folder.parent == tracking_store() / "models" / NAME
    assert folder.name.startswith("1-")
    assert fetch_model(f"models:/{NAME}/1") == folder
    (best,) = [spec for spec, _ in open_model(str(folder)).members]
    cv2.imwrite(str(tmp_path / "x.png"), np.random.default_rng(0).integers(0, 255, (70, 80), np.uint8))
    for name, model in (("a", str(folder)), ("b", best.run_id)):
        predict_files(open_model(model), [tmp_path / "x.png"], tmp_path / name, overlays=False)
    assert (tmp_path / "a" / "x.png").read_bytes() == (tmp_path / "b" / "x.png").read_bytes()


def test_a_server_that_hangs_is_given_up(plan: list[PlannedRun]) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        use(f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.monotonic()
        assert "does not answer; nothing is lost" in track(NAME)
        assert time.monotonic() - start < 20


def test_a_server_that_stops_in_the_middle_gets_the_rest_later(
    server: Gate, plan: list[PlannedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = MlflowClient.set_terminated, []

    def stopping(self: MlflowClient, *arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 3:
            server.stop()
        original(self, *arguments)

    down = f"tiny: {server.uri} does not answer; nothing is lost, call `seggrid track tiny` when it does"
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_terminated", stopping)
        patch.setattr(importing, "THREADS", 1)
        assert track(NAME) == down
    start = time.monotonic()
    assert track(NAME) == down  # as it is from the beginning
    assert time.monotonic() - start < 20
    assert read_json(ExperimentFolder(NAME).tracked) == {"uri": server.uri, "pending": True}
    server.start()
    assert len([run for run in runs(server).values() if run.info.status == "FINISHED"]) == 2
    assert "4 runs in MLflow, 2 of them new" in track(NAME)
    assert {run.info.status for run in runs(server).values()} == {"FINISHED"}
    assert (len(runs(server)), read_json(ExperimentFolder(NAME).tracked)["champion"]) == (4, 1)


def test_a_server_that_restarts_in_the_middle_is_waited_for(
    server: Gate, plan: list[PlannedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "7")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    original, calls = importing.log_batches, []

    def restarting(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 3:
            server.stop()
            threading.Timer(2, server.start).start()
        original(*arguments)

    monkeypatch.setattr(importing, "log_batches", restarting)
    assert "4 runs in MLflow, 4 of them new" in track(NAME)
    assert len(runs(server)) == 4


def test_a_run_that_was_created_twice_because_an_answer_was_lost_is_there_once(
    server: Gate, plan: list[PlannedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = MlflowClient.create_run

    def asked_twice(self: MlflowClient, *arguments: Any) -> Run:
        original(self, *arguments)
        return original(self, *arguments)

    monkeypatch.setattr(MlflowClient, "create_run", asked_twice)
    monkeypatch.setattr("seggrid.tracking.stage.choose_champion", lambda *_: None)
    assert "4 runs in MLflow, 4 of them new" in track(NAME)
    assert {run.info.status for run in runs(server).values()} == {"FINISHED"}


def test_a_mistake_that_a_server_answers_to_is_an_error(server: Gate, plan: list[PlannedRun]) -> None:
    with pytest.raises(UserError, match=r"check the address and the server"), open_store(Tracking(uri=server.uri)) as c:
        c.get_run("0" * 32)
