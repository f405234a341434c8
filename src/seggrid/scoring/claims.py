"""Whether what a paper claims held here: paired differences of the candidates that it compares.

Runs are paired by candidate, fold and seed, and their values by object and group. Each pair of candidates has means as
everywhere (``aggregate``); what is compared is formed of them, and then averaged over the pairs, so a claim over
several networks is the mean of what it is within each. The interval is that of the bootstrap over groups, the p-value
that of Wilcoxon's signed-rank test on the groups' differences, adjusted by Holm for all claims. Of skewed groups the
mean and the ranks may lie on different sides of 0, and one training that failed may move all groups; where the ranks
and the mean disagree, or the pairs of runs are not on that side more often than by chance, nothing is decided.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from seggrid.catalogue import METRICS
from seggrid.config.claims import COMPREHENSIVE, Claim
from seggrid.scoring.aggregate import Means
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.criterion import Floats, absolute
from seggrid.scoring.grid import DEMONSTRATION, Grid
from seggrid.scoring.paired import ALPHA, holm, rank_correlation, sign_test, signed_rank, smallest_detectable
from seggrid.scoring.ranking import on_split
from seggrid.scoring.statistics import MINIMUM_GROUPS, Bootstrap, Contributions, contributions, expanded_percentiles

Verdict = Literal["held", "did not hold (the other way round)", "not decided here", "no verdict"]
#: Seeds, with all folds each, below which the chance of a training may decide.
MINIMUM_SEEDS = 3
COLUMNS = (
    "claim", "source", "better", "worse", "metric", "value_better", "value_worse", "difference", "difference_low",
    "difference_high", "ranks", "p", "p_holm", "wins", "groups", "detectable", "runs", "runs_planned",
    "comparisons", "run_wins", "run_losses", "p_runs", "seeds", "folds", "verdict", "condition",
)  # fmt: skip
_Pair = tuple[int, int]


def claim_table(grid: Grid, means: Means, reference: float) -> pd.DataFrame:
    """Compare what every claim of the experiment compares, on the test splits.

    Args:
        reference: d0 of the criterion ``absolute``, in the unit of the distances.

    Returns:
        The columns of ``claims.csv``, a row per claim. ``difference`` is better minus worse in the unit of the metric;
        ``ranks`` is its rank-biserial correlation, whose sign is the side that ``p`` speaks of; ``wins`` counts the
        groups in which it is as claimed; ``detectable`` is the smallest difference that so many groups of this spread
        would show. ``comparisons`` counts pairs of runs, those that share a run once; ``run_wins`` and ``run_losses``
        are those that are as claimed and the other way round, ``p_runs`` is of the sign test on them. ``seeds`` are
        those that every pair of candidates has in all its folds.
    """
    claims = grid.experiment.claims
    test = on_split(means.groups, "test")
    table = pd.DataFrame([_compared(claim, grid, test, reference) for claim in claims], columns=list(COLUMNS))
    # The family are all claims of the experiment: one that has no p-value yet will have one, and counts already.
    p_values = table["p"].astype(float)
    table["p_holm"] = pd.Series(holm(np.asarray(p_values.fillna(1.0), np.float64)), table.index).where(p_values.notna())
    rows = zip(table.to_dict("records"), claims, strict=True)
    judged = [_judged(row, higher_is_better(claim.metric), grid) for row, claim in rows]
    table[["verdict", "condition"]] = pd.DataFrame(judged, columns=["verdict", "condition"], dtype="str")
    return table


def higher_is_better(metric: str) -> bool:
    """Whether a higher value of what a claim compares is better."""
    return metric != "distance" if metric in COMPREHENSIVE else METRICS[metric.partition("@")[0]].better == "higher"


class _RunPair(NamedTuple):
    """The values of two runs of the same fold and seed, of objects and groups in which both have one."""

    candidates: _Pair
    #: The same for all pairs that share a run, directly or by way of others: they are no trainings of their own.
    training: tuple[int, str, int]
    better: pd.DataFrame
    worse: pd.DataFrame


def _compared(claim: Claim, grid: Grid, test: pd.DataFrame, reference: float) -> dict[str, Any]:
    """A row without its verdict."""
    compared = claim.pairs(grid.candidates)
    runs = {pair: list(_common_runs(grid, pair)) for pair in compared}
    planned = sum(int((grid.candidate_of == own).sum()) for own, _ in compared)
    row: dict[str, Any] = {
        "claim": claim.text, "source": claim.source or "", "better": claim.better.words, "worse": claim.worse.words,
        "metric": claim.metric, "runs": sum(map(len, runs.values())), "runs_planned": planned,
        "seeds": min((_whole_seeds(grid, pairs) for pairs in runs.values()), default=0),
        "folds": ", ".join(sorted({grid.runs[own].planned.fold for pairs in runs.values() for own, _ in pairs})),
        "groups": 0, "wins": 0, "comparisons": 0, "run_wins": 0, "run_losses": 0,
    }  # fmt: skip
    pairs = list(_run_pairs(_values(claim, grid, test), runs, grid))
    if not pairs:
        return row
    view = _View(claim.metric, reference)
    return row | _difference(view, grid, _contributions(pairs)) | _by_run(view, pairs)


def _common_runs(grid: Grid, pair: _Pair) -> Iterator[_Pair]:
    """Completed runs of two candidates with the same fold and seed, as positions in the grid."""
    own, other = (
        {
            (grid.runs[number].planned.fold, grid.runs[number].planned.seed): int(number)
            for number in np.flatnonzero(grid.candidate_of == candidate)
            if grid.runs[number].state == "completed"
        }
        for candidate in pair
    )
    yield from ((own[place], other[place]) for place in own if place in other)


def _whole_seeds(grid: Grid, pairs: list[_Pair]) -> int:
    """Seeds of which every fold of the split is there."""
    seeds = [grid.runs[own].planned.seed for own, _ in pairs]
    return sum(seeds.count(seed) == grid.experiment.splits.folds for seed in set(seeds))


def _run_pairs(values: pd.DataFrame, runs: Mapping[_Pair, list[_Pair]], grid: Grid) -> Iterator[_RunPair]:
    """Every pair of runs that has any value in common."""
    by_run = dict(list(values.groupby("run")))
    edges = np.array(list(runs), np.int64).reshape(-1, 2)
    size = len(grid.candidates)
    _, family = connected_components(coo_array((np.ones(len(edges)), edges.T), shape=(size, size)), directed=False)
    for candidates, pairs in runs.items():
        for own, other in pairs:
            if own in by_run and other in by_run:
                better, worse = (by_run[side].droplevel("run") for side in (own, other))
                common = better.index.intersection(worse.index)
                planned = grid.runs[own].planned
                training = (int(family[candidates[0]]), planned.fold, planned.seed)
                if len(common):
                    yield _RunPair(candidates, training, better.loc[common], worse.loc[common])


def _contributions(pairs: Sequence[_RunPair]) -> Contributions:
    """What each group adds to both sides of every pair of candidates: rows 0 and 1 are the first pair, and so on."""
    number = {candidates: place for place, candidates in enumerate(dict.fromkeys(pair.candidates for pair in pairs))}
    rows = np.array([2 * number[pair.candidates] + side for pair in pairs for side in (0, 1)], np.int64)
    runs = dict(enumerate(values for pair in pairs for values in (pair.better, pair.worse)))
    return contributions(pd.concat(runs, names=["run"]), rows, list(range(2 * len(number))))


def _values(claim: Claim, grid: Grid, test: pd.DataFrame) -> pd.DataFrame:
    """O and D, or the one metric in the place of both, where it is defined."""
    if claim.metric in COMPREHENSIVE:
        return comprehensive(test, grid.experiment.scoring).dropna()
    return pd.DataFrame({"overlap": test[claim.metric], "distance": test[claim.metric]}).dropna()


@dataclass(frozen=True)
class _View:
    """What of O and D a claim is about, with d0 of the criterion ``absolute``."""

    metric: str
    reference: float

    def __call__(self, overlap: Floats, distance: Floats) -> Floats:
        if self.metric == "absolute":
            return absolute(overlap, distance, self.reference)
        return distance if self.metric == "distance" else overlap

    def of(self, overlap: Floats, distance: Floats) -> tuple[Floats, Floats]:
        """The value of both sides in every pair of candidates, of which S is formed before any mean.

        Args:
            overlap, distance: the rows of ``_contributions`` along the last axis.

        Returns:
            Better and worse, each with the pairs along the last axis.
        """
        values = self(overlap, distance)
        return values[..., ::2], values[..., 1::2]

    def wins(self, differences: Floats) -> int:
        """How many differences are as claimed."""
        return int(((differences > 0) if higher_is_better(self.metric) else (differences < 0)).sum())


def _difference(view: _View, grid: Grid, parts: Contributions) -> dict[str, Any]:
    """What the groups say, as means over the pairs of candidates."""
    scoring, groups = grid.experiment.scoring, len(parts.groups)
    better, worse = (side.mean() for side in view.of(parts.overlap.sum(axis=1), parts.distance.sum(axis=1)))
    with np.errstate(invalid="ignore"):
        within = view.of((parts.overlap / parts.weight).T, (parts.distance / parts.weight).T)
    # A group may have no value under some network: then it is the mean over the others.
    by_group: Floats = np.round(np.asarray(np.nanmean(within[0] - within[1], axis=1)), 12)
    row = {
        "value_better": better, "value_worse": worse, "difference": better - worse, "groups": groups,
        "wins": view.wins(by_group), "detectable": smallest_detectable(by_group),
    }  # fmt: skip
    if groups >= MINIMUM_GROUPS and not grid.one_patient:
        every = slice(None)
        resampled = view.of(*Bootstrap(parts, scoring.bootstrap, scoring.seed).values(every, every))
        ends = np.percentile((resampled[0] - resampled[1]).mean(axis=1), expanded_percentiles(groups))
        row |= {"difference_low": ends[0], "difference_high": ends[1]}
        row |= {"ranks": rank_correlation(by_group), "p": signed_rank(by_group)}
    return row


def _by_run(view: _View, pairs: Sequence[_RunPair]) -> dict[str, Any]:
    """What the pairs of runs say: those that share a run by their mean, for their trainings are not others."""
    differences: dict[tuple[int, str, int], list[float]] = {}
    for pair in pairs:
        parts = _contributions([pair])
        better, worse = view.of(parts.overlap.sum(axis=1), parts.distance.sum(axis=1))
        differences.setdefault(pair.training, []).append(float(better[0] - worse[0]))
    by_training = np.round([np.mean(found) for found in differences.values()], 12)
    wins, losses = view.wins(by_training), view.wins(-by_training)
    return {
        "comparisons": len(by_training), "run_wins": wins, "run_losses": losses, "p_runs": sign_test(wins, losses),
    }  # fmt: skip


def runs_agree(wins: int, losses: int, as_claimed: bool) -> bool:
    """Whether pairs of runs are on one side more often than by chance.

    Args:
        wins, losses: pairs of runs that are as claimed, and the other way round; ties are in neither.
        as_claimed: whether the claimed side is asked for, or the other one.
    """
    return sign_test(wins, losses) < ALPHA and (wins > losses) == as_claimed


def _judged(row: Mapping[Any, Any], higher: bool, grid: Grid) -> tuple[Verdict, str]:
    """The verdict and the condition under which it stands."""
    if not row["runs"]:
        return "not decided here", "no pair of runs is completed yet"
    if grid.one_patient:
        return "no verdict", DEMONSTRATION
    if row["groups"] < MINIMUM_GROUPS:
        count = f"{row['groups']} group{'s' * (row['groups'] != 1)}"
        return "no verdict", f"technical demonstration: {count}, at least {MINIMUM_GROUPS} are needed"
    few = _too_few(row, grid)
    if few:
        return "not decided here", few
    enough = f"{row['seeds']} seeds x all {grid.experiment.splits.folds} folds"
    if not row["p_holm"] < ALPHA:
        return "not decided here", enough
    ranks = row["ranks"]
    if not (row["difference_low"] > 0 if ranks > 0 else row["difference_high"] < 0):
        return "not decided here", f"{enough}; mean and ranks disagree"
    as_claimed = (ranks > 0) == higher
    if not runs_agree(row["run_wins"], row["run_losses"], as_claimed):
        counts = f"as claimed in {row['run_wins']} of {row['comparisons']} pairs of runs"
        return "not decided here", f"{enough}; {counts}, p = {row['p_runs']:.2g}"
    return ("held" if as_claimed else "did not hold (the other way round)"), enough


def _too_few(row: Mapping[Any, Any], grid: Grid) -> str:
    """What is missing to three seeds with all folds, in words; empty where nothing is."""
    whole, planned, folds = row["seeds"], len(grid.experiment.all_folds()), grid.experiment.splits.folds
    if whole >= MINIMUM_SEEDS:
        return ""
    found = f"too few runs: {whole} seed{'s' * (whole != 1)} with all {folds} folds, {MINIMUM_SEEDS} are needed"
    missing = row["runs_planned"] - row["runs"]
    return (
        found
        + (f"; {planned} of {folds} folds planned" if planned < folds else "")
        + (f"; {missing} of {row['runs_planned']} pairs of runs not completed" if missing else "")
    )


def claim_lines(table: pd.DataFrame) -> list[str]:
    """A line per claim in plain text."""
    return [_line(row) for row in table.to_dict("records")]


def _line(row: Mapping[Any, Any]) -> str:
    source = f" ({row['source']})" if row["source"] else ""
    start = f"claim: {row['claim']}{source}: {row['verdict']}; {row['condition']}"
    if math.isnan(row["difference"]):
        return start
    p = "" if math.isnan(row["p_holm"]) else f", p = {row['p_holm']:.2g}"
    counts = f"{row['wins']} of {row['groups']} groups and {row['run_wins']} of {row['comparisons']} pairs of runs"
    return f"{start}; {row['metric']} {row['difference']:+.4f} in {counts} as claimed{p}"
