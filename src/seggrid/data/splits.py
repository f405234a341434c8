"""Grouped cross-validation: a group (patient) stands on one side of a fold, and is tested exactly once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from seggrid.config.data import Splits
from seggrid.errors import UserError

SIDES = ("train", "val", "test")
FoldCases = dict[str, list[str]]


def require_groups(groups: Mapping[str, str], splits: Splits) -> None:
    """Check that there are groups for every fold.

    Raises:
        UserError: there are too few.
    """
    needed = splits.least_groups
    found = len(set(groups.values()))
    if found < needed:
        raise UserError(
            f"splits.folds: {splits.folds} folds need at least {needed} groups (patients), the data has "
            f"{found}; lower splits.folds or add groups"
        )


def make_splits(groups: Mapping[str, str], splits: Splits, presence: Mapping[str, Collection[int]]) -> list[FoldCases]:
    """Return the cases of every fold by side, sorted.

    Test: groups, largest first and shuffled among equals, go to the fold with the fewest cases. Validation: of the
    other groups, in an order that starts behind the test fold, the first run of ``splits.validation`` of them which
    leaves every class on both sides; where none does, the run that leaves the most. The order of ``groups`` is
    irrelevant.

    Args:
        groups: case -> group.
        presence: case -> labels of the objects it shows.

    Raises:
        UserError: there are too few groups.
    """
    members: dict[str, list[str]] = {}
    for case in sorted(groups):
        members.setdefault(groups[case], []).append(case)
    require_groups(groups, splits)
    assigned = _assign({group: len(cases) for group, cases in members.items()}, splits)
    shown = {group: frozenset(c for case in cases for c in presence[case]) for group, cases in members.items()}
    folds = []
    for number, test in enumerate(assigned):
        others = [group for step in range(1, splits.folds) for group in assigned[(number + step) % splits.folds]]
        validation = _choose_validation(others, shown, splits.validation)
        train = [group for group in others if group not in validation]
        sides = dict(zip(SIDES, (train, validation, test), strict=True))
        folds.append({side: sorted(case for g in chosen for case in members[g]) for side, chosen in sides.items()})
    return folds


def _assign(sizes: Mapping[str, int], splits: Splits) -> list[list[str]]:
    names = sorted(sizes)
    order = np.random.default_rng(splits.seed).permutation(len(names))
    shuffled = sorted((names[i] for i in order), key=lambda group: -sizes[group])
    assigned: list[list[str]] = [[] for _ in range(splits.folds)]
    counts = [0] * splits.folds
    for group in shuffled:
        open_folds = [k for k in range(splits.folds) if len(assigned[k]) < len(names) - 2]
        fold = min(open_folds, key=lambda k: (counts[k], len(assigned[k])))
        assigned[fold].append(group)
        counts[fold] += sizes[group]
    return assigned


def _choose_validation(others: Sequence[str], shown: Mapping[str, frozenset[int]], share: float) -> list[str]:
    number = min(max(1, round(share * len(others))), len(others) - 1)

    def classes(chosen: Collection[str]) -> int:
        return len(frozenset().union(*(shown[group] for group in chosen)))

    best: list[str] = []
    most = -1
    for start in range(len(others)):
        rotated = [*others[start:], *others[:start]]
        kept = classes(rotated[:number]) + classes(rotated[number:])
        if kept > most:
            best, most = rotated[:number], kept
    return best
