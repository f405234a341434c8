"""The jobs of a search: train and measure one run of a trial, and stop the trials that are not among the best."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seggrid.errors import UserError
from seggrid.inference.evaluate import evaluate
from seggrid.paths import RunFolder, SearchFolder
from seggrid.plan import make_plan
from seggrid.records import read_status, write_json
from seggrid.search.objective import best_dice
from seggrid.search.place import check_rung, check_slot
from seggrid.search.rounds import read_asked, read_search, runs_of
from seggrid.specification import PlannedRun, read_plan
from seggrid.training.supervise import supervise, supervise_until
from seggrid.trials import Rung, rungs_of, trained_on


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
        UserError: the search has no place for such a run, the round was not asked for, or the rung before this one is
            not passed.
        LostError: the training was killed from outside; what it had is kept.
    """
    settled, search = read_search(experiment)
    asked = read_asked(settled, search, number)
    check_slot(settled, search, rung, slot, fold, seed)
    _check_passed(experiment, number, rung)
    path = SearchFolder(experiment).run(number, rung, slot, fold, seed)
    trials = trained_on(experiment, asked, rung)
    if slot >= len(trials):
        write_json(path, {"run_id": None})
        return ""
    runs = runs_of(read_plan(experiment, with_stopped=True), trials[slot][1])
    (run,) = (run for run in runs if (run.fold, run.seed) == (fold, seed))
    if rung < len(search.milestones):
        supervise_until(run.run_id, search.milestones[rung], device)
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
    settled, search = read_search(experiment)
    asked = read_asked(settled, search, number)
    check_rung(settled, search, rung)
    _check_passed(experiment, number, rung)
    if rung == len(rungs_of(experiment, number)):
        epochs = search.milestones[rung]
        planned = read_plan(experiment, with_stopped=True)
        places = [(position, runs_of(planned, trial)) for position, trial in trained_on(experiment, asked)]
        _refuse_lost(experiment, number, rung, epochs, [runs for _, runs in places])
        dice: list[float | None] = [None] * len(asked.trials)
        for position, runs in places:
            dice[position] = _mean_dice(runs, epochs)
        passed = Rung(epochs=epochs, dice=tuple(dice), kept=best_of(dice, search.slots()[rung + 1]))
        folder = SearchFolder(experiment)
        for later in range(rung + 1, len(search.milestones)):
            folder.rung(number, later).unlink(missing_ok=True)  # it was chosen behind a file that is lost
        write_json(folder.rung(number, rung), passed.model_dump(mode="json"))
    make_plan(settled, experiment_folders).write()
    return rungs_of(experiment, number)[rung]


def best_of(dice: Sequence[float | None], count: int) -> tuple[int, ...]:
    """Positions of the ``count`` best values, in their order; of equal ones the first."""
    best = sorted((-value, position) for position, value in enumerate(dice) if value is not None)
    return tuple(sorted(position for _, position in best[:count]))


def _refuse_lost(experiment: str, number: int, rung: int, epochs: int, slots: list[list[PlannedRun]]) -> None:
    """Refuse runs that are not trained as far; what says otherwise is withdrawn, so that Snakemake trains them again.

    Raises:
        UserError: names the first.
    """
    lost = [
        (slot, run)
        for slot, runs in enumerate(slots)
        for run in runs
        if not RunFolder(run.run_id).status.is_file() and best_dice(run.run_id, epochs) is None
    ]
    for slot, run in lost:
        SearchFolder(experiment).run(number, rung, slot, run.fold, run.seed).unlink(missing_ok=True)
    for slot, run in lost:
        place = f"{experiment} {number} {slot} {run.fold} {run.seed}"
        raise UserError(
            f"{run.run_id}: not trained for {epochs} epochs; run `seggrid trial {place} --rung {rung}` first, or the "
            "same Snakemake again"
        )


def _mean_dice(runs: list[PlannedRun], epochs: int) -> float | None:
    """The mean of the runs' best validation Dice so far; ``None`` where one has failed or was not validated."""
    ends = (read_status(RunFolder(run.run_id)) for run in runs)
    if any(status is not None and status.state == "failed" for status in ends):
        return None
    found = [value for run in runs if (value := best_dice(run.run_id, epochs)) is not None]
    return sum(found) / len(found) if len(found) == len(runs) else None


def _check_passed(experiment: str, number: int, rung: int) -> None:
    passed = len(rungs_of(experiment, number))
    if passed < rung:
        path = SearchFolder(experiment).rung(number, passed)
        raise UserError(f"{path}: no such file; run `seggrid halve {experiment} {number} {passed}` first")
