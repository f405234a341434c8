"""The answer in one paragraph, written from the numbers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seggrid.analysis.differences import differences
from seggrid.analysis.evidence import Evidence, Measure
from seggrid.analysis.stability import selection_corrected
from seggrid.analysis.trainings import Trainings, compare_trainings
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.scoring import criterion
from seggrid.scoring.paired import smallest_detectable
from seggrid.scoring.ranking import SCORE_COLUMNS


def build(results: Results) -> Section:
    """Write the answer; before the first ranking it says how far the grid is."""
    scores = results.scores
    values: dict[str, Any] = {"winner": None, "states": results.grid.states(), "scores": scores}
    if scores is not None and len(results.ranked):
        values |= _winner(results, scores)
    return Section("answer", "The answer", values)


def _winner(results: Results, scores: dict[str, Any]) -> dict[str, Any]:
    name: criterion.Name = scores["criterion"]
    column = SCORE_COLUMNS[name]
    winner = results.ranked.iloc[0]
    runner_up = results.ranked.iloc[1] if len(results.ranked) > 1 else None
    chosen = scores["validation_winner"]
    return {
        "winner": winner,
        "score": winner[column],
        "runner_up": runner_up,
        "margin": None if runner_up is None else _margin(winner, runner_up, column),
        "evidence": _evidence(results),
        "trainings": _trainings(results),
        "chosen": chosen,
        "same_choice": chosen is not None and (chosen["network"], chosen["loss"]) == (winner.network, winner.loss),
        "optimism": scores["optimism"],
        "winners": _by_winner(scores["winners"]),
        "is_baseline": winner["loss"] == scores["baseline"],
        "baseline": _label(results, scores["baseline"]),
    }


def _trainings(results: Results) -> Trainings | None:
    """What the runs say of winner and runner-up; ``None`` without a runner-up, or where no two runs can be compared."""
    if results.means is None or len(results.ranked) < 2:
        return None
    found = compare_trainings(results.grid, results.means, *results.candidates[:2])
    return found if found.pairs else None


def _margin(winner: pd.Series, runner_up: pd.Series, column: str) -> dict[str, float]:
    """How much better the winner is: positive where it is higher, also where a lower number is better."""
    return {key: winner[source] - runner_up[source] for key, source in
            (("score", column), ("overlap", "overlap"), ("distance", "distance"))}  # fmt: skip


def _evidence(results: Results) -> dict[str, Any] | None:
    """How sure the margin is, what the choice of the winner flatters, and what the data set could tell apart."""
    evidence = results.evidence
    if evidence is None:
        return None
    found: dict[str, Any] = {"enough": evidence.enough, "corrected": selection_corrected(evidence)}
    if len(evidence.candidates) > 1:
        margin = differences(evidence, [1]).iloc[0]
        found |= {"margin": margin, "detectable": _detectable(evidence, margin)}
    return found


def _detectable(evidence: Evidence, margin: pd.Series) -> dict[str, Any]:
    """The smallest difference between winner and runner-up that would be seen, and what of the margin exceeds it.

    Returns:
        ``groups`` with a value of both, ``overlap``, ``distance``, and by their symbols what the winner has ``better``
        and what it has ``worse`` by more than that.
    """
    found: dict[str, Any] = {"better": [], "worse": []}
    measures: tuple[tuple[Measure, str, float], ...] = (("overlap", "O", 1.0), ("distance", "D", -1.0))
    for measure, symbol, sign in measures:
        by_group = evidence.by_group(measure)[0] - evidence.by_group(measure)[1]
        found[measure] = smallest_detectable(by_group)
        if abs(margin[measure]) > max(found[measure], 1e-12):
            found["better" if sign * margin[measure] > 0 else "worse"].append(symbol)
    return {**found, "groups": int(margin["overlap_groups"])}


def _by_winner(winners: dict[str, dict[str, Any]]) -> list[tuple[dict[str, Any], list[str]]]:
    """Each winner with the criteria under which it comes first, in the order of the criteria."""
    found: dict[tuple[str, str], tuple[dict[str, Any], list[str]]] = {}
    for name in criterion.CRITERIA:
        winner = winners[name]
        found.setdefault((winner["network"], winner["loss"]), (winner, []))[1].append(name)
    return list(found.values())


def _label(results: Results, loss: str) -> str:
    return next((candidate.label for candidate in results.candidates if candidate.loss == loss), loss)
