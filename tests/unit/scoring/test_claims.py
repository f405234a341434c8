"""Claims are tested on pairs of runs by group, and decided only where there are runs and groups enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from seggrid.config import Experiment
from seggrid.config.load import parse_experiment
from seggrid.errors import UserError
from seggrid.paths import DataFolder, ExperimentFolder
from seggrid.plan import make_plan
from seggrid.records import write_json
from seggrid.scoring.claims import _too_few, runs_agree
from seggrid.scoring.criterion import absolute
from seggrid.scoring.grid import Grid
from seggrid.scoring.paired import holm, rank_correlation, sign_test, signed_rank, smallest_detectable
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun
from tests.unit.scoring.conftest import Values, WriteGrid, by_loss, table

LCE2 = {"text": "LCE2 over LCE1", "better": {"loss": "dual"}, "worse": {"loss": "weighted_ce"}, "source": "wang2026"}
MIXTURES = [{"label": "dual", "terms": [{"loss": "dual_level_ce"}]}, "weighted_ce"]
SIZE: dict[str, Any] = {"mixtures": MIXTURES, "folds": 2, "seeds": (0, 1, 2), "groups": 8}


def planted(gain: float, noise: float = 0.0) -> Values:
    """A gain of the dual-level mixture that differs by group; networks, seeds and groups shift both sides."""

    def value(run: PlannedRun, split: str, group: str, case: str, name: str) -> tuple[float, float]:
        number = int(group[1:])
        base = 0.6 + 0.01 * number + 0.001 * run.seed + 0.05 * (run.network == "FPN_R18")
        own = gain + noise * (-1) ** number * (1 + number / 10)
        value = base + own * (run.loss == "dual_level_ce")
        return value, 20 * (1 - value)

    return value


def claimed(*claims: dict[str, Any]) -> dict[str, Any]:
    return {"claims": list(claims)}


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


def test_a_claim_that_most_pairs_of_runs_speak_against_is_not_decided(grid: WriteGrid) -> None:
    """Two of three seeds lose a little, one gains much: every group is as claimed, two thirds of the runs are not."""

    def value(run: PlannedRun, split: str, group: str, case: str, name: str) -> tuple[float, float]:
        gain = {0: -0.01, 1: -0.01, 2: 0.05}[run.seed]
        overlap = 0.6 + (gain + 0.001 * int(group[1:])) * (run.loss == "dual_level_ce")
        return overlap, 20 * (1 - overlap)

    grid(value, **SIZE, **claimed(LCE2, {**LCE2, "metric": "distance"}, {**LCE2, "metric": "absolute"}))
    text = score("grid")
    found = table("claims.csv")
    assert (found["p_holm"] < 0.05).all()
    assert set(found["verdict"]) == {"not decided here"}
    assert set(found["condition"]) == {"3 seeds x all 2 folds; as claimed in 2 of 6 pairs of runs, p = 0.69"}
    assert found[["wins", "groups", "run_wins", "run_losses", "runs"]].to_numpy().tolist() == [[8, 8, 2, 4, 6]] * 3
    assert "in 8 of 8 groups and 2 of 6 pairs of runs as claimed" in " ".join(text.split())


def by_run(lost: dict[tuple[str, int], float], sign: int = 1) -> Values:
    """A gain of 0.05 of the dual-level mixture in all pairs of runs but some, by fold and seed."""

    def value(run: PlannedRun, split: str, group: str, case: str, name: str) -> tuple[float, float]:
        gain = lost.get((run.fold, run.seed), 0.05 + 0.001 * int(group[1:]))
        return 0.6 + sign * gain * (run.loss == "dual_level_ce"), 5.0

    return value


@pytest.mark.parametrize(
    ("folds", "lost", "counts", "decided"),
    [
        (3, {("0", 0): -0.01, ("1", 0): -0.01}, (7, 2, 9), "; as claimed in {} of 9 pairs of runs, p = 0.18"),
        (3, {("0", 0): -0.01}, (8, 1, 9), ""),
        (4, {("0", 0): -0.01, ("1", 0): -0.01, ("2", 1): -0.01}, (9, 3, 12),
         "; as claimed in {} of 12 pairs of runs, p = 0.15"),
        (4, {("0", 0): -0.01, ("1", 0): -0.01}, (10, 2, 12), ""),
        (2, {("0", 0): -0.01}, (5, 1, 6), "; as claimed in {} of 6 pairs of runs, p = 0.22"),
        (2, {("0", 0): 0.0}, (5, 0, 6), "; as claimed in {} of 6 pairs of runs, p = 0.062"),
        (2, {}, (6, 0, 6), ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sign", [1, -1])
def test_a_bare_majority_of_the_pairs_of_runs_decides_nothing(
    grid: WriteGrid,
    folds: int,
    lost: dict[tuple[str, int], float],
    counts: tuple[int, int, int],
    decided: str,
    sign: int,
) -> None:
    """Every group is on one side in the mean; the pairs of runs have to be so as well, more often than by chance."""
    grid(by_run(lost, sign), **{**SIZE, "folds": folds, "groups": 12}, **claimed(LCE2))
    score("grid")
    row = table("claims.csv").iloc[0]
    wins, losses, pairs = counts if sign > 0 else (counts[1], counts[0], counts[2])
    assert (row["run_wins"], row["run_losses"], row["comparisons"]) == (wins, losses, pairs)
    assert row["p_runs"] == pytest.approx(sign_test(wins, losses))
    assert row["wins"] == (12 if sign > 0 else 0) and row["p_holm"] < 0.05
    side = "held" if sign > 0 else "did not hold (the other way round)"
    assert row["verdict"] == ("not decided here" if decided else side)
    assert row["condition"] == f"3 seeds x all {folds} folds{decided.format(wins)}"


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [(8, 1, 0.0390625), (7, 2, 0.1796875), (10, 2, 0.03857421875), (7, 5, 0.7744140625), (6, 0, 0.03125),
     (5, 0, 0.0625), (3, 0, 0.25), (0, 0, 1.0)],
)  # fmt: skip
def test_the_sign_test_is_exact_and_speaks_of_one_side(wins: int, losses: int, p: float) -> None:
    """2 * sum of C(n, k) / 2^n over the k at least as far out."""
    assert sign_test(wins, losses) == sign_test(losses, wins) == pytest.approx(p)
    assert runs_agree(wins, losses, True) == runs_agree(losses, wins, False) == (p < 0.05)
    assert not runs_agree(wins, losses, False)


def test_pairs_that_share_a_run_count_once(grid: WriteGrid) -> None:
    """One training of the dual-level mixture failed: it loses to both others, and is one training all the same."""

    def value(run: PlannedRun, split: str, group: str, *_: str) -> tuple[float, float]:
        gain = -0.01 if (run.fold, run.seed) == ("0", 0) else 0.05 + 0.001 * int(group[1:])
        return 0.6 + gain * (run.loss == "dual_level_ce"), 5.0

    claim = {**LCE2, "worse": {"loss": ["weighted_ce", "ce"]}}
    grid(value, **{**SIZE, "mixtures": [*MIXTURES, "ce"]}, **claimed(claim))
    score("grid")
    row = table("claims.csv").iloc[0]
    assert row[["runs", "comparisons", "run_wins", "run_losses"]].tolist() == [12, 6, 5, 1]
    assert row["verdict"] == "not decided here"
    assert row["condition"] == "3 seeds x all 2 folds; as claimed in 5 of 6 pairs of runs, p = 0.22"


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


def experiment(**changes: Any) -> dict[str, Any]:
    return {
        "name": "x", "data": {"source": "phantom"}, "networks": ["UNet_R18"], "mixtures": MIXTURES, **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ({**LCE2, "worse": {"loss": "wieghted_ce"}}, "claims[0].worse.loss: wieghted_ce is no label or expression of a "
         "mixture (did you mean weighted_ce?)"),
        ({**LCE2, "worse": {"network": "UNet_R1"}}, "claims[0].worse.network: UNet_R1 is not one of the networks "
         "(did you mean UNet_R18?)"),
        ({**LCE2, "metric": "hd"}, "claims[0].metric: hd is not measured; add it to evaluation.metrics"),
        ({**LCE2, "worse": {"loss": "dual"}}, "claims[0]: nothing is compared; let better and worse select different "
         "candidates"),
        ({**LCE2, "metric": "volume_bias"}, "claims[0].metric: volume_bias is best at 0, so neither more nor less of "
         "it is better; name another metric"),
        ({**LCE2, "worse": {}}, "claims[0].worse: name a network or a loss"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(claim: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_experiment(experiment(claims=[claim]), "x.yaml")
    assert str(caught.value) == f"x.yaml: {sentence}"


def test_ensembles_over_seeds_have_no_partner() -> None:
    claim = {"text": "joined", "better": {"network": "ensemble", "loss": "joined"},
             "worse": {"network": "UNet_R18", "loss": "dual"}}  # fmt: skip
    ensembles = [{"label": "joined", "over_seeds": True}, {"label": "each"}]
    with pytest.raises(UserError) as caught:
        parse_experiment(experiment(claims=[claim], seeds=[0, 1, 2], ensembles=ensembles), "x.yaml")
    assert str(caught.value) == (
        "x.yaml: claims[0]: joined joins all seeds, and claims pair runs of the same seed; name an ensemble without "
        "over_seeds"
    )
    claim["better"] = {"network": "ensemble", "loss": "each"}
    Experiment.model_validate(experiment(claims=[claim], seeds=[0, 1, 2], ensembles=ensembles))


def test_expressions_and_labels_name_the_same_mixture() -> None:
    for name in ("dual", "dual_level_ce", "1.0*dual_level_ce"):
        Experiment.model_validate(experiment(claims=[{**LCE2, "better": {"loss": [name]}}]))


def test_claims_change_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    plans = [make_plan(Experiment.model_validate(experiment(claims=c)), []) for c in ([], [LCE2])]
    assert plans[0].runs == plans[1].runs


def test_the_order_of_equal_numbers_is_the_same_bytes(grid: WriteGrid) -> None:
    grid(by_loss(dual_level_ce=(0.7, 3.0), weighted_ce=(0.7, 3.0)), **SIZE, **claimed(LCE2))
    score("grid")
    first = ExperimentFolder("grid").claims.read_bytes()
    score("grid")
    assert ExperimentFolder("grid").claims.read_bytes() == first
    row = pd.read_csv(ExperimentFolder("grid").claims).iloc[0]
    assert (row["difference"], row["p"], row["verdict"]) == (0, 1, "not decided here")
