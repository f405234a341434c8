"""Importing finished runs: complete, idempotent, and undisturbed by kills."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Run, ViewType
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.telemetry import get_telemetry_client

from seggrid.errors import UserError
from seggrid.paths import ExperimentFolder, RunFolder, tracking_store
from seggrid.records import RunStatus, read_json, write_json
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun
from seggrid.tracking import database
from seggrid.tracking.children import level_ends
from seggrid.tracking.stage import track

NAME = "tiny"
EPOCHS = 4


@pytest.fixture(autouse=True)
def no_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry has tests of its own."""
    monkeypatch.setattr("seggrid.tracking.stage.choose_champion", lambda *_: None)


def runs(client: MlflowClient, view: int = ViewType.ACTIVE_ONLY) -> list[Run]:
    experiment = client.get_experiment_by_name(NAME)
    return list(client.search_runs([experiment.experiment_id], run_view_type=view)) if experiment else []


def children(client: MlflowClient) -> dict[str, Run]:
    found = [run for run in runs(client) if "seggrid.run_id" in run.data.tags]
    by_id = {run.data.tags["seggrid.run_id"]: run for run in found}
    assert len(by_id) == len(found), "a run has two children"
    return by_id


def fail(run: PlannedRun) -> None:
    status = RunStatus(run_id=run.run_id, state="failed", reason="the loss became nan in epoch 3")
    write_json(RunFolder(run.run_id).status, status.model_dump(mode="json"))
    score(NAME)


def change(key: str, value: Any) -> None:
    """Plan the experiment with another setting of its scoring, and score it."""
    experiment = read_json(ExperimentFolder(NAME).experiment)
    experiment["scoring"][key] = value
    write_json(ExperimentFolder(NAME).experiment, experiment)
    score(NAME)


def test_every_finished_run_becomes_a_child(client: MlflowClient, plan: list[PlannedRun]) -> None:
    text = track(NAME)
    assert text.startswith("tiny: 4 runs in MLflow, 4 of them new\n")
    record = read_json(ExperimentFolder(NAME).tracked)
    assert record["runs"] == {run_id: child.info.run_id for run_id, child in children(client).items()}
    assert list(record["runs"]) == sorted(run.run_id for run in plan)
    assert len(runs(client)) == 5
    assert not list(Path.cwd().iterdir()), "MLflow wrote where the command runs"


def test_a_child_tells_its_run(client: MlflowClient, plan: list[PlannedRun]) -> None:
    track(NAME)
    run = next(run for run in plan if "dice" in run.loss and run.fold == "1")
    child = children(client)[run.run_id]
    assert (child.info.status, child.info.run_name) == ("FINISHED", run.run_id)
    assert child.info.end_time - child.info.start_time == 8000
    tags = child.data.tags
    assert tags["mlflow.parentRunId"] == read_json(ExperimentFolder(NAME).tracked)["parent_run_id"]
    assert tags["seggrid.mixture"] == "0.50*ce + 0.50*dice(smooth=1)"
    assert (tags["seggrid.commit"], tags["mlflow.source.git.commit"]) == ("0123abc+changes", "0123abc")
    assert (tags["seggrid.data_id"], tags["seggrid.state"]) == (run.data_id, "completed")
    params = child.data.params
    assert (params["loss"], params["fold"], params["seed"]) == (run.loss, "1", "0")
    assert (params["training.epochs"], params["training.optimiser.name"]) == ("4", "adamw")
    assert params["network.encoder"] == "tu-mobilenetv3_small_100"
    names = {file.path for file in client.list_artifacts(child.info.run_id)}
    assert names == {"spec.json", "env.json", "cases.csv"}


def test_metrics_are_those_of_the_files(client: MlflowClient, plan: list[PlannedRun]) -> None:
    track(NAME)
    table = {row.split(",")[0]: row.split(",") for row in ExperimentFolder(NAME).runs.read_text().splitlines()}
    header = table["run_id"]
    for run_id, child in children(client).items():
        for name, column in (("test/overlap", "overlap"), ("val/distance", "distance_val")):
            assert child.data.metrics[name] == pytest.approx(float(table[run_id][header.index(column)]), rel=1e-9)
        losses = client.get_metric_history(child.info.run_id, "loss")
        assert [metric.step for metric in losses] == [1, 2, 3, 4]
        assert [metric.value for metric in losses] == pytest.approx([1, 5 / 6, 4 / 6, 0.5])
        assert [metric.timestamp - child.info.start_time for metric in losses] == [2000, 4000, 6000, 8000]
        assert [metric.step for metric in client.get_metric_history(child.info.run_id, "val_dice")] == [2, 4]
        assert {"test/dice", "val/nsd_2", "best_dice", "loss/ce"} <= set(child.data.metrics)


def test_level_stretches_of_a_curve_have_ends_only() -> None:
    values = {"a": [1, 1, 1, 2, 2, 3, 3, 3, 3], "b": [3, 3, 0], "c": [5]}
    metrics = [Metric(key, value, step, step) for key, row in values.items() for step, value in enumerate(row)]
    kept = [(metric.key, metric.step) for metric in level_ends(metrics)]
    assert kept == [*(("a", step) for step in (0, 2, 3, 4, 5, 8)), ("b", 0), ("b", 1), ("b", 2), ("c", 0)]


def test_the_parent_tells_the_experiment(client: MlflowClient, results: Path) -> None:
    (ExperimentFolder(NAME).report).write_text("<html>")
    track(NAME)
    parent = client.get_run(read_json(ExperimentFolder(NAME).tracked)["parent_run_id"])
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["seggrid.grid"] == "1 networks x 2 mixtures x 2 folds x 1 seeds"
    assert parent.data.tags["seggrid.winner_val"].startswith("tiny, ")
    assert parent.data.params["scoring.criterion"] == "minmax"
    assert parent.data.params["data.source"] == "folder"
    names = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert names == {"plan.csv", "ranking.csv", "scores.json", "report.html"}


def test_again_adds_nothing(client: MlflowClient, results: Path) -> None:
    track(NAME)
    before, record = (
        {run.info.run_id for run in runs(client, ViewType.ALL)},
        ExperimentFolder(NAME).tracked.read_bytes(),
    )
    assert track(NAME).startswith("tiny: 4 runs in MLflow, 0 of them new\n")
    assert {run.info.run_id for run in runs(client, ViewType.ALL)} == before
    assert ExperimentFolder(NAME).tracked.read_bytes() == record


def test_another_label_of_a_shared_run_imports_nothing_anew(client: MlflowClient, plan: list[PlannedRun]) -> None:
    track(NAME)
    path = RunFolder(plan[0].run_id).spec
    spec = read_json(path)
    spec["network"]["name"] = "renamed"
    write_json(path, spec)
    assert "0 of them new" in track(NAME)


def test_a_failed_run_is_a_failed_child_with_its_reason(client: MlflowClient, plan: list[PlannedRun]) -> None:
    fail(plan[0])
    track(NAME)
    child = children(client)[plan[0].run_id]
    assert child.info.status == "FAILED"
    assert child.data.tags["seggrid.reason"] == "the loss became nan in epoch 3"
    assert "test/dice" not in child.data.metrics


def test_a_retried_run_takes_the_place_of_its_failure(client: MlflowClient, plan: list[PlannedRun]) -> None:
    status = RunFolder(plan[0].run_id).status
    completed = status.read_bytes()
    fail(plan[0])
    track(NAME)
    status.write_bytes(completed)
    score(NAME)
    assert "4 runs in MLflow, 1 of them new" in track(NAME)
    assert children(client)[plan[0].run_id].info.status == "FINISHED"


def test_an_unfinished_run_is_added_when_it_is_finished(
    client: MlflowClient, plan: list[PlannedRun], tmp_path: Path
) -> None:
    folder = RunFolder(plan[1].run_id).folder
    shutil.move(folder / "status.json", tmp_path / "status.json")
    score(NAME)
    assert "3 runs in MLflow, 3 of them new, 1 not finished" in track(NAME)
    first = children(client)
    shutil.move(tmp_path / "status.json", folder / "status.json")
    score(NAME)
    assert "4 runs in MLflow, 1 of them new" in track(NAME)
    assert {run_id: child.info.run_id for run_id, child in children(client).items() if run_id in first} == {
        run_id: child.info.run_id for run_id, child in first.items()
    }


@pytest.mark.parametrize(
    ("owner", "step", "call"),
    [
        (SqlAlchemyStore, "create_run", 3),  # the parent is the first
        (SqlAlchemyStore, "create_run", 5),
        (LocalArtifactRepository, "log_artifact", 2),
        (LocalArtifactRepository, "log_artifact", 7),
        (SqlAlchemyStore, "update_run_info", 2),
        (MlflowClient, "set_experiment_tag", 2),
        (MlflowClient, "set_terminated", 1),
    ],
)
def test_a_killed_import_is_completed(
    client: MlflowClient, results: Path, monkeypatch: pytest.MonkeyPatch, owner: type, step: str, call: int
) -> None:
    monkeypatch.setattr(database, "TOGETHER", 2)
    original, calls = getattr(owner, step), []

    def killed(self: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(step)
        if len(calls) == call:
            raise KeyboardInterrupt
        return original(self, *arguments, **named)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(owner, step, killed)
        track(NAME)
    assert not ExperimentFolder(NAME).tracked.exists()
    track(NAME)
    assert len(children(client)) == 4
    assert {run.info.status for run in runs(client)} == {"FINISHED"}
    for child in children(client).values():
        assert len(client.get_metric_history(child.info.run_id, "loss")) == EPOCHS
        assert len(client.list_artifacts(child.info.run_id)) == 3


def test_a_child_that_was_deleted_in_mlflow_comes_back(client: MlflowClient, plan: list[PlannedRun]) -> None:
    track(NAME)
    client.delete_run(children(client)[plan[2].run_id].info.run_id)
    assert "4 runs in MLflow, 1 of them new" in track(NAME)
    assert len(children(client)) == 4
    assert "4 runs in MLflow, 0 of them new" in track(NAME)


def test_the_record_is_believed_only_while_nobody_else_imports(
    client: MlflowClient, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(NAME)
    old = {path: path.read_bytes() for path in tracking_store().glob(".children-*")}
    assert old
    first = children(client)
    change("overlap", {"mean": ["dice"]})
    track(NAME)
    # A record of before, as that of another results folder would be.
    for path, content in old.items():
        path.write_bytes(content)
    assert "4 runs in MLflow, 0 of them new" in track(NAME)
    assert not {run.info.run_id for run in first.values()} & {run.info.run_id for run in children(client).values()}


def test_what_mlflow_has_is_not_listed_again(
    client: MlflowClient, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(NAME)
    listed = []
    original = MlflowClient.search_runs

    def watched(self: MlflowClient, *arguments: Any, **named: Any) -> Any:
        found = original(self, *arguments, **named)
        listed.extend(run for run in found if "seggrid.run_id" in run.data.tags)
        return found

    monkeypatch.setattr(MlflowClient, "search_runs", watched)
    assert "0 of them new" in track(NAME)
    assert listed == []


def test_other_settings_under_the_same_name_get_a_new_parent(client: MlflowClient, results: Path) -> None:
    track(NAME)
    old = read_json(ExperimentFolder(NAME).tracked)
    change("criterion", "rank")
    assert "0 of them new" in track(NAME)
    new = read_json(ExperimentFolder(NAME).tracked)
    assert (new["parent_run_id"] != old["parent_run_id"], new["runs"] == old["runs"]) == (True, True)
    assert {run.data.tags["mlflow.parentRunId"] for run in children(client).values()} == {new["parent_run_id"]}


def test_other_definitions_of_overlap_are_imported_anew(client: MlflowClient, results: Path) -> None:
    track(NAME)
    change("overlap", {"mean": ["dice"]})
    assert "4 of them new" in track(NAME)
    for child in children(client).values():
        assert child.data.metrics["test/overlap"] == child.data.metrics["test/dice"]


def test_what_may_change_without_a_new_parent_stands_in_its_tags(client: MlflowClient, results: Path) -> None:
    track(NAME)
    parent_id = read_json(ExperimentFolder(NAME).tracked)["parent_run_id"]
    experiment = read_json(ExperimentFolder(NAME).experiment)
    experiment |= {"description": "another", "tracking": {"uri": None, "register": "best_fold"}}
    write_json(ExperimentFolder(NAME).experiment, experiment)
    track(NAME)
    assert read_json(ExperimentFolder(NAME).tracked)["parent_run_id"] == parent_id
    parent = client.get_run(parent_id)
    assert (parent.data.tags["mlflow.note.content"], parent.data.tags["seggrid.register"]) == ("another", "best_fold")
    assert not [name for name in parent.data.params if name.startswith("tracking")]


def test_an_unscored_experiment_says_what_to_run(results: Path) -> None:
    ExperimentFolder(NAME).scores.unlink()
    with pytest.raises(UserError, match=re.escape("run `seggrid score tiny` first")):
        track(NAME)


def test_telemetry_is_off() -> None:
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert get_telemetry_client() is None, "whoever imported MLflow first"


def test_telemetry_is_off_outside_of_tests() -> None:
    """Where nothing else tells MLflow to send none."""
    code = "import seggrid.tracking.stage, mlflow.telemetry as t; assert t.get_telemetry_client() is None"
    # No more than that, for a dozen names of CI services keep MLflow from it as well.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}  # should it fail
    subprocess.run([sys.executable, "-c", code], env={**kept, **nowhere}, check=True)
