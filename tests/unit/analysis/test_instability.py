"""Unsteady gradients and collapsed trainings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from seggrid.paths import RunFolder
from seggrid.records import read_json, write_json
from seggrid.report.page import render
from seggrid.report.results import Results, read_results
from seggrid.report.sections import instability
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun
from tests.unit.scoring.conftest import write_grid


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """Boundary loses the tendon in one of two seeds; the last run of Dice failed."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))

    def value(run: PlannedRun, split: str, group: str, case: str, name: str) -> tuple[float, float]:
        lost = run.loss == "boundary" and run.seed == 1 and name == "tendon"
        return (0.0 if lost else 0.8), 2.0

    plan = write_grid(value, mixtures=("boundary", "dice"), seeds=(0, 1), states={7: "failed"})
    for run in plan.runs:
        unsteady = [0.9, 0.5, 0.7] if run.loss == "boundary" else [0.1, 0.2, float("nan")]
        frame = pd.DataFrame({"epoch": [1, 2, 3], "loss": 1.0, "gradient_cv": unsteady})
        frame.to_csv(RunFolder(run.run_id).history, index=False)
    score("grid")
    return read_results("grid")


def test_collapsed_runs_and_the_median_of_the_gradient(results: Results) -> None:
    boundary, dice = results.instability.to_dict("records")
    assert (boundary["collapsed"], boundary["runs"], boundary["collapsed_share"]) == (2, 4, 0.5)
    assert (dice["collapsed"], dice["runs"], dice["failed"]) == (0, 3, 1)
    assert boundary["gradient_cv"] == pytest.approx(0.7)
    assert dice["gradient_cv"] == pytest.approx(0.15)


def test_a_loss_that_is_no_longer_finite_is_a_collapse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seed 2 fails in all runs: one boundary run diverges, the others do not get memory."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))

    def value(run: PlannedRun, split: str, group: str, case: str, name: str) -> tuple[float, float]:
        lost = run.loss == "boundary" and run.seed == 1 and name == "tendon"
        return (0.0 if lost else 0.8), 2.0

    size = {"mixtures": ("boundary", "dice"), "seeds": (0, 1, 2)}
    plan = write_grid(value, **size)
    failed = {place: "failed" for place, run in enumerate(plan.runs) if run.seed == 2}
    write_grid(value, states=failed, **size)
    for place in failed:
        run = plan.runs[place]
        diverged = (run.loss, run.fold) == ("boundary", "0")
        path = RunFolder(run.run_id).status
        write_json(path, {**read_json(path), "diverged": diverged})
    score("grid")
    figures = ["runs", "collapsed", "collapsed_share", "failed", "seeds"]
    found = read_results("grid").instability.set_index("loss")[figures]
    assert found.loc["boundary"].to_list() == [5, 3, 0.6, 2, 3]
    assert found.loc["dice"].to_list() == [4, 0, 0.0, 2, 2]


def test_the_page_says_that_two_seeds_are_few(results: Results) -> None:
    page = render(results, [instability.build(results)])
    assert "Fewer than 5 seeds: the share of collapsed runs says little." in page
    assert "Failed runs ended without weights; of them only those whose loss was no longer finite are among" in page
    assert ">2/4</td>" in page and ">50 %</td>" in page
