"""The nested choice: what a procedure that chooses on each fold's own validation cases gets on that fold's test cases.

The mean over all validation cases is no clean choice where several folds are run, for the validation cases of one fold
are test cases of another. Within a fold they never are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from seggrid.scoring import criterion
from seggrid.scoring.aggregate import Means
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.grid import Grid
from seggrid.scoring.ranking import Ranking


def nested_choice(grid: Grid, means: Means, ranking: Ranking, reference: float) -> dict[str, Any] | None:
    """Choose among the ranked candidates fold by fold on val, and measure each choice on the fold's test.

    Returns:
        The choice of every fold, and the means of O and D that the choices get on test, over the folds in which they
        are defined; ``None`` where nothing is ranked or a fold has no validation cases.
    """
    chosen = choose_by_fold(grid, means, ranking.ranked.index.to_list(), reference)
    values = _by_fold(grid, means)
    choices = []
    for fold, candidate in chosen.items():
        # Not a number where no test case of the fold has a defined value.
        row = _part(values, fold, "test").reindex([candidate]).iloc[0]
        measured = {column: float(row[column]) for column in ("overlap", "distance")}
        choices.append({"fold": fold, **grid.candidates[candidate]._asdict(), **measured})
    if not choices:
        return None
    table = pd.DataFrame(choices)
    return {"folds": choices, "overlap": table["overlap"].mean(), "distance": table["distance"].mean()}


def choose_by_fold(grid: Grid, means: Means, candidates: Sequence[int], reference: float) -> dict[str, int]:
    """Choose among some candidates by the configured criterion on the validation cases of each fold.

    Args:
        candidates: positions in the grid.
        reference: d0 of the criterion ``absolute``.

    Returns:
        The choice of every fold; nothing where a fold has no validation cases.
    """
    name, values = grid.experiment.scoring.criterion, _by_fold(grid, means)
    found = {}
    for fold in dict.fromkeys(run.planned.fold for run in grid.runs):
        val = _part(values, fold, "val")
        val = val[val.index.isin(candidates)]
        if val.empty:
            return {}
        overlap, distance = (val[column].to_numpy(float) for column in ("overlap", "distance"))
        ranks = criterion.ranks(name, criterion.score(name, overlap, distance, reference), overlap, distance)
        found[fold] = int(val.index[int(np.argmin(ranks))])
    return found


def _by_fold(grid: Grid, means: Means) -> pd.DataFrame:
    """O and D by fold, candidate and split, the mean over seeds."""
    values = comprehensive(means.runs, grid.experiment.scoring).dropna().reset_index()
    numbers = values["run"].to_numpy(int)
    values["fold"] = [grid.runs[number].planned.fold for number in numbers]
    values["candidate"] = grid.candidate_of[numbers]
    keys = ["fold", "candidate", "split"]
    return values.groupby(keys, observed=True)[["overlap", "distance"]].mean().reset_index()


def _part(values: pd.DataFrame, fold: str, split: str) -> pd.DataFrame:
    """The candidates of one fold and split, in their order."""
    return values[(values["fold"] == fold) & (values["split"] == split)].set_index("candidate").sort_index()
