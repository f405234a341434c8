"""What the later stages read of a ranking, once it is sure that it is the ranking of these runs."""

from __future__ import annotations

from typing import Any

from seggrid.errors import UserError
from seggrid.paths import ExperimentFolder
from seggrid.records import read_json
from seggrid.scoring.grid import Grid


def read_scores(grid: Grid) -> dict[str, Any]:
    """Read ``scores.json`` of an experiment.

    Raises:
        UserError: the experiment was not scored since it was planned or since its last run.
    """
    name = grid.experiment.name
    path = ExperimentFolder(name).scores
    if not path.is_file():
        raise UserError(f"{path}: no such file; run `seggrid score {name}` first")
    scores = dict(read_json(path))
    if scores.get("plan") != grid.plan_digest:
        raise UserError(f"{path}: of another plan or other settings; run `seggrid score {name}` first")
    if scores["runs"]["completed"] != grid.states()["completed"]:
        raise UserError(f"{path}: older than the runs; run `seggrid score {name}` first")
    return scores
