"""The stage on grids that are not complete, and on files that do not fit each other."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from seggrid.errors import UserError
from seggrid.paths import DataFolder, ExperimentFolder
from seggrid.scoring.stage import score
from tests.unit.scoring.conftest import WriteGrid, by_loss, cases_of, scores, table


@pytest.mark.parametrize(("status", "cell"), [("pred_empty", ""), ("ok", "inf"), ("truth_empty", "")])
def test_an_undefined_distance_is_refused_not_skipped(grid: WriteGrid, status: str, cell: str) -> None:
    run = grid().runs[0]
    rows = pd.read_csv(cases_of(run), dtype=str)
    rows.loc[1, ["status", "hd95"]] = [status, cell]
    rows.to_csv(cases_of(run), index=False, lineterminator="\n")
    with pytest.raises(UserError, match=rf"cases.csv: hd95 of p1_0, tendon is no finite .* status is {status}"):
        score("grid")


def test_an_incomplete_candidate_is_unranked_and_changes_no_score(grid: WriteGrid) -> None:
    values = {"ce": (0.6, 2.0), "dice": (0.9, 6.0), "weighted_ce": (0.99, 0.1)}
    plan = grid(by_loss(**values), mixtures=list(values), groups=6, states={4: "failed"})
    text = score("grid")
    ranking = table("ranking.csv")
    last = ranking.iloc[-1]
    assert last["loss"] == "weighted_ce" and pd.isna(last["rank"]) and not last["complete"]
    assert last["note"] == "1 failed: means over fewer runs are not comparable"
    assert last["overlap"] == pytest.approx(0.99) and pd.isna(last["minmax"]) and pd.isna(last["first_share"])
    assert ranking["minmax"].to_list()[:2] == [0.5, 0.5]
    assert scores()["failed"][0]["run_id"] == plan.runs[4].run_id
    assert scores()["failed"][0]["reason"] == "loss is NaN in epoch 3"
    assert "5 of 6 runs are completed: 1 failed" in text


def test_the_state_of_every_run_is_told(grid: WriteGrid) -> None:
    grid(states={0: "failed", 1: "missing", 2: "unevaluated"})
    score("grid")
    runs = table("runs.csv")
    assert runs["state"].to_list() == ["failed", "missing", "unevaluated", "completed"]
    assert runs["reason"].to_list()[:3] == ["loss is NaN in epoch 3", "not trained yet", "not evaluated yet"]
    assert runs["overlap"].notna().to_list() == runs["overlap_val"].notna().to_list() == [False, False, False, True]
    assert pd.isna(runs.loc[1, "epochs"]) and runs.loc[3, "best_epoch"] == 4
    assert scores()["runs"] == {"planned": 4, "completed": 1, "failed": 1, "missing": 1, "unevaluated": 1}


@pytest.mark.parametrize("state", ["missing", "failed", "unevaluated"])
def test_no_run_finished_at_all(grid: WriteGrid, state: str) -> None:
    grid(states=dict.fromkeys(range(4), state))
    text = score("grid")
    assert "no candidate can be ranked yet" in text and f"0 of 4 runs are completed: 4 {state}" in text
    assert table("ranking.csv")["rank"].isna().all() and len(table("ranking.csv")) == 2
    assert table("cases.csv").empty and table("objects.csv").empty
    assert scores()["winners"] == dict.fromkeys(("minmax", "rank", "pareto", "absolute"))
    assert scores()["validation_winner"] is None


def test_an_unplanned_experiment_is_a_clear_error(results: Path) -> None:
    with pytest.raises(UserError, match="run `seggrid plan grid` first"):
        score("grid")


def test_a_baseline_that_failed_is_named(grid: WriteGrid) -> None:
    grid(networks=["UNet_R18", "FPN_R18"], groups=6, states={4: "failed"})
    assert "no difference from the baseline ce for FPN_R18" in score("grid")
    assert table("ranking.csv").set_index(["network", "loss"]).loc[("FPN_R18", "dice")].filter(like="diff").isna().all()


def test_a_file_of_another_evaluation_is_refused(grid: WriteGrid) -> None:
    path = cases_of(grid().runs[0])
    path.write_text(path.read_text().replace("hd95", "hd"))
    with pytest.raises(UserError, match=r"cases.csv: damaged or of another evaluation"):
        score("grid")


def test_mixed_units_are_named(grid: WriteGrid) -> None:
    path = cases_of(grid(groups=6).runs[0])
    path.write_text(path.read_text().replace(",px\n", ",mm\n", 1))
    assert "distances are in mm and px" in score("grid")
    assert scores()["unit"] == "mixed"


def test_candidates_measured_on_different_cases_are_named(grid: WriteGrid) -> None:
    path = cases_of(grid(groups=6).runs[0])
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert "runs of one fold were measured on different cases" in score("grid")


def test_a_missing_index_of_the_data_is_a_clear_error(grid: WriteGrid) -> None:
    DataFolder(grid().data_id).index.unlink()
    with pytest.raises(UserError, match=r"index\.csv: no such file"):
        score("grid")


def test_only_a_complete_grid_has_a_ranking_of_that_name(grid: WriteGrid) -> None:
    folder = ExperimentFolder("grid")
    grid(states={1: "missing"})
    score("grid")
    assert (folder.ranking.exists(), folder.incomplete_ranking.exists()) == (False, True)
    grid(states={1: "failed"})
    folder.tracked.write_text("{}")
    score("grid")
    assert (folder.ranking.exists(), folder.incomplete_ranking.exists()) == (True, False)
    assert folder.tracked.exists(), "a failed run has ended: the grid is complete"
