"""The jobs of a search: train and measure one run of a trial, and stop the trials that are not among the best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from seggrid.errors import UserError
from seggrid.inference.evaluate import evaluate
from seggrid.paths import RunFolder, SearchFolder
from seggrid.plan import make_plan
from seggrid.records import read_status, write_json
from seggrid.search.objective import best_dice
from seggrid.search.rounds import read_asked, read_search
from seggrid.specification import PlannedRun, read_plan
from seggrid.training.supervise import supervise, supervise_until
from seggrid.trials import Rung, Trial, rungs_of, trained_on


def run_trial(
    experiment: str, number: int, slot: int, fold: str, seed: int, rung: int = 0, device: str | None = None
) -> str:
    """Train one run of a trial up to a rung, behind the last rung to its end; return its run id.

    A run that is trained to its end is measured as well; one that is there is taken as it is. A slot that no trial is
    left for is written as empty.

    Args:
        number: of the round.
        slot: position among the trials of the round that the rungs before this one have not stopped.

    Raises:
        UserError: the round was not asked for, or the rung before this one is not passed.
        LostError: the training was killed from outside; what it had is kept.
    """
    asked, (_, search) = read_asked(experiment, number), read_search(experiment)
    _check_passed(experiment, number, rung)
    path = SearchFolder(experiment).run(number, rung, slot, fold, seed)
    trials = trained_on(experiment, asked, rung)
    if slot >= len(trials):
        write_json(path, {"run_id": None})
        return ""
    runs = _runs_of(read_plan(experiment, with_stopped=True), trials[slot][1])
    (run,) = (run for run in runs if (run.fold, run.seed) == (fold, seed))
    milestones = search.halving.rungs if search.halving else ()
    if rung < len(milestones):
        supervise_until(run.run_id, milestones[rung], device)
    else:
        supervise(run.run_id, device)
        if not RunFolder(run.run_id).evaluation(run.eval_id).cases.is_file():
            evaluate(run.run_id, run.eval_id, device)
    write_json(path, {"run_id": run.run_id})
    return run.run_id


def halve(experiment: str, number: int, rung: int, experiment_folders: list[Path]) -> Rung:
    """Choose the trials of a round that are trained on; in the plan of the experiment the others are stopped.

    What the others have trained stays. A rung that was passed before stays as it is.

    Raises:
        UserError: the search has no such rung, or a run is not trained as far.
    """
    asked, (settled, search) = read_asked(experiment, number), read_search(experiment)
    if search.halving is None or rung >= len(search.halving.rungs):
        raise UserError(f"{experiment}: search.halving has no rung {rung}; they are counted from 0")
    _check_passed(experiment, number, rung)
    if rung == len(rungs_of(experiment, number)):
        epochs = search.halving.rungs[rung]
        planned = read_plan(experiment, with_stopped=True)
        dice: list[float | None] = [None] * len(asked.trials)
        for slot, (position, trial) in enumerate(trained_on(experiment, asked)):
            place = f"{experiment} {number} {slot}"
            dice[position] = _mean_dice(_runs_of(planned, trial), epochs, place, rung)
        passed = Rung(epochs=epochs, dice=tuple(dice), kept=best_of(dice, search.slots()[rung + 1]))
        folder = SearchFolder(experiment)
        for later in range(rung + 1, len(search.halving.rungs)):
            folder.rung(number, later).unlink(missing_ok=True)  # it was chosen behind a file that is lost
        write_json(folder.rung(number, rung), passed.model_dump(mode="json"))
    make_plan(settled, experiment_folders).write()
    return rungs_of(experiment, number)[rung]


def best_of(dice: Sequence[float | None], count: int) -> tuple[int, ...]:
    """Positions of the ``count`` best values, in their order; of equal ones the first."""
    best = sorted((-value, position) for position, value in enumerate(dice) if value is not None)
    return tuple(sorted(position for _, position in best[:count]))


def _mean_dice(runs: list[PlannedRun], epochs: int, place: str, rung: int) -> float | None:
    found = []
    for run in runs:
        status = read_status(RunFolder(run.run_id).status)
        if status is not None and status.state == "failed":
            return None
        value = best_dice(run.run_id, epochs)
        if value is None:
            raise UserError(
                f"{run.run_id}: not trained for {epochs} epochs; run `seggrid trial {place} {run.fold} {run.seed} "
                f"--rung {rung}` first"
            )
        found.append(value)
    return sum(found) / len(found)


def _runs_of(planned: Iterable[PlannedRun], trial: Trial) -> list[PlannedRun]:
    return [run for run in planned if (run.network, run.loss) == (trial.network, trial.loss)]


def _check_passed(experiment: str, number: int, rung: int) -> None:
    passed = len(rungs_of(experiment, number))
    if passed < rung:
        path = SearchFolder(experiment).rung(number, passed)
        raise UserError(f"{path}: no such file; run `seggrid halve {experiment} {number} {passed}` first")
