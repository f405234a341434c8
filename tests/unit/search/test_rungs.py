"""Successive halving: which trials are trained on, what the others cost, and that it can be killed anywhere."""

from __future__ import annotations

import random
from typing import Any

import pytest

from seggrid.errors import UserError
from seggrid.inspection import status_table
from seggrid.paths import RunFolder, SearchFolder
from seggrid.records import read_json, write_text
from seggrid.scoring.stage import score
from seggrid.search.objective import best_dice
from seggrid.search.rounds import Outcome, ask, tell
from seggrid.search.rungs import halve, run_trial
from seggrid.specification import read_plan
from tests.unit.search.conftest import NAME, MakePlan, Trained, finish, finish_baselines

FOLDS = ("0", "1")
HALVING: dict[str, Any] = {
    "search": {"trials": 9, "halving": {"rungs": [2, 4]}},
    "training": {"epochs": 8, "validate_every": 2},
}


def run_round(number: int, shuffle: int | None = None) -> list[Outcome]:
    """Run a round of 9, 3 and 1 trials, the jobs of each rung in any order."""
    ask(NAME, number, [])
    for rung, slots in enumerate((9, 3, 1)):
        jobs = [(slot, fold) for slot in range(slots) for fold in FOLDS]
        for slot, fold in jobs if shuffle is None else random.Random(shuffle).sample(jobs, len(jobs)):
            run_trial(NAME, number, slot, fold, 0, rung)
        if rung < 2:
            halve(NAME, number, rung, [])
    return tell(NAME, number)


def files() -> dict[str, str]:
    folder = SearchFolder(NAME).folder
    return {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.json"))}


def dice_share(loss: str) -> float:
    """Weight of Dice in a mixture's name, e.g. 0.50*ce + 0.50*dice."""
    parts = (part.split("*") for part in loss.split(" + "))
    return next((float(part[0]) if len(part) == 2 else 1.0 for part in parts if part[-1] == "dice"), 0.0)


def test_the_best_are_trained_on(plan: MakePlan, trained: Trained) -> None:
    plan(**HALVING)
    outcomes = run_round(0)
    by_dice = sorted(outcomes, key=lambda outcome: -dice_share(outcome.loss))
    assert by_dice[0].state == "completed" and by_dice[0].overlap is not None
    assert [outcome.epochs for outcome in by_dice[1:]] == [4, 4, *[2] * 6]
    assert {outcome.state for outcome in by_dice[1:]} == {"stopped"}
    assert by_dice[8].dice == pytest.approx(0.3 + 0.5 * dice_share(by_dice[8].loss) - 0.1 / 2)
    assert sorted(trained) == sorted(by_dice[0].runs), "a stopped trial was trained to its end"


def test_a_stopped_trial_is_not_ranked_and_not_missed(plan: MakePlan, trained: Trained) -> None:
    plan(**HALVING)
    finish_baselines()
    outcomes = run_round(0)
    stopped = [run for outcome in outcomes if outcome.state == "stopped" for run in outcome.runs]
    assert len(stopped) == 16
    assert not set(stopped) & {run.run_id for run in read_plan(NAME)}
    assert "2 candidates, 2 folds" in score(NAME)
    assert all(best_dice(run, 2) is not None for run in stopped), "what was trained is kept"


def test_the_order_of_the_jobs_changes_no_byte_and_nothing_runs_twice(plan: MakePlan, trained: Trained) -> None:
    plan(**HALVING)
    run_round(0)
    run_round(1)
    whole, trainings = files(), list(trained)
    folder = SearchFolder(NAME)
    for lost in (folder.tell(1), folder.trial(1, 2), folder.rung(1, 1), folder.run(1, 1, 0, "1", 0)):
        lost.unlink()
    folder.rung(0, 0).unlink()
    for number in range(2):
        run_round(number, shuffle=number)
    assert files() == whole
    assert trained == trainings


def test_the_next_round_learns_from_stopped_trials(plan: MakePlan, trained: Trained) -> None:
    plan(**HALVING)
    run_round(0)
    informed = [trial.values for trial in ask(NAME, 1, []).trials]
    folder = SearchFolder(NAME)
    folder.ask(1).unlink()
    for path in folder.ask(0).parent.glob("trial-*.json"):
        if read_json(path)["state"] == "stopped":
            told = Outcome.model_validate({**read_json(path), "state": "failed", "epochs": None, "dice": None})
            path.write_text(told.model_dump_json())
    assert informed != [trial.values for trial in ask(NAME, 1, []).trials]


def test_a_finished_run_counts_as_at_the_rung(plan: MakePlan) -> None:
    plan(**HALVING)
    folder = RunFolder(read_plan(NAME)[0].run_id)
    rows = ["epoch,loss,val_dice,seconds", "1,0.5,,1", "2,0.5,0.6,1", "3,0.5,,1", "4,0.5,0.5,1"]
    write_text(folder.live_history, "\n".join([*rows, ""]))
    assert best_dice(folder.folder.name, 2) == best_dice(folder.folder.name, 4) == 0.6
    assert best_dice(folder.folder.name, 5) is None, "not trained as far"
    write_text(folder.history, "\n".join([*rows, "6,0.5,0.9,1", ""]))
    assert best_dice(folder.folder.name, 4) == 0.6
    assert best_dice(folder.folder.name, 8) == 0.9


def test_a_failed_trial_makes_room(plan: MakePlan, trained: Trained) -> None:
    plan(**HALVING)
    asked = ask(NAME, 0, [])
    best = max(asked.trials, key=lambda trial: dice_share(trial.loss))
    lost = next(run for run in read_plan(NAME) if run.loss == best.loss)
    finish(lost.run_id, "failed")
    outcomes = {outcome.loss: outcome for outcome in run_round(0)}
    assert outcomes[best.loss].state == "failed"
    assert outcomes[best.loss].reason == "the loss became nan in epoch 2"
    assert [outcome.state for outcome in outcomes.values()].count("completed") == 1


def test_what_says_that_a_lost_run_is_trained_is_withdrawn(plan: MakePlan, trained: Trained) -> None:
    plan(**HALVING)
    ask(NAME, 0, [])
    for slot in range(9):
        for fold in FOLDS:
            run_trial(NAME, 0, slot, fold, 0)
    folder = SearchFolder(NAME)
    places = [folder.run(0, 0, slot, "1", 0) for slot in (2, 5)]
    for place in places:
        RunFolder(read_json(place)["run_id"]).live_history.unlink()
    with pytest.raises(UserError, match=rf"run `seggrid trial {NAME} 0 2 1 0 --rung 0` first, or the same Snakemake"):
        halve(NAME, 0, 0, [])
    assert {path for slot in range(9) for path in [folder.run(0, 0, slot, "1", 0)] if not path.is_file()} == set(places)
    for slot in (2, 5):
        run_trial(NAME, 0, slot, "1", 0)
    assert len(halve(NAME, 0, 0, []).kept) == 3


def test_stopped_runs_are_counted_apart(plan: MakePlan, trained: Trained) -> None:
    plan(**HALVING)
    run_round(0)
    lines = [line.split() for line in status_table(NAME).splitlines()]
    assert ["stopped", "16"] in lines and ["planned", "2"] in lines, "the baseline is planned"


def test_all_failed_leaves_the_slots_empty(plan: MakePlan, trained: Trained) -> None:
    plan(**HALVING)
    ask(NAME, 0, [])
    for run in read_plan(NAME):
        finish(run.run_id, "failed")
    assert {outcome.state for outcome in run_round(0)} == {"failed"}
    assert read_json(SearchFolder(NAME).run(0, 2, 0, "0", 0)) == {"run_id": None}


def test_steps_out_of_turn_name_what_to_run(plan: MakePlan, trained: Trained) -> None:
    plan(**HALVING)
    ask(NAME, 0, [])
    with pytest.raises(
        UserError, match=rf"not trained for 2 epochs; run `seggrid trial {NAME} 0 0 0 0 --rung 0` first"
    ):
        halve(NAME, 0, 0, [])
    with pytest.raises(UserError, match=rf"rung-0.json: no such file; run `seggrid halve {NAME} 0 0` first"):
        run_trial(NAME, 0, 0, "0", 0, rung=1)
    with pytest.raises(UserError, match=rf"rung-0.json: no such file; run `seggrid halve {NAME} 0 0` first"):
        tell(NAME, 0)
    with pytest.raises(UserError, match=r"search.halving has no rung 2"):
        halve(NAME, 0, 2, [])


@pytest.mark.parametrize(
    ("search", "training", "sentence"),
    [
        ({"halving": {"rungs": [4, 2]}}, {}, "must rise"),
        ({"halving": {"rungs": [8]}}, {"epochs": 8}, "must be less than training.epochs"),
        ({"halving": {"rungs": [3]}}, {"epochs": 8, "validate_every": 2}, "multiple of training.validate_every"),
        ({"halving": {"rungs": [2]}, "sampler": "gp"}, {"epochs": 8}, "only tpe and random"),
        ({"halving": {"rungs": [2]}, "objective": "pareto"}, {"epochs": 8}, "only with the objective absolute"),
    ],
)
def test_a_halving_that_makes_no_sense_is_refused(
    plan: MakePlan, search: dict[str, Any], training: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        plan(search=search, training=training)
