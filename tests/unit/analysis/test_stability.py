"""Ranks under resampled groups, and what choosing the best of many flatters."""

from __future__ import annotations

import numpy as np
import pytest

from seggrid.analysis.stability import rank_ranges, selection_corrected
from seggrid.scoring.criterion import Name
from tests.unit.analysis.conftest import MakeEvidence

RNG = np.random.default_rng(2)


@pytest.mark.parametrize("criterion", ["minmax", "rank", "pareto", "absolute"])
def test_one_that_is_better_everywhere_is_always_first(make_evidence: MakeEvidence, criterion: Name) -> None:
    base = RNG.uniform(0.4, 0.6, 10)
    evidence = make_evidence(np.stack([base + 0.2, base, base - 0.2]), criterion=criterion)
    found = rank_ranges(evidence)
    assert found["median"].tolist() == [1, 2, 3]
    assert found["first"].tolist() == [1, 0, 0]
    assert found["top3"].tolist() == [1, 1, 1]


def test_equals_change_places(make_evidence: MakeEvidence) -> None:
    found = rank_ranges(make_evidence(RNG.uniform(0.4, 0.6, (6, 12))))
    assert found["first"].sum() == pytest.approx(1)
    assert ((found["low"] <= found["median"]) & (found["median"] <= found["high"])).all()
    assert (found["high"] - found["low"]).max() >= 3


@pytest.mark.parametrize("criterion", ["minmax", "rank", "pareto", "absolute"])
def test_first_places_are_those_of_the_ranking(make_evidence: MakeEvidence, criterion: Name) -> None:
    # O and D are at odds, so many share a front or a mean rank: the higher O decides, as in the ranking.
    evidence = make_evidence(RNG.normal(0.6, 0.1, (6, 12)), 5 + RNG.normal(0, 1, (6, 12)), criterion=criterion)
    found = rank_ranges(evidence)
    shares = evidence.bootstrap.first_shares(evidence.reference)[criterion]
    assert found["first"].to_numpy() == pytest.approx(shares)


def test_few_groups_have_no_range(make_evidence: MakeEvidence) -> None:
    found = rank_ranges(make_evidence(RNG.uniform(0.4, 0.6, (3, 5))))
    assert found[["low", "high"]].isna().all(axis=None)
    assert found["median"].notna().all()


def test_the_best_of_many_equals_is_flattered(make_evidence: MakeEvidence) -> None:
    values = RNG.normal(0.6, 0.1, (40, 12))
    evidence = make_evidence(values)
    best = evidence.overlap.max()
    corrected = selection_corrected(evidence)
    assert corrected.overlap < best - 0.03
    # All are drawn from one distribution, so groups that had no say show its mean.
    assert corrected.overlap == pytest.approx(0.6, abs=0.04)


def test_a_clear_winner_is_not_corrected(make_evidence: MakeEvidence) -> None:
    base = RNG.uniform(0.4, 0.6, 30)
    evidence = make_evidence(np.stack([base + 0.2, base]), resamples=2000)
    corrected = selection_corrected(evidence)
    assert corrected.overlap == pytest.approx(evidence.overlap[0], abs=0.004)
    assert corrected.distance == pytest.approx(evidence.distance[0], abs=0.04)
    assert corrected.resamples > 1900
