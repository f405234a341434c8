"""What is done, what defines a run and how two runs differ, on folders made by hand."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest

from seggrid.catalogue import LOSSES, TRAINING_VERSION
from seggrid.config import parse_experiment
from seggrid.errors import UserError
from seggrid.inspection import diff, run_state, runs_of, status_table, why
from seggrid.paths import RunFolder
from seggrid.plan import make_plan
from seggrid.records import RunStatus, write_json
from seggrid.specification import PlannedRun


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    return tmp_path


def planned(**changes: Any) -> tuple[PlannedRun, ...]:
    raw = {
        "name": "study",
        "data": {"source": "phantom"},
        "folds": [0],
        "networks": ["UNet_R18"],
        "mixtures": ["dice"],
        **changes,
    }
    plan = make_plan(parse_experiment(raw, "study.yaml"), [])
    plan.write()
    return plan.runs


def end(run: PlannedRun, state: str = "completed", measured: bool = False, **values: Any) -> None:
    status = RunStatus.model_validate({"run_id": run.run_id, "state": state, **values})
    write_json(RunFolder(run.run_id).status, status.model_dump(mode="json"))
    if measured:
        evaluation = RunFolder(run.run_id).evaluation(run.eval_id)
        evaluation.folder.mkdir()
        evaluation.cases.write_text("run_id\n")


def start(run: PlannedRun, epochs: int, pid: int, device: str = "cpu") -> None:
    folder = RunFolder(run.run_id)
    folder.checkpoints.mkdir()
    rows = "".join(f"{epoch},10,{device}\n" for epoch in range(1, epochs + 1))
    folder.live_history.write_text(f"epoch,seconds,device\n{rows}")
    started = psutil.Process(pid).create_time() if psutil.pid_exists(pid) else 0
    holder = {"host": socket.gethostname(), "pid": pid, "nonce": "x", "started": started}
    folder.lease.write_text(json.dumps(holder))


def test_every_run_has_a_state() -> None:
    runs = planned(seeds=[0, 1, 2, 3, 4, 5])
    end(runs[0], measured=True, seconds=100, epochs=7)
    end(runs[1], seconds=80)
    end(runs[2], "failed", reason="the loss became NaN", seconds=5)
    start(runs[3], 3, os.getpid())
    start(runs[4], 2, 2**22 + 1)  # no such process: it died
    states = [run_state(run) for run in runs]
    assert [state.state for state in states] == ["done", "trained", "failed", "running", "planned", "planned"]
    assert [state.seconds for state in states] == [100, 80, 5, 30, 20, 0]
    assert [state.epochs for state in states] == [7, 0, 0, 3, 2, 0]

    lines = status_table("study").splitlines()
    assert lines[0] == "study: 6 runs"
    assert [line.split() for line in lines[1:6]] == [
        ["done", "1"], ["trained", "1"], ["running", "1"], ["planned", "2"], ["failed", "1"],
    ]  # fmt: skip
    # 90 s a run on average: 60, 70 and 90 s are left.
    assert lines[6].startswith("training time spent 3 min 55 s, about 3 min 40 s left")
    assert lines[7:] == [
        f"failed: {runs[2].run_id}: the loss became NaN",
        f"running: {runs[3].run_id}: epoch 3, on {socket.gethostname()}",
    ]


def test_time_on_gpus_and_the_job_of_a_cluster() -> None:
    runs = planned(seeds=[0, 1, 2, 3, 4])
    end(runs[0], measured=True, seconds=3600, device="cuda:1")
    start(runs[1], 60, os.getpid(), "cuda")
    start(runs[3], 6, os.getpid(), "cpu")
    end(runs[4], "failed", seconds=1200, device="cuda", reason="out of memory")
    lease = RunFolder(runs[1].run_id).lease
    lease.write_text(json.dumps({**json.loads(lease.read_text()), "job": "12"}))
    lines = status_table("study").splitlines()
    assert lines[6] == (
        "training time spent 1 h 31 min (1 h 30 min of it on GPUs), "
        "about 2 h 49 min of GPU time left (for one job at a time, from the mean of 1 finished runs)"
    )
    assert lines[8].endswith(f"epoch 60, on {socket.gethostname()}, Slurm job 12")
    end(runs[1], seconds=0, device="cpu")
    assert "of GPU time left" not in status_table("study")


def test_nothing_is_foretold_from_nothing() -> None:
    (run,) = planned()
    assert "left" not in status_table("study")
    end(run, measured=True, seconds=7200)
    assert status_table("study").splitlines()[-1] == "training time spent 2 h 00 min"
    with pytest.raises(UserError, match="run `seggrid plan other` first"):
        status_table("other")


def test_why_shows_what_was_hashed_and_the_rest() -> None:
    (run,) = planned(mixtures=["0.5*dice(smooth=0.5) + 0.5*ce"], training={"optimiser": {"learning_rate": 0.01}})
    lines = [line.split(maxsplit=1) for line in why(run.run_id).splitlines()]
    split = lines.index(["complete", "specification"])
    defining, complete = lines[:split], lines[split:]
    assert ["training.optimiser.learning_rate", "0.01"] in defining
    assert ["training.version", str(TRAINING_VERSION)] in defining
    assert ["mixture[1]", f"['dice', {LOSSES['dice'].version}, '0.500000', {{'smooth': 0.5}}]"] in defining
    assert not any(line and line[0] == "training.epochs" for line in defining)
    assert ["training.epochs", "100"] in complete
    assert ["mixture.terms[1].parameters.smooth", "0.5"] in complete
    with pytest.raises(UserError, match="no such file"):
        why("other")


def test_diff_names_the_fields_that_differ_and_marks_those_without_effect() -> None:
    (first,) = planned()
    (second,) = planned(training={"threads": 2, "device": "cpu"}, networks=[{"name": "UNet_R34"}])
    assert [line.split() for line in diff(first.run_id, second.run_id).splitlines()] == [
        ["a", first.run_id],
        ["b", second.run_id],
        ["network.name", "UNet_R18", "->", "UNet_R34", "(changes", "no", "number)"],
        ["network.encoder", "resnet18", "->", "resnet34"],
        ["training.threads", "1", "->", "2"],
        ["training.device", "auto", "->", "cpu", "(changes", "no", "number)"],
    ]


def test_diff_of_mixtures_and_data() -> None:
    (first,) = planned()
    (second,) = planned(
        mixtures=[{"terms": [{"loss": "dice"}, {"loss": "boundary"}], "label": "x"}], splits={"seed": 1}
    )
    text = diff(first.run_id, second.run_id)
    assert f"{first.data_id}  ->  {second.data_id}" in text
    assert "mixture.terms[1].loss" in text
    assert "identity.data" not in text
    assert [line.split()[0] for line in text.splitlines() if "changes no number" in line] == ["mixture.label"]


def test_diff_shows_a_bumped_version_that_stands_in_no_field(monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = planned()
    version = LOSSES["dice"].version
    monkeypatch.setitem(LOSSES, "dice", dataclasses.replace(LOSSES["dice"], version=version + 1))
    (second,) = planned()
    assert first.run_id != second.run_id
    (line,) = diff(first.run_id, second.run_id).splitlines()[2:]
    assert line.split(maxsplit=1) == [
        "identity.mixture[0]",
        f"['dice', {version}, '1.000000', {{}}]  ->  ['dice', {version + 1}, '1.000000', {{}}]",
    ]


def test_diff_of_a_run_with_itself() -> None:
    (run,) = planned()
    assert diff(run.run_id, run.run_id).splitlines()[2:] == ["the same run"]


def test_a_target_is_an_experiment_or_a_run() -> None:
    first, second = planned(seeds=[0, 1])
    assert runs_of("study") == [first.run_id, second.run_id]
    assert runs_of(second.run_id) == [second.run_id]
    with pytest.raises(UserError, match="other: neither a planned experiment nor a run"):
        runs_of("other")
