"""Claims are decided only where the pairs of runs are on one side more often than by chance."""

from __future__ import annotations

import pytest

from seggrid.scoring.claims import runs_agree
from seggrid.scoring.paired import sign_test
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun
from tests.unit.scoring.conftest import (
    LCE2,
    MIXTURES,
    SIZE,
    Values,
    WriteGrid,
    claimed,
    table,
)


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
