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
from seggrid.scoring.paired import holm, signed_rank
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
        ({"seeds": (0,)}, "not decided here", "too few runs: 1 seed of 3, 2 folds of 2"),
        (
            {"states": {0: "failed"}},
            "not decided here",
            "too few runs: 3 seeds of 3, 2 folds of 2, 1 of 6 pairs of runs not completed",
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
        ({**LCE2, "worse": {}}, "claims[0].worse: name a network or a loss"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(claim: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_experiment(experiment(claims=[claim]), "x.yaml")
    assert str(caught.value) == f"x.yaml: {sentence}"


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
