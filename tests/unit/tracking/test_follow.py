"""Live curves: what runs write while they train, and when following ends."""

from __future__ import annotations

import csv
import fcntl
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from seggrid.errors import UserError
from seggrid.paths import ExperimentFolder, RunFolder, SearchFolder, tracking_store
from seggrid.records import read_json, write_json
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun
from seggrid.tracking import follow
from seggrid.tracking.stage import track
from seggrid.training.progress import append_row
from tests.unit.tracking.server import Gate

NAME = "tiny"


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setattr(follow, "INTERVAL", 0.2)


@pytest.fixture
def training(plan: list[PlannedRun]) -> list[PlannedRun]:
    """The runs as if all were still to be trained; what they have measured lies aside."""
    for run in plan:
        RunFolder(run.run_id).status.rename(RunFolder(run.run_id).folder / "later")
    score(NAME)
    return plan


def runs(client: MlflowClient) -> dict[str, Run]:
    """Each child by its run id."""
    experiment = client.get_experiment_by_name(NAME)
    found = client.search_runs([experiment.experiment_id]) if experiment else []
    named = {run.data.tags["seggrid.run_id"]: run for run in found if "seggrid.run_id" in run.data.tags}
    assert len(named) == len([run for run in found if "seggrid.run_id" in run.data.tags]), "a run has two children"
    return named


def grow(run: PlannedRun, epochs: range) -> None:
    for epoch in epochs:
        row = {"epoch": epoch, "loss": 1 / epoch, "seconds": 2.0}
        RunFolder(run.run_id).checkpoints.mkdir(exist_ok=True)
        append_row(
            RunFolder(run.run_id).live_history, row | ({"val_dice": epoch / 10} if epoch % 2 == 0 else {}), "cpu"
        )


def end(run: PlannedRun) -> None:
    (RunFolder(run.run_id).folder / "later").rename(RunFolder(run.run_id).status)
    shutil.rmtree(RunFolder(run.run_id).checkpoints, ignore_errors=True)


def curve(client: MlflowClient, run: PlannedRun, key: str = "loss") -> list[tuple[int, float]]:
    history = client.get_metric_history(runs(client)[run.run_id].info.run_id, key)
    return [(metric.step, metric.value) for metric in history]


def test_curves_grow_while_runs_train_and_end_as_imports(client: MlflowClient, training: list[PlannedRun]) -> None:
    follower = follow._Follower(NAME)
    assert not follower.look()
    assert runs(client) == {}
    grow(training[0], range(1, 4))
    assert not follower.look()
    assert curve(client, training[0]) == [(1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3))]
    assert curve(client, training[0], "val_dice") == [(2, 0.2)]
    child = runs(client)[training[0].run_id]
    assert (child.info.status, child.data.tags["seggrid.mixture"]) == ("RUNNING", training[0].loss)
    with RunFolder(training[0].run_id).live_history.open("a") as file:
        file.write("4,0.2")  # a line that is being written
    follower.look()
    assert len(curve(client, training[0])) == 3
    # Killed and resumed from an earlier checkpoint: what it trains again is not sent again.
    RunFolder(training[0].run_id).live_history.unlink()
    grow(training[0], range(1, 3))
    follower.look()
    grow(training[0], range(3, 6))
    follower.look()
    assert [step for step, _ in curve(client, training[0])] == [1, 2, 3, 4, 5]
    end(training[0])
    assert not follower.look()
    assert runs(client)[training[0].run_id].info.status == "FINISHED"
    for run in training[1:]:
        end(run)
    assert follower.look()
    assert {run.info.status for run in runs(client).values()} == {"FINISHED"}
    assert len(runs(client)) == 4


def test_a_new_follower_sends_the_curves_again(client: MlflowClient, training: list[PlannedRun]) -> None:
    grow(training[0], range(1, 4))
    follow._Follower(NAME).look()
    grow(training[0], range(4, 6))
    follow._Follower(NAME).look()
    assert [step for step, _ in curve(client, training[0])] == [1, 2, 3, 4, 5]


def test_an_import_takes_the_place_of_a_curve_that_nobody_follows_any_more(
    client: MlflowClient, training: list[PlannedRun]
) -> None:
    end(training[1])
    score(NAME)
    track(NAME)
    grow(training[0], range(1, 4))
    follow._Follower(NAME).look()
    assert runs(client)[training[0].run_id].info.status == "RUNNING"
    end(training[0])
    score(NAME)
    assert "2 runs in MLflow, 1 of them new" in track(NAME)
    assert runs(client)[training[0].run_id].info.status == "FINISHED"


def test_following_survives_a_stop_of_the_server(training: list[PlannedRun], server: Gate) -> None:
    client = MlflowClient(server.uri)
    grow(training[0], range(1, 3))
    texts: list[str] = []
    following = threading.Thread(target=lambda: texts.append(follow.follow(NAME)), daemon=True)
    following.start()
    wait_for(lambda: training[0].run_id in runs(client))
    server.stop()
    grow(training[0], range(3, 5))
    end(training[1])
    time.sleep(1)
    assert following.is_alive()
    server.start()
    wait_for(lambda: training[1].run_id in runs(client) and len(curve(client, training[0])) == 4)
    for run in (training[0], *training[2:]):
        end(run)
    following.join(60)
    assert texts == ["tiny: all runs have ended; `seggrid score` and `seggrid track` name the champion"]
    assert {run.info.status for run in runs(client).values()} == {"FINISHED"}
    assert len(runs(client)) == 4


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


# A search


@pytest.fixture
def search(training: list[PlannedRun]) -> SearchFolder:
    """The experiment as a search of two rounds that have not been asked for: none of its runs is planned."""
    path = ExperimentFolder(NAME).experiment
    space = {"terms": ["ce", "dice(smooth=1)"]}
    write_json(path, {**read_json(path), "search": {"rounds": 2, "trials": 1, "space": space}})
    plan_with([])
    return SearchFolder(NAME)


def plan_with(runs: list[PlannedRun]) -> None:
    with ExperimentFolder(NAME).plan.open("w", newline="") as file:
        table = csv.DictWriter(file, list(PlannedRun.model_fields))
        table.writeheader()
        table.writerows(run.model_dump(mode="json") for run in runs)


def tell(search: SearchFolder, number: int) -> None:
    search.tell(number).parent.mkdir(parents=True, exist_ok=True)
    write_json(search.tell(number), {})


def test_following_a_search_ends_with_its_last_round(
    client: MlflowClient, training: list[PlannedRun], search: SearchFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    follower = follow._Follower(NAME)
    assert not follower.look(), "no round was asked for yet"
    for number, planned in enumerate((training[:2], training)):
        plan_with(planned)
        assert not follower.look()
        for run in planned[2 * number :]:
            end(run)
        assert not follower.look(), "all that was asked for has ended, but is not told"
        tell(search, number)
        assert set(runs(client)) == {run.run_id for run in planned}
    assert follower.look()
    assert "4 of 4 runs have ended, 0 are training, 1 rounds are to come" in capfd.readouterr().err


def test_the_curve_of_a_run_that_the_search_stops_ends(
    client: MlflowClient, training: list[PlannedRun], search: SearchFolder
) -> None:
    plan_with(training)
    grow(training[0], range(1, 4))
    follower = follow._Follower(NAME)
    follower.look()
    plan_with([training[0].model_copy(update={"stopped": True}), *training[1:]])
    follower.look()
    assert runs(client)[training[0].run_id].info.status == "KILLED"
    assert len(curve(client, training[0])) == 3
    # Another follower leaves it; and where it is trained to its end after all, its import takes its place.
    plan_with(training)
    end(training[0])
    follow._Follower(NAME).look()
    assert runs(client)[training[0].run_id].info.status == "FINISHED"
