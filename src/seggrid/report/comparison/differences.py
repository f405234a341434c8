"""Differences A - B, paired by group: of the winners, of what validation would choose, of what both have tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from seggrid.report.comparison.pair import Pair, Side
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.criterion import absolute
from seggrid.scoring.statistics import MINIMUM_GROUPS, Bootstrap, Contributions, contributions

#: Of the two candidates that are compared: why they are.
WINNERS, CHOSEN, SHARED = "winners on test", "choices of validation", "candidate of both"


@dataclass(frozen=True)
class Match:
    """A candidate of A and one of B, by their positions."""

    why: str
    first: int
    second: int


def matches(pair: Pair) -> list[Match]:
    """What is compared; a candidate of both that is the same runs needs no comparison."""
    a, b = pair.sides
    found = []
    for why, first, second in ((WINNERS, a.winner, b.winner), (CHOSEN, a.chosen, b.chosen)):
        if first is not None and second is not None:
            found.append(Match(why, first, second))
    ranked = [set(side.ranking.ranked.index) for side in pair.sides]
    for key in pair.shared:
        first, second = a.positions[key], b.positions[key]
        if key not in pair.identical and first in ranked[0] and second in ranked[1]:
            found.append(Match(SHARED, first, second))
    return found


def difference_frame(pair: Pair) -> pd.DataFrame:
    """A row per match over all objects, and of the winners one per object that both have.

    Empty where the numbers of the two are of different things, or where one of them ranks nobody.

    Returns:
        ``why``, ``object`` (empty: all), ``first`` and ``second`` (positions), and of O and D the difference and the
        ends of its interval: ``overlap``, ``overlap_low``, ... (NaN with fewer than 6 groups); ``score``, the
        difference under ``absolute``; ``groups``.
    """
    found = matches(pair)
    if pair.obstacles or not found:
        return pd.DataFrame()
    groups = _groups(pair.sides)
    tables = [_differences(pair, groups, found, "")]
    winners = [match for match in found if match.why == WINNERS]
    names = [set(side.cases["class"].cat.categories) for side in pair.sides]
    for name in (name for name in pair.first.cases["class"].cat.categories if name in names[1]):
        tables.append(_differences(pair, groups[groups.index.get_level_values("class") == name], winners, str(name)))
    return pd.concat(tables, ignore_index=True)


def _groups(sides: Sequence[Side]) -> pd.DataFrame:
    """O and D of every test group of both, the runs of B numbered behind those of A."""
    tables, offset = [], 0
    for side in sides:
        test = side.means.groups[side.means.groups.index.get_level_values("split") == "test"].droplevel("split")
        table = comprehensive(test, side.grid.experiment.scoring).reset_index()
        table["run"] += offset
        offset += len(side.grid.runs)
        tables.append(table.astype({"class": "str", "group": "str"}))
    return pd.concat(tables).set_index(["run", "class", "group"])


def _differences(pair: Pair, groups: pd.DataFrame, found: Sequence[Match], name: str) -> pd.DataFrame:
    behind = len(pair.first.grid.candidates)
    candidate_of = np.concatenate([pair.first.grid.candidate_of, pair.second.grid.candidate_of + behind])
    order = [position for match in found for position in (match.first, match.second + behind)]
    ranked = list(dict.fromkeys(order))
    parts = _rows(contributions(groups, candidate_of, ranked), [ranked.index(position) for position in order])
    count = parts.weight.shape[1]
    own, other = slice(0, None, 2), slice(1, None, 2)
    overlap, distance = (values.sum(axis=1) for values in (parts.overlap, parts.distance))
    score = absolute(overlap, distance, pair.references[0])
    table = pd.DataFrame(
        {
            "why": [match.why for match in found],
            "object": name,
            "first": [match.first for match in found],
            "second": [match.second for match in found],
            "groups": count,
            "overlap": overlap[own] - overlap[other],
            "distance": distance[own] - distance[other],
            "score": score[own] - score[other],
        }
    )
    ends = [f"{measure}_{end}" for measure in ("overlap", "distance") for end in ("low", "high")]
    table[ends] = np.nan
    if count >= MINIMUM_GROUPS:
        scoring = pair.first.grid.experiment.scoring
        baseline = np.array([row + 1 if row % 2 == 0 else -1 for row in range(len(order))], dtype=np.int64)
        intervals = Bootstrap(parts, scoring.bootstrap, scoring.seed).intervals(baseline)
        for end in ends:
            measure, _, side = end.partition("_")
            table[end] = intervals[f"{measure}_difference_{side}"].to_numpy()[own]
    return table


def _rows(parts: Contributions, rows: list[int]) -> Contributions:
    """The rows that are compared, a candidate as often as it is."""
    return Contributions(parts.groups, parts.overlap[rows], parts.distance[rows], parts.weight[rows])
