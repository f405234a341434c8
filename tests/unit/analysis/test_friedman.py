"""Friedman's and Nemenyi's tests on groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from seggrid.analysis.friedman import _cliques, _critical_difference, friedman
from tests.unit.analysis.conftest import MakeEvidence

RNG = np.random.default_rng(1)
BASE = RNG.uniform(0.4, 0.8, 15)


def test_the_critical_difference_is_that_of_the_table() -> None:
    # Demsar 2006, table 5: q = 2.569 for 4 classifiers, 2.343 for 3.
    assert _critical_difference(4, 14) == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), abs=2e-3)
    assert _critical_difference(3, 30) == pytest.approx(2.343 * np.sqrt(3 * 4 / (6 * 30)), abs=2e-3)


def test_clear_differences_are_found_and_equals_stay_together(make_evidence: MakeEvidence) -> None:
    alike = BASE + RNG.normal(0, 0.01, 15)
    found = friedman(make_evidence(np.stack([BASE - 0.3, BASE, alike])), "overlap", 10)
    assert found is not None
    assert found.p_value < 0.001
    assert found.rows[-1] == 0
    assert found.mean_ranks[-1] == 3
    assert found.cliques == ((0, 1),)
    assert found.pairs.loc[0, 1] < 0.05 < found.pairs.loc[1, 2]


def test_distance_ranks_the_other_way(make_evidence: MakeEvidence) -> None:
    distance = np.stack([BASE + shift for shift in (2.0, 1.0, 0.0)])
    found = friedman(make_evidence(np.stack([BASE] * 3), distance), "distance", 10)
    assert found is not None
    assert found.rows == (2, 1, 0)
    assert found.mean_ranks == (1.0, 2.0, 3.0)


def test_only_the_best_are_compared(make_evidence: MakeEvidence) -> None:
    evidence = make_evidence(np.stack([BASE - shift / 100 for shift in range(8)]))
    found = friedman(evidence, "overlap", 5)
    assert found is not None
    assert set(found.rows) == set(range(5))


@pytest.mark.parametrize(("candidates", "groups"), [(2, 15), (4, 5)])
def test_two_candidates_or_few_groups_are_not_tested(make_evidence: MakeEvidence, candidates: int, groups: int) -> None:
    values = np.stack([BASE[:groups] - shift / 10 for shift in range(candidates)])
    assert friedman(make_evidence(values), "overlap", 10) is None


def test_equal_candidates_are_not_tested(make_evidence: MakeEvidence) -> None:
    assert friedman(make_evidence(np.stack([BASE] * 3)), "overlap", 10) is None
    # The order of a sum is no difference.
    assert friedman(make_evidence(np.stack([BASE, BASE + 1e-15, BASE])), "overlap", 10) is None


def test_cliques_are_the_longest_runs() -> None:
    def cliques(told_apart: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        pairs = np.full((4, 4), 0.5)
        for first, second in told_apart:
            pairs[first, second] = pairs[second, first] = 0.01
        return _cliques(pd.DataFrame(pairs))

    assert cliques([]) == ((0, 3),)
    assert cliques([(0, 2), (0, 3), (1, 3)]) == ((0, 1), (1, 2), (2, 3))
    assert cliques([(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)]) == ((1, 2),)
    assert cliques([(a, b) for a in range(4) for b in range(a)]) == ()


def test_bars_join_what_lies_within_the_critical_difference(make_evidence: MakeEvidence) -> None:
    found = friedman(make_evidence(BASE + RNG.normal(0, 0.05, (8, 15)) - np.arange(8)[:, None] / 50), "overlap", 10)
    assert found is not None
    spans = [found.mean_ranks[last] - found.mean_ranks[first] for first, last in found.cliques]
    assert spans and max(spans) < found.critical_difference
    for first, last in found.cliques:
        if last + 1 < len(found.rows):
            assert found.mean_ranks[last + 1] - found.mean_ranks[first] >= found.critical_difference
