"""The steps of a search that read and write its rounds; no other touches the study, so nothing is locked.

``results/searches/<experiment>/round-00/`` holds ``ask.json`` (the trials), a file for each run of each trial,
``trial-03.json`` (what it reached) and ``tell.json`` (the whole round is known).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from seggrid.config import Experiment
from seggrid.config.base import Section, identity
from seggrid.config.search import Search
from seggrid.errors import UserError
from seggrid.inference.evaluate import evaluate
from seggrid.paths import ExperimentFolder, RunFolder, SearchFolder
from seggrid.plan import make_plan
from seggrid.records import read_model, to_json, write_if_changed, write_json
from seggrid.scoring.grid import Grid, GridRun, read_grid
from seggrid.search.objective import Reached, reached
from seggrid.search.space import Candidate, SearchSpace
from seggrid.search.study import Known, draw_round
from seggrid.specification import read_plan
from seggrid.training.supervise import supervise
from seggrid.trials import Round, SearchSpec, Trial, asked_rounds


class Outcome(Section):
    """What a trial came to; the content of ``trial-03.json``.

    Attributes:
        overlap, distance, score: O, D and the criterion ``absolute`` on validation; ``None`` for a failed trial.
        reason: why it failed.
    """

    state: Literal["completed", "failed"]
    network: str
    loss: str
    runs: tuple[str, ...]
    overlap: float | None = None
    distance: float | None = None
    score: float | None = None
    reason: str | None = None


def ask(experiment: str, number: int, experiment_folders: list[Path]) -> Round:
    """Draw the trials of a round, write them, and add their runs to the plan of the experiment.

    A round that was asked for before stays as it is.

    Raises:
        UserError: the experiment has no search, the round before is not told, or a file is damaged.
    """
    settled, search = _read(experiment)
    folder = SearchFolder(experiment)
    asked = asked_rounds(experiment)
    if number > len(asked):
        raise UserError(f"{folder.ask(number - 1)}: no such file; run `seggrid ask {experiment} {number - 1}` first")
    if number == len(asked):
        space = SearchSpace(settled, search)
        known = [
            *_warm_start(settled, search, space),
            *(k for before in asked for k in _told(experiment, search, before)),
        ]
        trials = [
            Trial(**asdict(draw.candidate), values=draw.values, attributes=draw.attributes)
            for draw in draw_round(space, search, number, known)
        ]
        setting = read_model(folder.spec, SearchSpec).setting
        write_json(
            folder.ask(number), Round(round=number, setting=setting, trials=tuple(trials)).model_dump(mode="json")
        )
    make_plan(settled, experiment_folders).write()
    return asked_rounds(experiment)[number]


def run_trial(experiment: str, number: int, trial: int, fold: str, seed: int, device: str | None = None) -> str:
    """Train and measure one run of a trial, or take it where it is there; return its run id.

    A slot that the space holds no candidate for is written as empty.

    Raises:
        UserError: the round was not asked for.
        LostError: the training was killed from outside; what it had is kept.
    """
    asked = _asked(experiment, number)
    path = SearchFolder(experiment).run(number, trial, fold, seed)
    if trial >= len(asked.trials):
        write_json(path, {"run_id": None})
        return ""
    key = (asked.trials[trial].network, asked.trials[trial].loss, fold, seed)
    (run,) = (run for run in read_plan(experiment) if (run.network, run.loss, run.fold, run.seed) == key)
    supervise(run.run_id, device)
    if not RunFolder(run.run_id).evaluation(run.eval_id).cases.is_file():
        evaluate(run.run_id, run.eval_id, device)
    write_json(path, {"run_id": run.run_id})
    return run.run_id


def tell(experiment: str, number: int) -> list[Outcome]:
    """Write what every trial of a round has reached on validation, in the order of the trials.

    Raises:
        UserError: the round was not asked for, or one of its runs is not finished.
    """
    asked = _asked(experiment, number)
    whole = read_grid(experiment)
    positions = {(trial.network, trial.loss): position for position, trial in enumerate(asked.trials)}
    of_round = [run for run in whole.runs if (run.planned.network, run.planned.loss) in positions]
    for run in of_round:
        if run.state in ("missing", "unevaluated"):
            planned = run.planned
            position = positions[planned.network, planned.loss]
            place = f"{experiment} {number} {position} {planned.fold} {planned.seed}"
            raise UserError(f"{planned.run_id}: {run.reason}; run `seggrid trial {place}` first")
    values = reached(Grid(whole.experiment, tuple(of_round))) if of_round else {}
    found = {(candidate.network, candidate.loss): value for candidate, value in values.items()}
    outcomes = [
        _outcome(
            trial,
            [run for run in of_round if (run.planned.network, run.planned.loss) == (trial.network, trial.loss)],
            found.get((trial.network, trial.loss)),
        )
        for trial in asked.trials
    ]
    folder = SearchFolder(experiment)
    for position, outcome in enumerate(outcomes):
        write_if_changed(folder.trial(number, position), to_json(outcome.model_dump(mode="json")))
    write_if_changed(folder.tell(number), to_json({"round": number, "trials": len(outcomes)}))
    return outcomes


def outcome_text(outcome: Outcome) -> str:
    """One line for a terminal."""
    name = f"{outcome.network}  {outcome.loss}"
    if outcome.overlap is None:
        return f"{name}  failed: {outcome.reason}"
    return f"{name}  O {outcome.overlap:.4f}  D {outcome.distance:.2f}  S {outcome.score:.4f}"


def _outcome(trial: Trial, runs: list[GridRun], found: Reached | None) -> Outcome:
    ids = tuple(run.planned.run_id for run in runs)
    if found is not None:
        return Outcome(state="completed", network=trial.network, loss=trial.loss, runs=ids, **found._asdict())
    reasons = [run.reason for run in runs if run.state == "failed"]
    reason = reasons[0] if reasons else "no validation case with a defined value"
    return Outcome(state="failed", network=trial.network, loss=trial.loss, runs=ids, reason=reason)


def _read(experiment: str) -> tuple[Experiment, Search]:
    settled = read_model(ExperimentFolder(experiment).experiment, Experiment)
    if settled.search is None:
        raise UserError(f"{experiment}: the experiment has no section search; add one and plan it again")
    return settled, settled.search


def _asked(experiment: str, number: int) -> Round:
    asked = asked_rounds(experiment)
    if number >= len(asked):
        path = SearchFolder(experiment).ask(number)
        raise UserError(f"{path}: no such file; run `seggrid ask {experiment} {number}` first")
    return asked[number]


def _told(experiment: str, search: Search, asked: Round) -> list[Known]:
    folder = SearchFolder(experiment)
    if not folder.tell(asked.round).is_file():
        path = folder.tell(asked.round)
        raise UserError(f"{path}: no such file; run `seggrid tell {experiment} {asked.round}` first")
    outcomes = [read_model(folder.trial(asked.round, number), Outcome) for number in range(len(asked.trials))]
    return [
        Known(trial.values, trial.attributes, _objectives(search, outcome.overlap, outcome.distance, outcome.score))
        for trial, outcome in zip(asked.trials, outcomes, strict=True)
    ]


def _objectives(
    search: Search, overlap: float | None, distance: float | None, score: float | None
) -> tuple[float, ...] | None:
    if overlap is None or distance is None or score is None:
        return None
    return (score,) if search.objective == "absolute" else (overlap, distance)


def _warm_start(settled: Experiment, search: Search, space: SearchSpace) -> list[Known]:
    """Finished candidates of other experiments that lie in the space, in the order of their plans.

    Raises:
        UserError: an experiment was not planned, or measured something else.
    """
    known = []
    for name in search.warm_start:
        grid = read_grid(name)
        if _setting(grid.experiment) != _setting(settled):
            raise UserError(
                f"search.warm_start: {name} has other data, folds, seeds, training or evaluation, so its values do not "
                "compare; take it out"
            )
        mixtures = {mixture.name: mixture for mixture in grid.experiment.all_mixtures()}
        rate = grid.experiment.training.optimiser.learning_rate if search.space.learning_rate else None
        for candidate, found in reached(grid).items():
            if candidate.loss in mixtures:
                values = space.values(Candidate(candidate.network, mixtures[candidate.loss], rate))
                if values is not None:
                    known.append(Known(values, {}, _objectives(search, *found)))
    return known


def _setting(experiment: Experiment) -> list[Any]:
    """All that must be the same for two candidates to compare, but what a search varies."""
    training = identity(experiment.training)
    optimiser = {key: value for key, value in training.pop("optimiser", {}).items() if key != "learning_rate"}
    parts = (experiment.data, experiment.splits, experiment.evaluation, experiment.scoring)
    steps = [step.identity() for step in experiment.preprocessing]
    return [steps, experiment.all_folds(), experiment.seeds, training, optimiser, *map(identity, parts)]
