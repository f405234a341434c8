"""``scores.json``: the winners, what val would have chosen, what is missing, and what to be wary of."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seggrid.scoring import criterion
from seggrid.scoring.cases import STATUSES
from seggrid.scoring.grid import STATES, Grid, GridRun
from seggrid.scoring.ranking import SCORE_COLUMNS, Ranking


def summarise(
    grid: Grid,
    cases: pd.DataFrame,
    ranking: Ranking,
    reference: float,
    nested: dict[str, Any] | None,
    warnings: list[str],
) -> dict[str, Any]:
    """Return the content of ``scores.json``; numbers have 10 significant digits, what is undefined is null.

    Args:
        nested: the choice fold by fold, see ``nested_choice``.
    """
    scoring = grid.experiment.scoring
    units = cases["unit"].unique().tolist()
    return _plain(
        {
            "experiment": grid.experiment.name,
            "plan": grid.plan_digest,
            "criterion": scoring.criterion,
            "lower_is_better": scoring.criterion in criterion.LOWER_IS_BETTER,
            "baseline": grid.baseline,
            "unit": units[0] if len(units) == 1 else "mixed" if units else None,
            "reference_distance": reference,
            "winners": {name: _winner(ranking, name) for name in criterion.CRITERIA},
            "validation_winner": _chosen(ranking, scoring.criterion),
            "nested_choice": nested,
            "optimism": _optimism(ranking, nested, scoring.criterion),
            "counts": _counts(grid, cases, ranking),
            "bootstrap": {"resamples": ranking.resamples, "seed": scoring.seed},
            "runs": {"planned": len(grid.runs), **{state: grid.states()[state] for state in STATES}},
            **{state: [_run(run) for run in grid.runs if run.state == state] for state in STATES[1:]},
            "warnings": warnings,
        }
    )


def winner(ranking: Ranking, name: criterion.Name) -> int | None:
    """The candidate that comes first on test under a criterion, ties broken as in the ranking."""
    return _first(ranking.ranked, name, SCORE_COLUMNS[name], "")


def validation_winner(ranking: Ranking, name: criterion.Name) -> int | None:
    """The candidate that comes first on val under the configured criterion: what an honest choice would have been."""
    return _first(ranking.ranked, name, "score_val", "_val")


def _first(table: pd.DataFrame, name: criterion.Name, column: str, end: str) -> int | None:
    table = table[table[column].notna()].sort_index()
    if table.empty:
        return None
    scores, overlap, distance = (table[c].to_numpy(float) for c in (column, f"overlap{end}", f"distance{end}"))
    return int(table.index[int(criterion.ranks(name, scores, overlap, distance).argmin())])


def _winner(ranking: Ranking, name: criterion.Name) -> dict[str, Any] | None:
    first = winner(ranking, name)
    if first is None:
        return None
    row = ranking.table.loc[first]
    entry = {key: row[key] for key in ("network", "loss", "label", "overlap", "distance")}
    return {**entry, "score": row[SCORE_COLUMNS[name]], "first_share": ranking.shares.loc[first, name]}


def _chosen(ranking: Ranking, name: criterion.Name) -> dict[str, Any] | None:
    """The winner on val, with its values there and on test."""
    chosen = validation_winner(ranking, name)
    if chosen is None:
        return None
    row = ranking.table.loc[chosen]
    keys = ("network", "loss", "label", "rank", "overlap", "distance", "overlap_val", "distance_val", "score_val")
    return {**{key: row[key] for key in keys}, "score": row[SCORE_COLUMNS[name]]}


def _optimism(ranking: Ranking, nested: dict[str, Any] | None, name: criterion.Name) -> dict[str, Any] | None:
    """What choosing on test gains over choosing on val and fold by fold, and how far val's winner falls to test.

    In O and D only: scores of minmax and rank are relative to the candidates and differ between val and test.
    """
    best, chosen = _winner(ranking, name), _chosen(ranking, name)
    if best is None or chosen is None:
        return None
    keys = ("overlap", "distance")
    return {
        "test_choice_minus_val_choice": {key: best[key] - chosen[key] for key in keys},
        "test_choice_minus_nested_choice": {key: best[key] - nested[key] for key in keys} if nested else None,
        "val_choice_test_minus_val": {key: chosen[key] - chosen[f"{key}_val"] for key in keys},
    }


def _counts(grid: Grid, cases: pd.DataFrame, ranking: Ranking) -> dict[str, Any]:
    test = cases[cases["split"] == "test"]
    statuses = {
        split: {status: int(((cases["split"] == split) & (cases["status"] == status)).sum()) for status in STATUSES}
        for split in ("val", "test")
    }
    return {
        "candidates": len(grid.candidates),
        "ranked": len(ranking.ranked),
        "groups": int(test["group"].nunique()),
        "cases": int(test["case"].nunique()),
        "classes": cases["class"].cat.categories.to_list(),
        "folds": len({run.planned.fold for run in grid.runs}),
        "seeds": len({run.planned.seed for run in grid.runs}),
        "statuses": statuses,
    }


def _run(run: GridRun) -> dict[str, Any]:
    keys = ("run_id", "network", "loss", "label", "fold", "seed")
    return {**{key: getattr(run.planned, key) for key in keys}, "reason": run.reason}


def _plain(value: Any) -> Any:
    """Plain JSON values."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if pd.api.types.is_bool(value) or isinstance(value, str):
        return value
    if pd.api.types.is_integer(value):
        return int(value)
    return float(f"{value:.10g}")
