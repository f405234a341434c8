"""What a search optimises: O and D on the validation cases, and on the way there Dice. The test cases are not read."""

from __future__ import annotations

import csv
from typing import NamedTuple

import numpy as np

from seggrid.config.search import Search
from seggrid.paths import RunFolder
from seggrid.scoring import criterion
from seggrid.scoring.aggregate import aggregate, over_runs
from seggrid.scoring.cases import collect_cases
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.grid import Candidate, Grid
from seggrid.scoring.stage import reference_distance


class Reached(NamedTuple):
    """What a candidate reaches on validation, the mean over folds and seeds.

    Attributes:
        score: the criterion ``absolute``.
    """

    overlap: float
    distance: float
    score: float


def reached(grid: Grid) -> dict[Candidate, Reached]:
    """Return what every candidate reaches of which all runs are completed and a validation value is defined."""
    metrics = grid.experiment.evaluation.metrics
    cases = collect_cases(grid.runs, metrics)
    complete = {candidate for candidate in grid.candidates if _is_complete(grid, candidate)}
    values = comprehensive(aggregate(cases[cases["split"] == "val"], metrics).runs, grid.experiment.scoring)
    mean, _ = over_runs(values.droplevel("split"), grid.candidate_of)
    reference = reference_distance(grid)
    found = {}
    for number, row in mean.dropna().iterrows():
        candidate = grid.candidates[int(number)]  # type: ignore[call-overload]
        if candidate in complete:
            score = criterion.absolute(np.array(row["overlap"]), np.array(row["distance"]), reference)
            found[candidate] = Reached(float(row["overlap"]), float(row["distance"]), float(score))
    return found


def objectives(
    search: Search, overlap: float | None, distance: float | None, score: float | None
) -> tuple[float, ...] | None:
    """What the sampler is told of a candidate, ``(S,)`` or ``(O, D)``; ``None`` where a value is not known."""
    if overlap is None or distance is None or score is None:
        return None
    return (score,) if search.objective == "absolute" else (overlap, distance)


def best_dice(run_id: str, epochs: int) -> float | None:
    """The best validation Dice of a run in its first ``epochs``: that of the weights that it would keep there.

    It stands in the history, so a run gives the same value wherever it is by now. ``None`` where it was not trained as
    far, or nothing was measured.
    """
    folder = RunFolder(run_id)
    ended = folder.history.is_file()
    path = folder.history if ended else folder.live_history
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not ended and len(rows) < epochs:
        return None
    return max((float(row["val_dice"]) for row in rows[:epochs] if row.get("val_dice")), default=None)


def _is_complete(grid: Grid, candidate: Candidate) -> bool:
    position = grid.candidates.index(candidate)
    return all(run.state == "completed" for run, of in zip(grid.runs, grid.candidate_of, strict=True) if of == position)
