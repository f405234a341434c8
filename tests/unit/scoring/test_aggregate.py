"""Means over cases within a group, groups, objects, then folds and seeds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from seggrid.config.evaluation import Mean, Scoring
from seggrid.scoring.aggregate import aggregate, count, over_runs
from seggrid.scoring.comprehensive import comprehensive

ROWS = [
    # run, class, group, case, status, dice
    (0, "femur", "p", "p1", "ok", 0.2),
    (0, "femur", "p", "p2", "ok", 0.4),
    (0, "femur", "q", "q1", "ok", 1.0),
    (0, "tendon", "p", "p1", "both_empty", math.nan),
    (0, "tendon", "p", "p2", "both_empty", math.nan),
    (0, "tendon", "q", "q1", "ok", 0.5),
    (1, "femur", "r", "r1", "pred_empty", 0.0),
    (1, "tendon", "r", "r1", "ok", 0.3),
]


@pytest.fixture
def cases() -> pd.DataFrame:
    table = pd.DataFrame(ROWS, columns=["run", "class", "group", "case", "status", "dice"])
    return table.assign(split="test", unit="mm")


def test_a_patient_with_many_cases_counts_once(cases: pd.DataFrame) -> None:
    means = aggregate(cases, ["dice"])
    assert means.groups.loc[(0, "test", "femur", "p"), "dice"] == pytest.approx(0.3)
    # Over cases it would be 1.6 / 3.
    assert means.objects.loc[(0, "test", "femur"), "dice"] == pytest.approx(0.65)


def test_undefined_cases_are_skipped_and_missed_ones_are_not(cases: pd.DataFrame) -> None:
    means = aggregate(cases, ["dice"])
    assert means.objects.loc[(0, "test", "tendon"), "dice"] == 0.5
    assert means.objects.loc[(1, "test", "femur"), "dice"] == 0.0


def test_a_run_is_the_mean_over_its_objects(cases: pd.DataFrame) -> None:
    runs = aggregate(cases, ["dice"]).runs
    assert runs.loc[(0, "test"), "dice"] == pytest.approx((0.65 + 0.5) / 2)
    assert runs.loc[(1, "test"), "dice"] == pytest.approx(0.15)


def test_a_candidate_is_the_mean_over_its_runs(cases: pd.DataFrame) -> None:
    mean, spread = over_runs(aggregate(cases, ["dice"]).runs, np.array([0, 0]))
    assert mean.loc[(0, "test"), "dice"] == pytest.approx((0.575 + 0.15) / 2)
    assert spread.loc[(0, "test"), "dice"] == pytest.approx((0.575 - 0.15) / math.sqrt(2))


def test_one_run_has_no_spread(cases: pd.DataFrame) -> None:
    _, spread = over_runs(aggregate(cases, ["dice"]).runs, np.array([0, 1]))
    assert spread["dice"].isna().all()


def test_counts_name_what_stands_behind_a_mean(cases: pd.DataFrame) -> None:
    for column in ("split", "class", "group", "case", "status", "unit"):
        cases[column] = cases[column].astype("category")
    counted = count(cases, np.array([0, 0]))
    femur, tendon = counted.loc[(0, "test", "femur")], counted.loc[(0, "test", "tendon")]
    assert (femur["cases"], femur["groups"], femur["ok"], femur["pred_empty"]) == (4, 3, 3, 1)
    assert (tendon["ok"], tendon["both_empty"], tendon["truth_empty"]) == (2, 2, 0)
    assert set(counted["unit"]) == {"mm"}


def test_units_that_differ_are_called_mixed(cases: pd.DataFrame) -> None:
    cases.loc[0, "unit"] = "px"
    counted = count(cases, np.array([0, 0]))
    assert counted["unit"].to_list() == ["mixed", "mm"]


def test_comprehensive_metrics_are_means_of_what_the_yaml_names() -> None:
    means = pd.DataFrame(
        {"iou": [0.5], "dice": [0.7], "precision": [0.8], "recall": [0.6], "hd95": [4.0], "assd": [1.0]}
    )
    found = comprehensive(means, Scoring())
    assert found.loc[0].to_list() == pytest.approx([0.65, 2.5])
    found = comprehensive(means, Scoring(overlap=Mean(mean=("dice",)), distance=Mean(mean=("assd",))))
    assert found.loc[0].to_list() == [0.7, 1.0]


def test_a_missing_metric_is_not_skipped_over() -> None:
    means = pd.DataFrame({"iou": [math.nan], "dice": [0.7], "hd95": [4.0], "assd": [1.0]})
    scoring = Scoring(overlap=Mean(mean=("iou", "dice")))
    assert math.isnan(comprehensive(means, scoring).loc[0, "overlap"])
