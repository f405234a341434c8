"""The four criteria, their ties, and that a better candidate never loses places."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seggrid.config.evaluation import Scoring
from seggrid.scoring import criterion
from seggrid.scoring.aggregate import aggregate
from seggrid.scoring.comprehensive import comprehensive

D0 = 5.0
NAMES = criterion.CRITERIA
Pairs = list[tuple[int, int]]
#: O in hundredths and D in tenths: ties are common.
pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=8)


def array(*values: float) -> criterion.Floats:
    return np.array(values, dtype=np.float64)


def split(points: Pairs) -> tuple[criterion.Floats, criterion.Floats]:
    overlap, distance = np.array(points, dtype=np.float64).T
    return overlap / 100, distance / 10


def ranks(name: criterion.Name, overlap: criterion.Floats, distance: criterion.Floats) -> list[int]:
    return criterion.ranks(name, criterion.score(name, overlap, distance, D0), overlap, distance).tolist()


def test_minmax() -> None:
    # O spans 0.8 to 0.9, D 2 to 6.
    found = criterion.score("minmax", array(0.9, 0.8, 0.85), array(4, 6, 2), D0)
    assert found == pytest.approx([0.5 + 0.25, 0.0, 0.25 + 0.5])


def test_minmax_counts_a_zero_range_as_one() -> None:
    assert criterion.score("minmax", array(0.9, 0.9), array(2, 4), D0) == pytest.approx([1.0, 0.5])
    assert criterion.score("minmax", array(0.7), array(3), D0).tolist() == [1.0]


def test_rank_is_the_mean_of_two_ranks_with_ties_shared() -> None:
    found = criterion.score("rank", array(0.9, 0.8, 0.8), array(3, 1, 2), D0)
    assert found.tolist() == [(1 + 3) / 2, (2.5 + 1) / 2, (2.5 + 2) / 2]


def test_absolute_halves_its_distance_part_at_d0() -> None:
    found = criterion.score("absolute", array(1.0, 0.8, 0.0), array(0, 5, 500), D0)
    assert found == pytest.approx([1.0, 0.4 + 0.25, 0.5 / 101])


def test_pareto_fronts() -> None:
    overlap = array(0.9, 0.8, 0.85, 0.7, 0.9)
    distance = array(5, 2, 6, 7, 5)
    # The first and the last are equal: neither dominates the other. The third loses to the first, the fourth to it.
    assert criterion.score("pareto", overlap, distance, D0).tolist() == [1, 1, 2, 3, 1]


@given(pairs)
def test_pareto_fronts_are_those_of_the_definition(points: Pairs) -> None:
    def dominates(a: tuple[int, int], b: tuple[int, int]) -> bool:
        return a[0] >= b[0] and a[1] <= b[1] and a != b

    expected, left, front = [0] * len(points), set(range(len(points))), 1
    while left:
        best = {i for i in left if not any(dominates(points[j], points[i]) for j in left)}
        for i in best:
            expected[i] = front
        left, front = left - best, front + 1
    assert criterion.pareto_fronts(*split(points)).tolist() == expected


def test_ties_go_to_the_higher_overlap() -> None:
    # The two trade O for D exactly: both score 1/2.
    overlap, distance = array(0.8, 0.9), array(1.0, 3.0)
    assert criterion.score("minmax", overlap, distance, D0).tolist() == [0.5, 0.5]
    for name in ("minmax", "rank", "pareto"):
        assert ranks(name, overlap, distance) == [2, 1]


def test_equal_candidates_share_a_rank_and_the_next_is_skipped() -> None:
    for name in NAMES:
        assert ranks(name, array(0.9, 0.9, 0.8), array(2, 2, 3)) == [1, 1, 3]


def test_the_order_of_a_summation_breaks_no_tie() -> None:
    overlap = array(0.1 + 0.2, 0.3)
    assert overlap[0] != overlap[1]
    for name in NAMES:
        assert ranks(name, overlap, array(1, 1)) == [1, 1]


def test_no_candidates_no_scores() -> None:
    for name in NAMES:
        assert criterion.score(name, array(), array(), D0).size == 0
        assert ranks(name, array(), array()) == []


@given(pairs)
def test_first_place_is_rank_one(points: Pairs) -> None:
    overlap, distance = split(points)
    for name in NAMES:
        first = criterion.first_places(name, overlap[None], distance[None], D0)
        assert first.tolist() == [ranks(name, overlap, distance).index(1)]


@given(pairs, st.data())
def test_a_better_value_never_costs_a_place(points: Pairs, data: st.DataObject) -> None:
    overlap, distance = split(points)
    chosen = data.draw(st.integers(0, len(points) - 1))
    gained, saved = data.draw(st.integers(0, 6)), data.draw(st.integers(0, 6))
    better, closer = overlap.copy(), distance.copy()
    better[chosen] += gained / 100
    closer[chosen] = max(0.0, closer[chosen] - saved / 10)
    for name in NAMES:
        assert ranks(name, better, closer)[chosen] <= ranks(name, overlap, distance)[chosen]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(0, 2))
def test_improving_every_case_never_costs_a_place(seed: int, chosen: int) -> None:
    rng = np.random.default_rng(seed)
    cases = pd.DataFrame(
        [(run, "test", name, f"p{i % 3}", f"c{i}") for run in range(3) for name in "ab" for i in range(5)],
        columns=["run", "split", "class", "group", "case"],
    )
    overlap, distance = ["iou", "dice", "precision", "recall"], ["hd95", "assd"]
    cases[overlap] = rng.random((len(cases), 4)) * 0.9
    cases[distance] = rng.random((len(cases), 2)) * 50
    improved = cases.copy()
    own = (improved["run"] == chosen).to_numpy()
    improved.loc[own, overlap] += rng.random((own.sum(), 4)) * 0.1
    improved.loc[own, distance] *= rng.random((own.sum(), 2))
    for name in NAMES:
        before, after = (
            ranks(name, values["overlap"].to_numpy(), values["distance"].to_numpy())
            for values in (
                comprehensive(aggregate(table, [*overlap, *distance]).runs, Scoring()) for table in (cases, improved)
            )
        )
        assert after[chosen] <= before[chosen]
