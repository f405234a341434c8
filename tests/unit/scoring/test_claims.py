"""Claims are tested on pairs of runs by group, and decided only where there are runs and groups enough."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from seggrid.config import Experiment
from seggrid.paths import DataFolder, ExperimentFolder
from seggrid.records import write_json
from seggrid.scoring.claims import _too_few
from seggrid.scoring.criterion import absolute
from seggrid.scoring.grid import Grid
from seggrid.scoring.paired import holm, rank_correlation, signed_rank, smallest_detectable
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun
from tests.unit.scoring.conftest import (
    LCE2,
    MIXTURES,
    SIZE,
    WriteGrid,
    by_loss,
    claimed,
    experiment,
    planted,
    table,
)


def test_a_claim_holds_with_three_seeds_and_all_folds(grid: WriteGrid) -> None:
    grid(planted(0.02, 0.005), **SIZE, **claimed(LCE2))
    text = score("grid")
    row = table("claims.csv").iloc[0]
    assert (row["verdict"], row["condition"]) == ("held", "3 seeds x all 2 folds")
    own = 0.02 + 0.005 * np.array([(-1) ** n * (1 + n / 10) for n in range(8)])
    assert row["difference"] == pytest.approx(own.mean())
    assert row["p"] == row["p_holm"] == pytest.approx(signed_rank(own))
    assert row["difference_low"] < row["difference"] < row["difference_high"]
    assert (row["groups"], row["wins"], row["runs"], row["seeds"]) == (8, 8, 6, 3)
    assert "claim: LCE2 over LCE1 (wang2026): held; 3 seeds x all 2 folds" in text


def test_the_other_way_round_is_said(grid: WriteGrid) -> None:
    grid(planted(-0.02), **SIZE, **claimed(LCE2, {**LCE2, "metric": "distance"}, {**LCE2, "metric": "hd95"}))
    score("grid")
    found = table("claims.csv")
    assert set(found["verdict"]) == {"did not hold (the other way round)"}
    assert found["difference"].to_numpy() == pytest.approx([-0.02, 0.4, 0.4])
    assert found["p_holm"].to_numpy() == pytest.approx(holm(found["p"].to_numpy()))
    assert (found["p_holm"] > found["p"]).all()


def test_noise_decides_nothing(grid: WriteGrid) -> None:
    grid(planted(0.0, 0.02), **SIZE, **claimed(LCE2))
    score("grid")
    row = table("claims.csv").iloc[0]
    assert (row["verdict"], row["condition"]) == ("not decided here", "3 seeds x all 2 folds")
    assert row["detectable"] > abs(row["difference"])


def test_the_score_absolute_is_that_of_the_ranking(grid: WriteGrid) -> None:
    grid(planted(0.03), **SIZE, **claimed({**LCE2, "metric": "absolute"}))
    score("grid")
    scores = table("ranking.csv").set_index("label")["absolute"]
    row = table("claims.csv").iloc[0]
    assert [row["value_better"], row["value_worse"]] == pytest.approx([scores["dual"], scores["weighted_ce"]])
    assert row["difference"] == pytest.approx(scores["dual"] - scores["weighted_ce"])
    assert row["difference_low"] <= row["difference"] <= row["difference_high"]


def test_the_score_absolute_is_formed_within_every_network(grid: WriteGrid) -> None:
    """The sum of the distances over the networks, from which S was formed before, is worse; the mean of S is better."""
    distances = {("UNet_R18", True): 1.0, ("UNet_R18", False): 5.0, ("FPN_R18", True): 100.0, ("FPN_R18", False): 50.0}

    def value(run: PlannedRun, split: str, group: str, *_: str) -> tuple[float, float]:
        return 0.6, distances[run.network, run.loss == "dual_level_ce"] * (1 + 0.02 * int(group[1:]))

    claim = {**LCE2, "metric": "absolute"}
    grid(value, networks=("UNet_R18", "FPN_R18"), **SIZE, **claimed(claim))
    score("grid")
    scores = table("ranking.csv").groupby("label")["absolute"].mean()
    row = table("claims.csv").iloc[0]
    assert [row["value_better"], row["value_worse"]] == pytest.approx([scores["dual"], scores["weighted_ce"]])
    assert row["difference"] == pytest.approx(scores["dual"] - scores["weighted_ce"])
    assert 0 < row["difference_low"] < row["difference"] < row["difference_high"]
    stretch = 1 + 0.02 * np.arange(8)
    s = {side: absolute(np.array(0.6), distance * stretch, 5.0) for side, distance in distances.items()}
    by_group = np.mean([s[network, True] - s[network, False] for network in ("UNet_R18", "FPN_R18")], axis=0)
    assert (row["wins"], row["ranks"]) == (8, 1)
    assert row["p"] == pytest.approx(signed_rank(by_group))
    assert row["detectable"] == pytest.approx(smallest_detectable(by_group))
    assert (row["run_wins"], row["run_losses"], row["verdict"]) == (6, 6, "not decided here")


def test_every_network_counts_the_same(grid: WriteGrid) -> None:
    """Also where one of them has fewer runs."""

    def value(run: PlannedRun, *_: str) -> tuple[float, float]:
        return 0.6 + 0.06 * (run.loss == "dual_level_ce" and run.network == "UNet_R18"), 1.0

    networks = ("UNet_R18", "FPN_R18")
    plan = grid(value, networks=networks, **SIZE, **claimed(LCE2))
    failed = {n: "failed" for n, run in enumerate(plan.runs) if run.network == "FPN_R18" and run.seed == 2}
    grid(value, networks=networks, states=failed, **SIZE, **claimed(LCE2))
    score("grid")
    row = table("claims.csv").iloc[0]
    assert (row["difference"], row["runs"]) == (pytest.approx(0.03), 10)


def test_networks_are_pooled_within_each_other(grid: WriteGrid) -> None:
    grid(planted(0.02), networks=("UNet_R18", "FPN_R18"), **SIZE, **claimed(LCE2))
    score("grid")
    row = table("claims.csv").iloc[0]
    assert row["difference"] == pytest.approx(0.02)
    assert row["runs"] == 12
    assert row["value_worse"] == pytest.approx(0.6 + 0.01 * 3.5 + 0.001 + 0.025)


def test_networks_are_compared_with_the_same_mixture(grid: WriteGrid) -> None:
    claim = {"text": "FPN", "better": {"network": "FPN_R18"}, "worse": {"network": "UNet_R18"}}
    grid(planted(0.02), networks=("UNet_R18", "FPN_R18"), **SIZE, **claimed(claim))
    score("grid")
    row = table("claims.csv").iloc[0]
    assert (row["difference"], row["runs"]) == (pytest.approx(0.05), 12)


@pytest.mark.parametrize(
    ("changes", "verdict", "condition"),
    [
        ({"seeds": (0,)}, "not decided here", "too few runs: 1 seed with all 2 folds, 3 are needed"),
        (
            {"states": {0: "failed"}},
            "not decided here",
            "too few runs: 2 seeds with all 2 folds, 3 are needed; 1 of 6 pairs of runs not completed",
        ),
        ({"groups": 5}, "no verdict", "technical demonstration: 5 groups, at least 6 are needed"),
        ({"states": dict.fromkeys(range(12), "missing")}, "not decided here", "no pair of runs is completed yet"),
    ],
)
def test_too_little_decides_nothing(grid: WriteGrid, changes: dict[str, Any], verdict: str, condition: str) -> None:
    grid(planted(0.02), **{**SIZE, **changes}, **claimed(LCE2))
    score("grid")
    row = table("claims.csv").iloc[0]
    assert (row["verdict"], row["condition"]) == (verdict, condition)


def test_folds_that_are_not_run_are_named() -> None:
    part = Experiment.model_validate(experiment(folds=[0], splits={"folds": 4}))
    missing = _too_few({"seeds": 0, "runs": 1, "runs_planned": 1}, Grid(part, ()))
    assert missing == "too few runs: 0 seeds with all 4 folds, 3 are needed; 1 of 4 folds planned"


@pytest.mark.parametrize(
    ("losses", "difference"), [((0.40, 0.42, 0.45), -0.955 / 24), ((0.05, 0.06, 0.08), 0.125 / 24)]
)
def test_mean_and_ranks_that_disagree_decide_nothing(
    grid: WriteGrid, losses: tuple[float, ...], difference: float
) -> None:
    """21 of 24 groups are better by 0.005 to 0.025, and three are worse by more than that: W = 22 + 23 + 24."""

    def skewed(run: PlannedRun, split: str, group: str, *_: str) -> tuple[float, float]:
        number = int(group[1:])
        own = 0.005 + 0.001 * number if number < 21 else -losses[number - 21]
        return 0.7 + own * (run.loss == "dual_level_ce"), 1.0

    grid(skewed, **{**SIZE, "groups": 24}, **claimed(LCE2))
    score("grid")
    row = table("claims.csv").iloc[0]
    assert (row["verdict"], row["condition"]) == (
        "not decided here",
        "3 seeds x all 2 folds; mean and ranks disagree",
    )
    assert row["p_holm"] == pytest.approx(0.019441962242126465)
    assert row["difference"] == pytest.approx(difference)
    assert row["ranks"] == pytest.approx((231 - 69) / 300)
    assert row["difference_low"] < 0 < row["difference_high"]
    assert row["wins"] == 21


@pytest.mark.parametrize(("claims", "p_holm", "verdict"), [(2, 0.015625, "held"), (8, 0.0625, "not decided here")])
def test_claims_without_a_p_value_count_in_the_family(
    grid: WriteGrid, claims: int, p_holm: float, verdict: str
) -> None:
    """p = 2 / 2^8 of eight groups; all runs of the other claims failed."""
    mixtures = {**SIZE, "mixtures": [*MIXTURES, "ce"]}
    absent = [{**LCE2, "better": {"loss": "ce"}}] * (claims - 1)
    plan = grid(planted(0.02, 0.005), **mixtures, **claimed(LCE2))
    failed = {place: "failed" for place, run in enumerate(plan.runs) if run.loss == "ce"}
    grid(planted(0.02, 0.005), states=failed, **mixtures, **claimed(LCE2, *absent))
    score("grid")
    found = table("claims.csv")
    assert found["p"].iloc[0] == pytest.approx(0.0078125)
    assert (found["p_holm"].iloc[0], found["verdict"].iloc[0]) == (pytest.approx(p_holm), verdict)
    assert found["p_holm"].iloc[1:].isna().all()


@pytest.mark.parametrize(
    ("values", "expected"), [([0.1, -0.2, 0.3], 1 / 3), ([0.0, 1.0, -2.0, np.nan], -0.2), ([0.0, 0.0], 0.0)]
)
def test_ranks_lie_on_one_side(values: list[float], expected: float) -> None:
    assert rank_correlation(np.array(values)) == pytest.approx(expected)


def test_blocks_of_one_patient_have_no_verdict(grid: WriteGrid) -> None:
    plan = grid(planted(0.02), **SIZE, **claimed(LCE2))
    write_json(DataFolder(plan.data_id).card, {"patients": 1})
    score("grid")
    row = table("claims.csv").iloc[0]
    assert (row["verdict"], row["condition"]) == ("no verdict", "1 patient: technical demonstration")
    assert pd.isna(row["p"]) and pd.isna(row["difference_low"])


def test_only_runs_that_both_sides_have_are_compared(grid: WriteGrid) -> None:
    """A failed run takes its partner out, so that a better fold flatters nobody."""

    def by_seed(run: PlannedRun, *_: str) -> tuple[float, float]:
        return (0.9 if run.seed == 0 else 0.5) + 0.01 * (run.loss == "dual_level_ce"), 1.0

    plan = grid(by_seed, **SIZE, **claimed(LCE2))
    failed = next(n for n, run in enumerate(plan.runs) if (run.loss, run.fold, run.seed) == ("weighted_ce", "0", 0))
    grid(by_seed, states={failed: "failed"}, **SIZE, **claimed(LCE2))
    score("grid")
    row = table("claims.csv").iloc[0]
    assert row["difference"] == pytest.approx(0.01)
    assert (row["runs"], row["runs_planned"], row["seeds"]) == (5, 6, 2)


def test_an_experiment_without_claims_has_no_file(grid: WriteGrid) -> None:
    grid(planted(0.02), **SIZE, **claimed(LCE2))
    score("grid")
    grid(planted(0.02), **SIZE)
    assert "claim:" not in score("grid")
    assert not ExperimentFolder("grid").claims.exists()


def test_the_order_of_equal_numbers_is_the_same_bytes(grid: WriteGrid) -> None:
    grid(by_loss(dual_level_ce=(0.7, 3.0), weighted_ce=(0.7, 3.0)), **SIZE, **claimed(LCE2))
    score("grid")
    first = ExperimentFolder("grid").claims.read_bytes()
    score("grid")
    assert ExperimentFolder("grid").claims.read_bytes() == first
    row = pd.read_csv(ExperimentFolder("grid").claims).iloc[0]
    assert (row["difference"], row["p"], row["verdict"]) == (0, 1, "not decided here")
