"""A real ``mlflow server``: what it gets, and that nothing is lost or waits while it is away."""

from __future__ import annotations

import fcntl
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from seggrid.config.evaluation import Tracking
from seggrid.errors import UserError
from seggrid.inference.model import open_model
from seggrid.paths import ExperimentFolder, RunFolder, tracking_store
from seggrid.prediction.stage import predict_files
from seggrid.records import read_json, write_json
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun
from seggrid.tracking import children, follow
from seggrid.tracking.fetch import fetch_model
from seggrid.tracking.stage import track
from seggrid.tracking.store import open_store
from seggrid.training.progress import append_row
from tests.unit.tracking.server import Server

NAME = "tiny"


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests, for it takes long to start."""
    found = Server(tmp_path_factory.mktemp("server"))
    yield found
    found.stop()


@pytest.fixture
def server(own_server: Server, results: Path) -> Server:
    """The server, running, without anything of the experiment; the experiment uses it."""
    own_server.start()
    client = MlflowClient(own_server.uri)
    experiment = client.get_experiment_by_name(NAME)
    if experiment:
        client.rename_experiment(experiment.experiment_id, f"old {time.time_ns()}")
    if client.search_registered_models(f"name = '{NAME}'"):
        client.delete_registered_model(NAME)
    use(own_server.uri)
    return own_server


def use(uri: str) -> None:
    """Make the tracking server that of the experiment."""
    path = ExperimentFolder(NAME).experiment
    write_json(path, {**read_json(path), "tracking": {"uri": uri, "register": "best_fold"}})


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setattr(follow, "INTERVAL", 0.2)


def runs(server: Server) -> dict[str, Run]:
    """Each child by its run id."""
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name(NAME)
    found = client.search_runs([experiment.experiment_id]) if experiment else []
    named = {run.data.tags["seggrid.run_id"]: run for run in found if "seggrid.run_id" in run.data.tags}
    assert len(named) == len([run for run in found if "seggrid.run_id" in run.data.tags]), "a run has two children"
    return named


def test_a_server_gets_runs_champion_and_gives_the_model_back(
    server: Server, plan: list[PlannedRun], tmp_path: Path
) -> None:
    assert "4 runs in MLflow, 4 of them new" in (text := track(NAME))
    assert f"look: {server.uri}" in text
    found = runs(server)
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    client = MlflowClient(server.uri)
    for run in found.values():
        assert len(client.get_metric_history(run.info.run_id, "loss")) == 4
        assert len(client.list_artifacts(run.info.run_id)) == 5
    assert "0 of them new" in track(NAME)
    folder = fetch_model(f"models:/{NAME}@champion")
    assert folder == tracking_store() / "models" / NAME / "1"
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
        assert time.monotonic() - start < 30


def test_a_server_that_stops_in_the_middle_gets_the_rest_later(
    server: Server, plan: list[PlannedRun], monkeypatch: pytest.MonkeyPatch
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
        patch.setattr("seggrid.tracking.stage.threads_for", lambda _: 1)
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
    server: Server, plan: list[PlannedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "7")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    original, calls = children.log_batches, []

    def restarting(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 3:
            server.stop()
            starting.start()
        original(*arguments)  # type: ignore[arg-type]

    starting = threading.Thread(target=server.start)
    monkeypatch.setattr(children, "log_batches", restarting)
    assert "4 runs in MLflow, 4 of them new" in track(NAME)
    starting.join()
    assert len(runs(server)) == 4


def test_a_mistake_that_a_server_answers_to_is_an_error(server: Server, plan: list[PlannedRun]) -> None:
    with pytest.raises(UserError, match=r"check the address and the server"), open_store(Tracking(uri=server.uri)) as c:
        c.get_run("0" * 32)


# Live curves


@pytest.fixture
def training(plan: list[PlannedRun], tmp_path: Path) -> Iterator[list[PlannedRun]]:
    """The runs as if all were still to be trained; what they have measured lies aside."""
    for run in plan:
        RunFolder(run.run_id).status.rename(RunFolder(run.run_id).folder / "later")
    score(NAME)
    yield plan


def grow(run: PlannedRun, epochs: range) -> None:
    for epoch in epochs:
        row = {"epoch": epoch, "loss": 1 / epoch, "seconds": 2.0}
        RunFolder(run.run_id).checkpoints.mkdir(exist_ok=True)
        append_row(RunFolder(run.run_id).live_history, row | ({"val_dice": epoch / 10} if epoch % 2 == 0 else {}))


def end(run: PlannedRun) -> None:
    (RunFolder(run.run_id).folder / "later").rename(RunFolder(run.run_id).status)
    shutil.rmtree(RunFolder(run.run_id).checkpoints, ignore_errors=True)


def curve(server: Server, run: PlannedRun, key: str = "loss") -> list[tuple[int, float]]:
    client = MlflowClient(server.uri)
    history = client.get_metric_history(runs(server)[run.run_id].info.run_id, key)
    return [(metric.step, metric.value) for metric in history]


def test_curves_grow_while_runs_train_and_end_as_imports(server: Server, training: list[PlannedRun]) -> None:
    follower = follow._Follower(NAME)
    assert not follower.look()
    assert runs(server) == {}
    grow(training[0], range(1, 4))
    assert not follower.look()
    assert curve(server, training[0]) == [(1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3))]
    assert curve(server, training[0], "val_dice") == [(2, 0.2)]
    child = runs(server)[training[0].run_id]
    assert (child.info.status, child.data.tags["seggrid.mixture"]) == ("RUNNING", training[0].loss)
    with RunFolder(training[0].run_id).live_history.open("a") as file:
        file.write("4,0.2")  # a line that is being written
    follower.look()
    assert len(curve(server, training[0])) == 3
    # Killed and resumed from an earlier checkpoint: what it trains again is not sent again.
    RunFolder(training[0].run_id).live_history.unlink()
    grow(training[0], range(1, 3))
    follower.look()
    grow(training[0], range(3, 6))
    follower.look()
    assert [step for step, _ in curve(server, training[0])] == [1, 2, 3, 4, 5]
    end(training[0])
    assert not follower.look()
    assert runs(server)[training[0].run_id].info.status == "FINISHED"
    for run in training[1:]:
        end(run)
    assert follower.look()
    assert {run.info.status for run in runs(server).values()} == {"FINISHED"}
    assert len(runs(server)) == 4


def test_a_new_follower_sends_the_curves_again(server: Server, training: list[PlannedRun]) -> None:
    grow(training[0], range(1, 4))
    follow._Follower(NAME).look()
    grow(training[0], range(4, 6))
    follow._Follower(NAME).look()
    assert [step for step, _ in curve(server, training[0])] == [1, 2, 3, 4, 5]


def test_following_survives_a_stop_of_the_server(server: Server, training: list[PlannedRun]) -> None:
    grow(training[0], range(1, 3))
    texts: list[str] = []
    following = threading.Thread(target=lambda: texts.append(follow.follow(NAME)), daemon=True)
    following.start()
    wait_for(lambda: training[0].run_id in runs(server))
    server.stop()
    grow(training[0], range(3, 5))
    end(training[1])
    time.sleep(2)
    assert following.is_alive()
    server.start()
    wait_for(lambda: training[1].run_id in runs(server) and len(curve(server, training[0])) == 4)
    for run in (training[0], *training[2:]):
        end(run)
    following.join(60)
    assert texts == ["tiny: all runs have ended; `seggrid score` and `seggrid track` name the champion"]
    assert {run.info.status for run in runs(server).values()} == {"FINISHED"}
    assert len(runs(server)) == 4


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.2)


def test_one_process_follows(results: Path) -> None:
    tracking_store().mkdir(exist_ok=True)
    with (tracking_store() / f".follow-{NAME}").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another `seggrid track --follow` is at work"):
            follow.follow(NAME)
