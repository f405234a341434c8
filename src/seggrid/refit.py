"""The refit stage: the winner on validation, trained once more on all cases, where ``tracking.register`` asks for it.

It is a stage of its own because it trains: on a cluster it is a job with a GPU, not work of the login node.
"""

from __future__ import annotations

from typing import Any

from seggrid.errors import UserError
from seggrid.paths import ExperimentFolder, RunFolder
from seggrid.plan import refit_run
from seggrid.records import RunStatus, read_status, to_json, write_if_changed, write_json
from seggrid.scoring.grid import Grid, read_grid
from seggrid.scoring.scores import read_scores
from seggrid.specification import RunSpec, read_run
from seggrid.training.supervise import supervise


def refit(experiment: str, device: str | None = None) -> str:
    """Train the winner of a scored experiment on all cases, resuming an earlier attempt; return a sentence.

    Writes ``refit.json`` when it is done, also where there is no winner yet.

    Args:
        device: replaces the device of the experiment's training.

    Raises:
        UserError: the experiment does not ask for it, was not planned or scored, or the training failed.
        LostError: the training was killed from outside, or the disk is full; what it had is kept.
    """
    grid = read_grid(experiment)
    mode = grid.experiment.tracking.register_as
    if mode != "refit":
        raise UserError(f"{experiment}: tracking.register is {mode}, which trains nothing; refit would")
    winner, run_id = read_scores(grid)["validation_winner"], None
    if winner is not None:
        spec = _on_all_cases(grid, winner)
        run_id = spec.run_id
        write_if_changed(RunFolder(run_id).spec, to_json(spec.model_dump(mode="json")))
        _demand(experiment, run_id, supervise(run_id, device))
    write_json(ExperimentFolder(experiment).refit, {"run_id": run_id})
    if run_id is None:
        return f"{experiment}: no candidate has all its runs yet, so none is trained on all cases"
    return f"{experiment}: {run_id} is trained on all cases"


def refitted(grid: Grid, winner: dict[str, Any]) -> RunSpec:
    """Return the run of the winner on all cases.

    Args:
        winner: ``validation_winner`` of ``scores.json``.

    Raises:
        UserError: it was not trained yet, or failed.
    """
    spec = _on_all_cases(grid, winner)
    _demand(grid.experiment.name, spec.run_id, read_status(RunFolder(spec.run_id).status))
    return spec


def _on_all_cases(grid: Grid, winner: dict[str, Any]) -> RunSpec:
    rows = (run.planned for run in grid.runs)
    first = next(row for row in rows if (row.network, row.loss) == (winner["network"], winner["loss"]))
    return refit_run(read_run(first.run_id))


def _demand(experiment: str, run_id: str, status: RunStatus | None) -> None:
    if status is None:
        raise UserError(f"{experiment}: the winner is not trained on all cases; run `seggrid refit {experiment}` first")
    if status.state == "failed":
        raise UserError(
            f"refit {run_id} failed: {status.reason}; run `seggrid retry {run_id}`, then `seggrid refit {experiment}`"
        )
