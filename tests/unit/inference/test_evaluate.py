"""The evaluate stage on runs that need no network."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
import torch

from seggrid.errors import UserError
from seggrid.inference import evaluate as module
from seggrid.inference.evaluate import evaluate
from seggrid.paths import RunFolder
from seggrid.records import RunStatus, write_json
from seggrid.specification import PlannedRun, read_plan
from tests.conftest import Workplace


@pytest.fixture
def run(
    make_workplace: Callable[..., Workplace], preprocessed: Workplace, monkeypatch: pytest.MonkeyPatch
) -> PlannedRun:
    place = make_workplace(mixtures=["ce"], folds=[0])
    place.seggrid("plan", str(place.experiment))
    place.share_data(preprocessed)
    monkeypatch.setenv("SEGGRID_RESULTS", str(place.results))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return read_plan("tiny")[0]


def end(run: PlannedRun, state: str) -> None:
    status = RunStatus.model_validate({"run_id": run.run_id, "state": state})
    write_json(RunFolder(run.run_id).status, status.model_dump(mode="json"))


def test_a_failed_run_needs_no_device(run: PlannedRun) -> None:
    end(run, "failed")
    (line,) = evaluate(run.run_id, run.eval_id, "cuda").read_text().splitlines()
    assert line.startswith("run_id,network,loss,")


def test_a_device_that_is_not_here_leaves_nothing(run: PlannedRun) -> None:
    end(run, "completed")
    RunFolder(run.run_id).model.touch()
    with pytest.raises(UserError, match="torch sees no GPU here"):
        evaluate(run.run_id, run.eval_id, "cuda")
    assert not list(RunFolder(run.run_id).evaluation(run.eval_id).folder.iterdir())


@pytest.fixture
def measurings(run: PlannedRun, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A trained run; a line for every time that it is measured."""
    end(run, "completed")
    RunFolder(run.run_id).model.write_bytes(b"weights")
    done: list[str] = []

    def measure(*_: object) -> dict[str, str]:
        done.append("measured")
        return {"cases": f"case\n,{len(done)},\n"}

    monkeypatch.setattr(module, "_measure_cases", measure)
    return done


def test_what_was_measured_is_not_measured_again(run: PlannedRun, measurings: list[str]) -> None:
    """Snakemake deletes cases.csv of all runs of an allocation when one of them was lost."""
    cases = evaluate(run.run_id, run.eval_id)
    first = cases.read_bytes()
    cases.unlink()
    assert evaluate(run.run_id, run.eval_id).read_bytes() == first
    assert len(measurings) == 1


def test_other_weights_are_measured_again(run: PlannedRun, measurings: list[str]) -> None:
    evaluate(run.run_id, run.eval_id)
    RunFolder(run.run_id).model.write_bytes(b"others")
    assert ",2," in evaluate(run.run_id, run.eval_id).read_text()


@pytest.mark.parametrize("left", [b"", b"PK", None])
def test_half_an_archive_is_measured_again(run: PlannedRun, measurings: list[str], left: bytes | None) -> None:
    evaluate(run.run_id, run.eval_id)
    predictions = RunFolder(run.run_id).evaluation(run.eval_id).predictions
    predictions.write_bytes(predictions.read_bytes()[:-30] if left is None else left)
    assert ",2," in evaluate(run.run_id, run.eval_id).read_text()


def test_what_a_kill_left_is_swept(run: PlannedRun) -> None:
    end(run, "failed")
    folder = RunFolder(run.run_id).evaluation(run.eval_id).folder
    folder.mkdir()
    dead, live = folder / ".predictions.zip.0a.part", folder / ".predictions.zip.0b.part"
    dead.touch()
    live.touch()
    os.utime(dead, (1, 1))
    evaluate(run.run_id, run.eval_id)
    assert [dead.exists(), live.exists()] == [False, True]
