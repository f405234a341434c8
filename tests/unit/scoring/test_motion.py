"""Candidates are compared on the frames that both measured."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from seggrid.motion.measures import MEASURES
from seggrid.scoring.grid import Grid, read_grid
from seggrid.scoring.motion import beside, error_table
from seggrid.scoring.ranking import Ranking
from tests.unit.scoring.conftest import WriteGrid

RANKING = Ranking(pd.DataFrame({"rank": pd.array([2, 1], dtype="Int64")}), pd.DataFrame(), 0, 0)
MISSED = np.nan
#: Of five frames of every sequence; the fifth is hard.
ERRORS = {"ce": [1.0, 1.0, 1.0, 1.0, 10.0], "dice": [-1.5, 1.5, -1.5, 1.5, MISSED]}


@pytest.fixture
def planned(grid: WriteGrid) -> Grid:
    """Two mixtures, two folds."""
    grid(folds=2)
    return read_grid("grid")


def measured(grid: Grid, errors: dict[str, list[float]]) -> pd.DataFrame:
    """Flexion in twelve sequences, six a fold; ``ce`` misses one easy frame more."""
    rows = []
    for number, run in enumerate(grid.runs):
        for group in range(int(run.planned.fold), 12, 2):
            for frame, error in enumerate(errors[run.planned.loss]):
                found = MISSED if (run.planned.loss, group, frame) == ("ce", 0, 0) else 40 + error
                rows.append(
                    {"run": number, "split": "test", "group": f"g{group}", "case": f"g{group}_{frame}",
                     "measure": "flexion", "unit": "degrees", "predicted": found, "reference": 40.0, "known": MISSED,
                     "status": "patella_absent" if np.isnan(found) else "ok", "reference_status": "ok"}
                )  # fmt: skip
    return pd.DataFrame(rows)


def test_to_miss_the_hard_frames_is_no_gain(planned: Grid) -> None:
    found = error_table(planned, measured(planned, ERRORS), RANKING).set_index("loss")
    assert found["measure"].tolist() == ["flexion"] * 2
    assert found.loc["ce", "mae"] == pytest.approx((11 * 2.8 + 3.25) / 12)
    assert found.loc["dice", "mae"] == 1.5
    assert found["missed"].to_dict() == {"ce": 1, "dice": 12}
    assert found["frames"].to_dict() == {"ce": 60, "dice": 60}
    against = ["difference", "difference_low", "difference_high", "compared"]
    assert found.loc["dice", against].tolist() == pytest.approx([0.5, 0.5, 0.5, 47])
    assert found.loc["ce", against].tolist() == [0, 0, 0, 59]


def test_the_ranking_says_on_which_frames_and_compares_on_the_same(planned: Grid) -> None:
    """By the mean error alone, dice looks better than ce for missing the hard frames."""
    found = beside(error_table(planned, measured(planned, ERRORS), RANKING))
    names = {candidate.loss: number for number, candidate in enumerate(planned.candidates)}
    ce, dice = (found.loc[names[loss]] for loss in ("ce", "dice"))
    assert dice["flexion_mae"] < ce["flexion_mae"]
    assert (ce["flexion_measured"], ce["flexion_missed"]) == (59, 1)
    assert (dice["flexion_measured"], dice["flexion_missed"], dice["flexion_compared"]) == (48, 12, 47)
    ends = ["flexion_difference", "flexion_difference_low", "flexion_difference_high"]
    assert dice[ends].tolist() == pytest.approx([0.5] * 3), "and is worse on the frames that both measured"
    assert "patella_length_difference" in found


def test_there_is_no_difference_where_the_baseline_measured_nothing(planned: Grid) -> None:
    rows = measured(planned, ERRORS | {"ce": [MISSED] * 5})
    found = error_table(planned, rows, RANKING).set_index("loss")
    assert found.loc["dice", ["mae", "low", "high"]].tolist() == pytest.approx([1.5] * 3)
    assert found[["difference", "difference_low", "difference_high", "compared"]].isna().all(axis=None)
    assert found.loc["ce", "missed"] == 60


def test_without_ranked_candidates_there_are_means_only(planned: Grid) -> None:
    unranked = Ranking(pd.DataFrame({"rank": pd.array([pd.NA, pd.NA], dtype="Int64")}), pd.DataFrame(), 0, 0)
    found = error_table(planned, measured(planned, ERRORS), unranked)
    assert found["mae"].notna().all()
    assert found[["low", "difference", "difference_low", "compared"]].isna().all(axis=None)


def test_a_pair_with_few_groups_has_a_difference_without_an_interval(planned: Grid) -> None:
    rows = measured(planned, ERRORS)
    late = (rows["run"].map(lambda number: planned.runs[number].planned.loss) == "dice") & (
        rows["group"].str[1:].astype(int) >= 5
    )
    rows.loc[late, ["predicted", "status"]] = [MISSED, "patella_absent"]
    found = error_table(planned, rows, RANKING).set_index("loss")
    assert found.loc["dice", "difference"] == 0.5
    assert found.loc["dice", ["low", "difference_low"]].isna().all(), "5 groups"
    assert found.loc["ce", ["low", "difference_low"]].notna().all()
    assert set(found["measure"]) <= set(MEASURES)
