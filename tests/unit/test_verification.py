"""What verify compares, with a training and an evaluation that are made up."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from seggrid import verification
from seggrid.config import parse_experiment
from seggrid.paths import RunFolder, evaluation_file
from seggrid.plan import make_plan
from seggrid.records import write_json
from seggrid.specification import PlannedRun

HEADER = "run_id,network,loss,fold,seed,split,group,case,class,dice\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlannedRun:
    """A run that was measured while its network was called ``first``; the latest plan calls it ``second``."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    raw = {
        "name": "study",
        "data": {"source": "phantom"},
        "folds": [0],
        "networks": [{"name": "second", "architecture": "Unet", "encoder": "resnet18"}],
        "mixtures": ["0.5*ce + 0.5*dice"],
    }
    plan = make_plan(parse_experiment(raw, "study.yaml"), [])
    plan.write()
    (run,) = plan.runs
    write_cases(run, RunFolder(run.run_id), "first", 0.5)
    write_json(RunFolder(run.run_id).environment, environment("bf16", "2.15"))
    return run


def environment(precision: str, version: str) -> dict[str, Any]:
    return {"processor": "this one", "precision": precision, "memory_gib": 24.0, "versions": {"torch": version}}


def test_scores_are_computed_with_the_evaluations_of_the_experiment(
    run: PlannedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Motion reads the names of the objects there."""
    seen = []
    monkeypatch.setattr(verification, "score", lambda _: seen.append(evaluation_file(run.eval_id).is_file()))
    (tmp_path / "results" / "data").mkdir(exist_ok=True)
    verification._verify_scores("study", tmp_path / "again")
    assert seen == [True]


def write_cases(run: PlannedRun, folder: RunFolder, network: str, dice: float) -> None:
    path = folder.evaluation(run.eval_id).cases
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}{run.run_id},{network},{run.loss},0,0,test,s000,s000_f00,femur,{dice}\n")


@pytest.mark.parametrize(
    ("dice", "now", "said"),
    [
        (0.5, environment("bf16", "2.15"), "same bytes"),
        (0.5, environment("fp32", "2.15"), "same bytes"),
        (0.25, environment("bf16", "2.15"), "DIFFERS, with the same code, versions and hardware"),
        (0.25, environment("fp32", "2.16"), "DIFFERS: precision was bf16, is fp32; torch was 2.15, is 2.16"),
    ],
)
def test_another_name_of_the_network_is_no_difference(
    run: PlannedRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    dice: float,
    now: dict[str, Any],
    said: str,
) -> None:
    fresh = tmp_path / "fresh"

    def again(command: list[str], env: dict[str, str], check: bool) -> subprocess.CompletedProcess[str]:
        assert env["SEGGRID_RESULTS"] == str(fresh)
        if "evaluate" in command:
            write_cases(run, RunFolder(run.run_id, fresh), "second", dice)
            write_json(RunFolder(run.run_id, fresh).environment, now)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(verification.subprocess, "run", again)
    assert verification._verify_run(run, fresh) is (said == "same bytes")
    assert capsys.readouterr().out.splitlines()[-1] == f"cases.csv      {said}"
