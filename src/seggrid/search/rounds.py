"""The steps of a search that read and write its rounds; no other touches the study, so nothing is locked.

``results/searches/<experiment>/round-00/`` holds ``ask.json`` (the trials), ``rung-0/slot-03/`` (a file for each run of
a trial), ``rung-0.json`` (the trials that are trained on), ``trial-03.json`` (what a trial reached) and ``tell.json``
(the whole round is known).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from seggrid.config import Experiment
from seggrid.config.base import Section
from seggrid.config.search import Search
from seggrid.errors import UserError
from seggrid.paths import ExperimentFolder, RunFolder, SearchFolder
from seggrid.plan import make_plan
from seggrid.records import read_model, read_status, to_json, write_if_changed, write_json
from seggrid.scoring.grid import Grid, GridRun, read_grid
from seggrid.search.objective import Reached, objectives, reached
from seggrid.search.place import check_round
from seggrid.search.space import SearchSpace
from seggrid.search.study import Known, draw_round
from seggrid.search.warm_start import warm_start
from seggrid.specification import PlannedRun, read_plan
from seggrid.trials import Round, Rung, SearchSpec, Trial, asked_rounds, rungs_of, trained_on


class Outcome(Section):
    """What a trial came to; the content of ``trial-03.json``.

    Attributes:
        overlap, distance, score: O, D and the criterion ``absolute`` on validation; ``None`` for a trial that failed or
            was stopped.
        epochs, dice: of a trial that was stopped, when, and its best validation Dice by then.
        reason: why it failed.
    """

    state: Literal["completed", "stopped", "failed"]
    network: str
    loss: str
    runs: tuple[str, ...]
    overlap: float | None = None
    distance: float | None = None
    score: float | None = None
    epochs: int | None = None
    dice: float | None = None
    reason: str | None = None


def told_trials(experiment: str) -> Iterator[tuple[int, Trial, Outcome]]:
    """Yield the trials of the rounds that are told, in their order, each with its round and what it came to.

    Raises:
        UserError: the experiment was not planned or has no search, or a file is damaged.
    """
    folder, (_, search) = SearchFolder(experiment), read_search(experiment)
    for asked in asked_rounds(experiment)[: search.rounds]:
        if not folder.tell(asked.round).is_file():
            return
        for number, trial in enumerate(asked.trials):
            yield asked.round, trial, read_model(folder.trial(asked.round, number), Outcome)


def ask(experiment: str, number: int, experiment_folders: list[Path]) -> Round:
    """Draw the trials of a round, write them, and add their runs to the plan of the experiment.

    A round that was asked for before stays as it is.

    Raises:
        UserError: the experiment has no search or no such round, a round before is not told, or a file is damaged.
    """
    settled, search = read_search(experiment)
    check_round(settled, search, number)
    folder = SearchFolder(experiment)
    asked = asked_rounds(experiment)
    if number > len(asked):
        raise UserError(f"{folder.ask(number - 1)}: no such file; run `seggrid ask {experiment} {number - 1}` first")
    if number == len(asked):
        space = SearchSpace(settled, search)
        known = [
            *warm_start(settled, search, space),
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


def tell(experiment: str, number: int) -> list[Outcome]:
    """Write what every trial of a round has reached on validation, in the order of the trials.

    Told again, where a run was trained again, it is what the trials reach now: the rounds behind it stay as they were
    asked, and those that are still to be asked learn it.

    Raises:
        UserError: the search has no such round, it was not asked for, or one of its runs or rungs is not finished.
    """
    settled, search = read_search(experiment)
    asked = read_asked(settled, search, number)
    passed = rungs_of(experiment, number)
    folder = SearchFolder(experiment)
    if len(passed) < len(search.slots()) - 1:
        path = folder.rung(number, len(passed))
        raise UserError(f"{path}: no such file; run `seggrid halve {experiment} {number} {len(passed)}` first")
    finished = _finished(experiment, number, len(passed), [trial for _, trial in trained_on(experiment, asked)])
    outcomes = [
        finished.get((trial.network, trial.loss)) or _stopped(experiment, position, trial, passed)
        for position, trial in enumerate(asked.trials)
    ]
    for position, outcome in enumerate(outcomes):
        write_if_changed(folder.trial(number, position), to_json(outcome.model_dump(mode="json")))
    write_if_changed(folder.tell(number), to_json({"round": number, "trials": len(outcomes)}))
    return outcomes


def outcome_text(outcome: Outcome) -> str:
    """One line for a terminal."""
    name = f"{outcome.network}  {outcome.loss}"
    if outcome.state == "stopped":
        return f"{name}  stopped after {outcome.epochs} epochs  val Dice {outcome.dice:.4f}"
    if outcome.overlap is None:
        return f"{name}  failed: {outcome.reason}"
    return f"{name}  O {outcome.overlap:.4f}  D {outcome.distance:.2f}  S {outcome.score:.4f}"


def _finished(experiment: str, number: int, rung: int, trials: Sequence[Trial]) -> dict[tuple[str, str], Outcome]:
    """What the trials came to that were trained to their end."""
    whole = read_grid(experiment)
    slots = {(trial.network, trial.loss): slot for slot, trial in enumerate(trials)}
    of_round = [run for run in whole.runs if (run.planned.network, run.planned.loss) in slots]
    for run in of_round:
        if run.state in ("missing", "unevaluated"):
            planned = run.planned
            place = f"{experiment} {number} {slots[planned.network, planned.loss]} {planned.fold} {planned.seed}"
            place += f" --rung {rung}" if rung else ""
            raise UserError(f"{planned.run_id}: {run.reason}; run `seggrid trial {place}` first")
    values = reached(Grid(whole.experiment, tuple(of_round))) if of_round else {}
    found = {(candidate.network, candidate.loss): value for candidate, value in values.items()}
    return {
        key: _outcome(
            trial, [run for run in of_round if (run.planned.network, run.planned.loss) == key], found.get(key)
        )
        for trial, key in zip(trials, slots, strict=True)
    }


def _outcome(trial: Trial, runs: list[GridRun], found: Reached | None) -> Outcome:
    ids = [run.planned.run_id for run in runs]
    if found is None:
        return _failed(trial, ids)
    return Outcome(state="completed", network=trial.network, loss=trial.loss, runs=tuple(ids), **found._asdict())


def _stopped(experiment: str, position: int, trial: Trial, passed: list[Rung]) -> Outcome:
    """What a trial came to that a rung has stopped, or that had failed by then."""
    runs = [run.run_id for run in runs_of(read_plan(experiment, with_stopped=True), trial)]
    last = next(rung for rung in passed if position not in rung.kept)
    dice = last.dice[position]
    if dice is None:
        return _failed(trial, runs)
    return Outcome(
        state="stopped", network=trial.network, loss=trial.loss, runs=tuple(runs), epochs=last.epochs, dice=dice
    )


def _failed(trial: Trial, runs: list[str]) -> Outcome:
    ends = (read_status(RunFolder(run)) for run in runs)
    reasons = [status.reason or "no reason given" for status in ends if status and status.state == "failed"]
    reason = reasons[0] if reasons else "no validation case with a defined value"
    return Outcome(state="failed", network=trial.network, loss=trial.loss, runs=tuple(runs), reason=reason)


def runs_of(planned: Iterable[PlannedRun], trial: Trial) -> list[PlannedRun]:
    """The planned runs of a trial, in their order."""
    return [run for run in planned if (run.network, run.loss) == (trial.network, trial.loss)]


def read_search(experiment: str) -> tuple[Experiment, Search]:
    """Read a planned experiment that has a search.

    Raises:
        UserError: it was not planned, or has none.
    """
    settled = read_model(ExperimentFolder(experiment).experiment, Experiment)
    if settled.search is None:
        raise UserError(f"{experiment}: the experiment has no section search; add one and plan it again")
    return settled, settled.search


def read_asked(settled: Experiment, search: Search, number: int) -> Round:
    """Read the trials of a round.

    Raises:
        UserError: the search has no such round, or it was not asked for.
    """
    check_round(settled, search, number)
    asked = asked_rounds(settled.name)
    if number >= len(asked):
        path = SearchFolder(settled.name).ask(number)
        raise UserError(f"{path}: no such file; run `seggrid ask {settled.name} {number}` first")
    return asked[number]


def _told(experiment: str, search: Search, asked: Round) -> list[Known]:
    folder = SearchFolder(experiment)
    if not folder.tell(asked.round).is_file():
        path = folder.tell(asked.round)
        raise UserError(f"{path}: no such file; run `seggrid tell {experiment} {asked.round}` first")
    outcomes = [read_model(folder.trial(asked.round, number), Outcome) for number in range(len(asked.trials))]
    return [known_trial(search, trial, outcome) for trial, outcome in zip(asked.trials, outcomes, strict=True)]


def known_trial(search: Search, trial: Trial, outcome: Outcome) -> Known:
    """What the sampler is told of a trial."""
    stopped = None if outcome.epochs is None or outcome.dice is None else (outcome.epochs, outcome.dice)
    told = objectives(search, outcome.overlap, outcome.distance, outcome.score)
    return Known(trial.values, trial.attributes, told, stopped)
