"""The refit stage: the winner on validation, trained once more on all cases, where ``tracking.register`` asks for it.

It is a stage of its own because it trains: on a cluster it is a job with a GPU, not work of the login node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seggrid.ensembles import join
from seggrid.errors import UserError
from seggrid.inference.joining import make_ensemble
from seggrid.inference.members import LearnedWeights
from seggrid.paths import ExperimentFolder, RunFolder
from seggrid.plan import refit_run
from seggrid.records import RunStatus, digest, read_model, read_status, to_json, write_if_changed, write_json
from seggrid.scoring.grid import Grid, read_grid
from seggrid.scoring.scores import read_scores
from seggrid.specification import ALL_CASES, EnsembleSpec, PlannedRun, RunSpec, read_any_run, read_run
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
        spec, trained = _on_all_cases(grid, winner)
        run_id = spec.run_id
        for member in trained:
            write_if_changed(RunFolder(member.run_id).spec, to_json(member.model_dump(mode="json")))
            _demand(experiment, member.run_id, supervise(member.run_id, device))
        if isinstance(spec, EnsembleSpec):
            _join(grid, winner, spec, device)
    write_json(ExperimentFolder(experiment).refit, {"run_id": run_id})
    if run_id is None:
        return f"{experiment}: no candidate has all its runs yet, so none is trained on all cases"
    return f"{experiment}: {run_id} is trained on all cases"


def refitted(grid: Grid, winner: dict[str, Any]) -> RunSpec | EnsembleSpec:
    """Return the run of the winner on all cases.

    Args:
        winner: ``validation_winner`` of ``scores.json``.

    Raises:
        UserError: it was not trained yet, or failed.
    """
    spec, _ = _on_all_cases(grid, winner)
    _demand(grid.experiment.name, spec.run_id, read_status(RunFolder(spec.run_id)))
    return spec


def _on_all_cases(grid: Grid, winner: dict[str, Any]) -> tuple[RunSpec | EnsembleSpec, tuple[RunSpec, ...]]:
    """The run of the winner on all cases, and what is trained for it: itself, or the members of an ensemble."""
    first = read_any_run(_planned(grid, winner)[0].run_id)
    if isinstance(first, RunSpec):
        run = refit_run(first)
        return run, (run,)
    members = tuple(refit_run(read_run(member)) for member in first.members)
    return (
        join([run.run_id for run in members], first.weights, first.loss, members[0].training, first, ALL_CASES),
        members,
    )


def _planned(grid: Grid, winner: dict[str, Any]) -> list[PlannedRun]:
    rows = (run.planned for run in grid.runs)
    return [row for row in rows if (row.network, row.loss) == (winner["network"], winner["loss"])]


def _join(grid: Grid, winner: dict[str, Any], spec: EnsembleSpec, device: str | None) -> None:
    """Make the ensemble of the members on all cases; without validation its weights are the means over its runs."""
    folder = RunFolder(spec.run_id)
    write_if_changed(folder.spec, to_json(spec.model_dump(mode="json")))
    _demand(grid.experiment.name, spec.run_id, make_ensemble(spec.run_id, device))
    if spec.weights == "mean":
        return
    found: dict[str, list[Sequence[float]]] = {}
    for planned in _planned(grid, winner):
        learned = read_model(RunFolder(planned.run_id).weights, LearnedWeights)
        for member, row in zip(learned.members, learned.weights, strict=True):
            found.setdefault(_candidate(read_run(member)), []).append(row)
    even = read_model(folder.weights, LearnedWeights)
    means = [np.mean(found[_candidate(read_run(member))], axis=0) for member in even.members]
    rows = (np.array(means) / np.sum(means, axis=0)).round(6)
    weights = tuple(tuple(map(float, row)) for row in rows)
    write_json(folder.weights, even.model_copy(update={"weights": weights}).model_dump(mode="json"))


def _candidate(run: RunSpec) -> str:
    """Stands for what a run shares with those of other folds, of other seeds, and with that on all cases."""
    return digest([run.identity[key] for key in ("data", "network", "mixture")])


def _demand(experiment: str, run_id: str, status: RunStatus | None) -> None:
    if status is None:
        raise UserError(f"{experiment}: the winner is not trained on all cases; run `seggrid refit {experiment}` first")
    if status.state == "failed":
        raise UserError(
            f"refit {run_id} failed: {status.reason}; run `seggrid retry {run_id}`, then `seggrid refit {experiment}`"
        )
