"""How a training's end becomes a status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seggrid.errors import LostError, UserError
from seggrid.paths import RunFolder
from seggrid.records import RunStatus, read_status, write_json
from seggrid.training import supervise as module
from seggrid.training.exit_status import ExitStatus
from seggrid.training.loop import DivergedError
from seggrid.training.run import _end
from seggrid.training.supervise import retry, supervise, supervise_until
from tests.conftest import Workplace


@pytest.fixture
def run(make_workplace: Callable[..., Workplace], monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A planned run whose data set seems to be there; no test trains it for real."""
    place = make_workplace(mixtures=["ce"], folds=[0])
    place.seggrid("plan", str(place.experiment))
    monkeypatch.setenv("SEGGRID_RESULTS", str(place.results))
    (data,) = (place.results / "data").glob("phantom-*")
    (data / "index.csv").touch()
    return RunFolder(place.run_ids()[0])


def end_with(monkeypatch: pytest.MonkeyPatch, code: int, write: Callable[[], None] = lambda: None) -> None:
    """Let the child end with an exit status, after it wrote something."""

    def call(command: list[str], env: dict[str, str]) -> int:
        assert env["OMP_NUM_THREADS"] == "1"
        assert env["MALLOC_TRIM_THRESHOLD_"] == os.environ.get("MALLOC_TRIM_THRESHOLD_", str(2**30))
        write()
        return code

    monkeypatch.setattr(module.subprocess, "call", call)


def completed(folder: RunFolder) -> Callable[[], None]:
    status = RunStatus(run_id=folder.folder.name, state="completed", epochs=3)
    return lambda: write_json(folder.finished, status.model_dump(mode="json"))


def test_a_completed_child_is_a_completed_run(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    end_with(monkeypatch, 0, completed(run))
    assert supervise(run.folder.name).state == "completed"
    assert read_status(run) is not None


def test_what_a_user_tells_the_allocator_is_kept(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    end_with(monkeypatch, 0, completed(run))
    supervise(run.folder.name)


def test_a_paused_run_has_not_ended_and_is_not_paused_twice(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    end_with(monkeypatch, ExitStatus.PAUSED, (run.checkpoints / "epoch-000002.pt").touch)
    supervise_until(run.folder.name, 2)
    assert read_status(run) is None

    def refuse(*_: object, **__: object) -> int:
        raise AssertionError("trained again")

    monkeypatch.setattr(module.subprocess, "call", refuse)
    supervise_until(run.folder.name, 2)
    with pytest.raises(AssertionError, match="trained again"):
        supervise_until(run.folder.name, 3)
    end_with(monkeypatch, 0, completed(run))
    assert supervise(run.folder.name).state == "completed"
    assert not list(run.checkpoints.glob("epoch-*.pt"))


def test_a_run_that_ends_before_its_rung_is_completed(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    end_with(monkeypatch, 0, completed(run))
    supervise_until(run.folder.name, 2)
    status = read_status(run)
    assert status is not None and status.state == "completed"


@pytest.mark.parametrize("code", [-signal.SIGSEGV, -signal.SIGABRT, 1])
def test_a_crash_is_a_failed_run_with_a_reason(run: RunFolder, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    history = "epoch,loss,val_dice,seconds,device\n1,0.5,,3.5,cuda:1\n2,0.4,0.6,4"
    end_with(monkeypatch, code, lambda: run.live_history.write_text(history))
    status = supervise(run.folder.name)
    assert status.state == "failed"
    assert (status.epochs, status.seconds, status.device) == (2, 7.5, "cuda:1"), "what it took is not lost"
    assert status.reason is not None
    assert "see train.log" in status.reason


def test_a_failed_run_stays_failed_until_it_is_retried(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where Snakemake deletes its status, as it does when an allocation is submitted again."""
    end_with(monkeypatch, 1)
    status = supervise(run.folder.name)
    run.status.unlink()
    end_with(monkeypatch, 0, completed(run))
    assert supervise(run.folder.name) == status
    assert retry(run.folder.name, from_start=False)
    assert read_status(run) is None
    assert supervise(run.folder.name).state == "completed"


def test_an_exception_is_a_failed_run_with_its_reason(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    failure = run.checkpoints / "failure.json"
    end_with(monkeypatch, 3, lambda: write_json(failure, {"reason": "the loss became nan in epoch 2"}))
    assert supervise(run.folder.name).reason == "the loss became nan in epoch 2"


@pytest.mark.parametrize(
    ("error", "diverged"), [(DivergedError("the loss became nan"), True), (ValueError("x"), False)]
)
def test_only_a_loss_that_is_no_longer_finite_is_a_divergence(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, error: Exception, diverged: bool
) -> None:
    end_with(monkeypatch, int(_end(run, error)))
    status = supervise(run.folder.name)
    assert (status.state, status.diverged) == ("failed", diverged)


def test_the_reason_of_an_earlier_attempt_is_not_taken_over(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(run.checkpoints / "failure.json", {"reason": "old"})
    end_with(monkeypatch, -signal.SIGSEGV)
    assert supervise(run.folder.name).reason == "crashed with SIGSEGV; see train.log"


@pytest.mark.parametrize("code", [-signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGKILL])
def test_a_killed_child_is_lost_not_failed(run: RunFolder, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    end_with(monkeypatch, code)
    with pytest.raises(LostError, match="run the same command again to resume"):
        supervise(run.folder.name)
    assert not run.status.exists()


def test_killed_again_and_again_without_getting_further_is_failed(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with(monkeypatch, -signal.SIGKILL)
    for _ in range(module.LOST_IN_A_ROW - 1):
        with pytest.raises(LostError):
            supervise(run.folder.name)
    (run.checkpoints / "epoch-000001.pt").touch()
    for _ in range(module.LOST_IN_A_ROW - 1):
        with pytest.raises(LostError):
            supervise(run.folder.name)
    status = supervise(run.folder.name)
    assert status.state == "failed"
    assert status.reason is not None
    assert "killed (SIGKILL) 3 times without getting further" in status.reason


def test_a_finished_run_is_not_trained_again(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Snakemake deletes status.json of a job that starts again."""
    completed(run)()
    run.model.touch()
    run.history.touch()
    end_with(monkeypatch, 1)
    assert supervise(run.folder.name).state == "completed"
    assert run.status.is_file()


def test_missing_data_names_the_command(run: RunFolder) -> None:
    spec = json.loads(run.spec.read_text())
    (Path(run.folder.parents[1]) / "data" / spec["data_id"] / "index.csv").unlink()
    with pytest.raises(UserError, match="run `seggrid preprocess phantom-"):
        supervise(run.folder.name)


def test_a_run_falls_with_the_run_that_it_starts_from(
    make_workplace: Callable[..., Workplace], monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = make_workplace(mixtures=["ce"], folds=[0])
    (parent.folder / "config" / "experiments").mkdir(parents=True)
    parent.experiment.rename(parent.folder / "config" / "experiments" / "parent.yaml")
    other = {"source": "phantom", "knee": {"subjects": 6, "frames": 1, "size": 48, "style": "ellipses", "seed": 1}}
    child = make_workplace(data=other, mixtures=["ce"], folds=[0], training={"init_from": "parent"})
    parent.seggrid("plan", str(child.experiment))
    monkeypatch.setenv("SEGGRID_RESULTS", str(parent.results))
    for data in (parent.results / "data").glob("phantom-*"):
        (data / "index.csv").touch()
    specs = [json.loads(RunFolder(run).spec.read_text()) for run in parent.run_ids()]
    started = next(spec["run_id"] for spec in specs if spec["parent"])
    first = next(spec["run_id"] for spec in specs if not spec["parent"])
    end_with(monkeypatch, 1)
    with pytest.raises(UserError, match=f"run {first} is not completed; train it first"):
        supervise(started)
    assert supervise(first).state == "failed"
    status = supervise(started)
    assert status.state == "failed"
    assert status.reason == (
        f"training.init_from: run {first} failed (ended with exit status 1; see train.log); "
        f"run `seggrid retry {first}` first"
    )


@pytest.mark.parametrize("code", [ExitStatus.DISK_FULL, ExitStatus.NOT_FLUSHED])
def test_a_full_disk_is_lost_not_failed(run: RunFolder, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    end_with(monkeypatch, code)
    for _ in range(module.LOST_IN_A_ROW + 1):
        with pytest.raises(
            LostError, match=r"cannot be written to, for its disk is full, .*; make room, and run the sam"
        ):
            supervise(run.folder.name)
    assert not run.status.exists()


def test_a_disk_that_fills_up_in_training_loses_no_checkpoint(
    make_workplace: Callable[..., Workplace], preprocessed: Workplace
) -> None:
    """For real: the first line on standard error meets the device that is always full."""
    place = make_workplace(mixtures=["ce"], folds=[0])
    place.seggrid("plan", str(place.experiment))
    place.share_data(preprocessed)
    (run,) = place.run_ids()
    command = [sys.executable, "-m", "seggrid.cli", "train", run]
    with Path("/dev/full").open("w") as full:
        assert subprocess.run(command, env=place.environment, stderr=full).returncode
    folder = RunFolder(run, place.results)
    assert not folder.status.exists()
    place.seggrid("train", run)
    status = read_status(folder)
    assert status is not None
    assert (status.state, status.epochs) == ("completed", 3)


def test_a_device_that_is_not_here_is_a_mistake_in_the_command(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "device: cuda is asked for, but torch sees no GPU here; use auto or cpu"
    end_with(monkeypatch, ExitStatus.NO_DEVICE, lambda: write_json(run.failure, {"reason": reason}))
    with pytest.raises(UserError, match=f"^{reason}$"):
        supervise(run.folder.name, "cuda")
    assert not run.status.exists()


def test_the_parts_of_a_killed_attempt_are_swept_but_not_those_of_a_plan(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.checkpoints.mkdir(exist_ok=True)
    names = ("model.safetensors", "history.csv", "env.json")
    dead = [run.folder / f".{name}.0a.part" for name in names] + [run.checkpoints / ".epoch-000001.pt.0a.part"]
    planning = run.folder / ".spec.json.0a.part"
    for part in (*dead, planning):
        part.touch()
    end_with(monkeypatch, 0, completed(run))
    supervise(run.folder.name)
    assert not [part for part in dead if part.exists()]
    assert planning.exists()


@pytest.mark.parametrize("from_start", [False, True])
def test_retry_clears_failed_runs_only(run: RunFolder, monkeypatch: pytest.MonkeyPatch, from_start: bool) -> None:
    end_with(monkeypatch, 1)
    supervise(run.folder.name)
    checkpoint = run.checkpoints / "epoch-000001.pt"
    checkpoint.touch()
    assert retry(run.folder.name, from_start)
    assert not run.status.exists()
    assert checkpoint.exists() is not from_start
    assert not retry(run.folder.name, from_start)
    end_with(monkeypatch, 0, completed(run))
    supervise(run.folder.name)
    assert not retry(run.folder.name, from_start)
