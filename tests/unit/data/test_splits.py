"""Folds: no group on two sides, nothing lost, the same for the same seed."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seggrid.config.data import Splits
from seggrid.data.splits import SIDES, make_splits
from seggrid.errors import UserError

SIZES = st.lists(st.integers(1, 6), min_size=6, max_size=30)


def dataset(sizes: list[int]) -> dict[str, str]:
    return {f"c{group}-{n}": f"g{group}" for group, size in enumerate(sizes) for n in range(size)}


def everywhere(groups: dict[str, str]) -> dict[str, set[int]]:
    return {case: {1} for case in groups}


@settings(deadline=None, max_examples=60)
@given(sizes=SIZES, folds=st.integers(2, 5), validation=st.floats(0.05, 0.55), seed=st.integers(0, 99))
def test_no_group_on_two_sides_and_nothing_lost(sizes: list[int], folds: int, validation: float, seed: int) -> None:
    groups = dataset(sizes)
    made = make_splits(groups, Splits(folds=folds, validation=validation, seed=seed), everywhere(groups))
    tested = Counter(case for fold in made for case in fold["test"])
    assert tested == Counter(dict.fromkeys(groups, 1))
    for fold in made:
        sides = [{groups[case] for case in fold[side]} for side in SIDES]
        assert all(sides)
        assert sum(map(len, sides)) == len(set(groups.values()))
        assert sorted(case for side in SIDES for case in fold[side]) == sorted(groups)


@settings(deadline=None, max_examples=30)
@given(sizes=SIZES, seed=st.integers(0, 99))
def test_independent_of_the_order_of_the_cases(sizes: list[int], seed: int) -> None:
    groups = dataset(sizes)
    items = list(groups.items())
    random.Random(seed).shuffle(items)
    splits = Splits(folds=3, seed=seed)
    assert make_splits(dict(items), splits, everywhere(groups)) == make_splits(groups, splits, everywhere(groups))


@settings(deadline=None, max_examples=30)
@given(sizes=SIZES, folds=st.integers(3, 5))
def test_folds_differ_by_at_most_the_largest_group(sizes: list[int], folds: int) -> None:
    groups = dataset(sizes)
    made = make_splits(groups, Splits(folds=folds), everywhere(groups))
    counts = [len(fold["test"]) for fold in made]
    assert max(counts) - min(counts) <= max(sizes)


def test_equal_groups_give_equal_folds_and_validation_sets_that_differ() -> None:
    groups = dataset([2] * 10)
    made = make_splits(groups, Splits(folds=5), everywhere(groups))
    assert [len(fold["test"]) for fold in made] == [4] * 5
    assert len({tuple(fold["val"]) for fold in made}) == 5


def test_the_seed_moves_the_groups() -> None:
    groups = dataset([1] * 20)
    first, second = (make_splits(groups, Splits(seed=seed), everywhere(groups)) for seed in (0, 1))
    assert first != second


def test_a_rare_class_is_trained_and_validated() -> None:
    groups = dataset([1] * 12)
    rare = {"c2-0", "c5-0", "c9-0"}
    presence = {case: {1, 2} if case in rare else {1} for case in groups}
    for seed in range(20):
        for fold in make_splits(groups, Splits(folds=4, seed=seed), presence):
            left = rare.difference(fold["test"])
            if len(left) > 1:
                assert rare.intersection(fold["train"])
                assert rare.intersection(fold["val"])


def test_too_few_groups_say_how_many_there_are() -> None:
    groups = dataset([4, 4, 4])
    with pytest.raises(UserError, match=r"splits.folds: 5 folds need at least 5 groups .* has 3"):
        make_splits(groups, Splits(folds=5), everywhere(groups))
    with pytest.raises(UserError, match="2 folds need at least 4 groups"):
        make_splits(groups, Splits(folds=2), everywhere(groups))


def test_one_large_group_leaves_enough_groups_for_training_and_validation() -> None:
    groups = dataset([9, 1, 1, 1])
    for fold in make_splits(groups, Splits(folds=2), everywhere(groups)):
        assert fold["train"]
        assert fold["val"]
