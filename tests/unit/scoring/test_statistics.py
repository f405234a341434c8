"""The bootstrap over groups."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from seggrid.scoring.aggregate import aggregate, over_runs
from seggrid.scoring.criterion import CRITERIA, Floats
from seggrid.scoring.statistics import Bootstrap, Contributions, contributions, expanded_percentiles, group_intervals

METRICS = ["overlap", "distance"]


def synthetic(runs: int, folds: int, groups: int, seed: int = 0, hole: bool = False) -> pd.DataFrame:
    """Rows of ``runs`` runs; run r is fold r % folds; a class is undefined in some groups if ``hole``."""
    rng = np.random.default_rng(seed)
    rows = [
        (run, "test", name, f"p{group}", f"p{group}_{frame}", rng.random(), 10 * rng.random())
        for run in range(runs)
        for name in ("a", "b")
        for group in range(groups)
        if group % folds == run % folds
        for frame in range(1 + group % 3)
    ]
    table = pd.DataFrame(rows, columns=["run", "split", "class", "group", "case", *METRICS])
    if hole:
        table.loc[(table["class"] == "b") & (table["group"].isin(["p1", "p4"])), METRICS] = math.nan
    return table


def made_up(overlap: Floats, distance: Floats, weight: Floats) -> Contributions:
    return Contributions(tuple(f"g{number}" for number in range(weight.shape[1])), overlap, distance, weight)


def parts_of(table: pd.DataFrame, candidate_of: np.ndarray, ranked: list[int]) -> Contributions:
    return contributions(aggregate(table, METRICS).groups.droplevel("split"), candidate_of, ranked)


@pytest.mark.parametrize("hole", [False, True])
def test_the_matrix_gives_back_the_reported_means(hole: bool) -> None:
    # 7 groups in 3 folds: folds of unequal size, so weights differ between groups.
    table, candidate_of = synthetic(6, 3, 7, hole=hole), np.array([0, 0, 0, 1, 1, 1])
    parts = parts_of(table, candidate_of, [0, 1])
    mean, _ = over_runs(aggregate(table, METRICS).runs, candidate_of)
    assert parts.weight.sum(axis=1) == pytest.approx([1, 1])
    assert parts.overlap.sum(axis=1) == pytest.approx(mean["overlap"].to_numpy())
    assert parts.distance.sum(axis=1) == pytest.approx(mean["distance"].to_numpy())


def test_rows_follow_the_ranked_candidates() -> None:
    table, candidate_of = synthetic(3, 1, 4), np.array([0, 1, 2])
    parts = parts_of(table, candidate_of, [2, 0])
    own = aggregate(table, METRICS).runs["overlap"].to_numpy()
    assert parts.overlap.sum(axis=1) == pytest.approx(own[[2, 0]])


def test_a_resample_of_one_fold_is_an_aggregation_of_the_groups_drawn() -> None:
    table = synthetic(1, 1, 6)
    bootstrap = Bootstrap(parts_of(table, np.array([0]), [0]), 100, seed=3)
    group_means = table.groupby(["class", "group"])["overlap"].mean().groupby("group").mean().to_numpy()
    draws = np.random.default_rng(3).multinomial(6, [1 / 6] * 6, size=100)
    expected = np.percentile((draws * group_means).sum(axis=1) / 6, expanded_percentiles(6))
    found = bootstrap.intervals(np.array([-1]))
    assert found.loc[0, ["overlap_low", "overlap_high"]].to_list() == pytest.approx(expected)


def test_groups_are_resampled_not_cases() -> None:
    # 40 equal images of each of two patients: the interval reaches from one patient to the other.
    rows = [(0, "test", "a", p, f"{p}{i}", value, 1.0) for p, value in (("p", 0.2), ("q", 0.8)) for i in range(40)]
    table = pd.DataFrame(rows, columns=["run", "split", "class", "group", "case", *METRICS])
    found = Bootstrap(parts_of(table, np.array([0]), [0]), 500, seed=0).intervals(np.array([-1]))
    assert found.loc[0, ["overlap_low", "overlap_high"]].to_list() == pytest.approx([0.2, 0.8])


def test_differences_are_paired() -> None:
    # The second is better by 0.1 in every group: its interval is wide, that of the difference has no width.
    parts = parts_of(synthetic(1, 1, 8), np.array([0]), [0])
    shifted = made_up(
        np.vstack([parts.overlap, parts.overlap + 0.1 * parts.weight]),
        np.repeat(parts.distance, 2, axis=0),
        np.repeat(parts.weight, 2, axis=0),
    )
    found = Bootstrap(shifted, 400, seed=0).intervals(np.array([-1, 0]))
    assert found.loc[1, "overlap_high"] - found.loc[1, "overlap_low"] > 0.05
    assert found.loc[1, ["overlap_difference_low", "overlap_difference_high"]].to_list() == pytest.approx([0.1, 0.1])
    assert math.isnan(found.loc[0, "overlap_difference_low"])


@pytest.mark.parametrize(("groups", "least"), [(6, 0.915), (10, 0.935), (40, 0.935)])
def test_the_coverage_of_the_interval_is_near_95_percent(groups: int, least: float) -> None:
    # 4,000 sets of patients, a candidate each; they share the resamples.
    overlap = np.random.default_rng(1).normal(0.5, 0.1, (4000, groups)) / groups
    weight = np.full((4000, groups), 1 / groups)
    found = Bootstrap(made_up(overlap, weight, weight), 2000, 0).intervals(np.full(4000, -1))
    inside = ((found["overlap_low"] <= 0.5) & (found["overlap_high"] >= 0.5)).mean()
    assert least <= inside <= 0.97


def test_the_percentiles_of_many_groups_are_the_usual_ones() -> None:
    assert expanded_percentiles(100_000) == pytest.approx((2.5, 97.5), abs=0.001)


def test_an_interval_needs_six_groups_of_the_candidate_itself() -> None:
    keys = [(run, "a", f"g{group}") for run, groups in ((0, 12), (1, 6), (2, 5)) for group in range(groups)]
    index = pd.MultiIndex.from_tuples(keys, names=["run", "class", "group"])
    values = pd.Series([float(group[1:]) for _, _, group in keys[:12]] + [2.0] * 11, index)
    found = group_intervals(values, np.array([0, 1, 2]), 500, 0)
    assert found.index.tolist() == [0, 1]
    assert found.loc[1].tolist() == [2.0, 2.0]
    assert found.loc[0, "low"] < 5.5 < found.loc[0, "high"], "the mean of 0 to 11"
    assert group_intervals(values.iloc[18:], np.array([0, 1, 2]), 500, 0).empty


def test_shares_of_first_places_sum_to_one_and_follow_the_evidence() -> None:
    weight = np.full((3, 8), 1 / 8)
    overlap = weight * np.array([[0.9], [0.5], [0.5]])
    distance = weight * np.array([[1.0], [5.0], [6.0]])
    shares = Bootstrap(made_up(overlap, distance, weight), 100, 0).first_shares(5.0)
    assert set(shares) == set(CRITERIA)
    for share in shares.values():
        assert share.tolist() == [1, 0, 0]


def test_two_candidates_that_win_on_different_patients_share_first_places() -> None:
    weight = np.full((2, 6), 1 / 6)
    overlap = weight * np.array([[0.9] * 3 + [0.1] * 3, [0.1] * 3 + [0.9] * 3])
    shares = Bootstrap(made_up(overlap, weight, weight), 2000, 0).first_shares(5.0)["minmax"]
    assert shares.sum() == pytest.approx(1)
    assert 0.3 < shares[1] < 0.5  # ties (3 of each half, 31 %) go to the first


def test_a_resample_without_a_value_is_left_out_and_counted() -> None:
    weight = np.array([[1.0, 0.0, 0.0]])
    bootstrap = Bootstrap(made_up(weight * 0.5, weight, weight), 1000, 0)
    assert bootstrap.resamples == pytest.approx(1000 * (1 - (2 / 3) ** 3), rel=0.1)
    assert bootstrap.intervals(np.array([-1])).loc[0, "overlap_low"] == pytest.approx(0.5)


def test_blocks_do_not_change_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = parts_of(synthetic(5, 1, 9), np.arange(5), list(range(5)))
    whole = Bootstrap(parts, 100, 1)
    intervals, shares = whole.intervals(np.zeros(5, dtype=np.int64)), whole.first_shares(5.0)
    monkeypatch.setattr("seggrid.scoring.statistics._BLOCK", 200)
    pd.testing.assert_frame_equal(whole.intervals(np.zeros(5, dtype=np.int64)), intervals)
    assert {k: v.tolist() for k, v in whole.first_shares(5.0).items()} == {k: v.tolist() for k, v in shares.items()}
