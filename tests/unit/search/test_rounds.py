"""Ask, trial and tell: files only, the same whatever order the jobs end in, and continued after any kill."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from seggrid.errors import UserError
from seggrid.paths import RunFolder, SearchFolder
from seggrid.records import read_json
from seggrid.scoring.stage import score
from seggrid.search.history import search_history
from seggrid.search.rounds import Outcome, ask, tell
from seggrid.search.rungs import run_trial
from seggrid.specification import read_plan
from seggrid.training.supervise import retry
from tests.unit.search.conftest import NAME, MakePlan, Trained, finish, finish_baselines, measure

SLOTS = [(trial, fold) for trial in range(3) for fold in ("0", "1")]


def run_round(number: int, order: list[tuple[int, str]] = SLOTS) -> list[Outcome]:
    ask(NAME, number, [])
    for trial, fold in order:
        run_trial(NAME, number, trial, fold, 0)
    return tell(NAME, number)


def files() -> dict[str, str]:
    folder = SearchFolder(NAME).folder
    return {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.json"))}


def test_a_search_from_end_to_end(plan: MakePlan, trained: Trained) -> None:
    plan()
    finish_baselines()
    outcomes = [outcome for number in range(2) for outcome in run_round(number)]
    assert len(trained) == len(set(trained)) == 12
    assert {outcome.state for outcome in outcomes} == {"completed"}
    assert len(read_plan(NAME)) == 2 * (1 + 6)
    assert "7 candidates, 2 folds" in score(NAME)


def test_values_are_the_means_on_validation(plan: MakePlan, trained: Trained) -> None:
    plan()
    first = run_round(0)
    for outcome in first:
        for run_id in outcome.runs:
            (eval_folder,) = RunFolder(run_id).folder.glob("eval-*")
            measure(run_id, eval_folder.name.removeprefix("eval-"), test=0.9)
    assert tell(NAME, 0) == first
    weight = {o.loss: o.overlap for o in first}
    for loss, overlap in weight.items():
        share = next((float(part.split("*")[0]) for part in loss.split(" + ") if part.endswith("*dice")), 0.0)
        assert overlap == pytest.approx(0.4 + 0.5 * share, abs=0.011)


def test_the_order_of_the_jobs_changes_no_byte(plan: MakePlan, trained: Trained, tmp_path: Path) -> None:
    found = []
    for seed in range(2):
        plan()
        for number in range(2):
            order = random.Random(seed).sample(SLOTS, len(SLOTS))
            run_round(number, order)
        found.append(files())
        (tmp_path / "results").rename(tmp_path / f"results-{seed}")
    assert found[0] == found[1]


def test_a_round_that_was_asked_for_stays(plan: MakePlan, trained: Trained) -> None:
    plan()
    first = ask(NAME, 0, [])
    run_trial(NAME, 0, 1, "0", 0)
    assert ask(NAME, 0, []) == first
    assert run_round(0) == tell(NAME, 0)
    before = files()
    plan()
    assert ask(NAME, 0, []) == first
    assert files() == before


def test_a_killed_search_goes_on(plan: MakePlan, trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    plan()
    run_round(0)
    run_round(1)
    whole = files()
    folder = SearchFolder(NAME)
    for lost in (folder.tell(1), folder.trial(1, 2), folder.run(1, 0, 0, "1", 0), folder.tell(0), folder.ask(1)):
        lost.unlink()
    for number in range(2):
        run_round(number)
    assert files() == whole
    assert len(trained) == 12, "a run was trained twice"


def test_a_run_that_exists_gives_its_value(plan: MakePlan, trained: Trained) -> None:
    plan()
    asked = ask(NAME, 0, [])
    runs = [run for run in read_plan(NAME) if run.loss == asked.trials[0].loss]
    for run in runs:
        finish(run.run_id)
        measure(run.run_id, run.eval_id)
    run_round(0)
    assert not {run.run_id for run in runs} & set(trained)


def test_a_failed_trial_is_told_as_failed(plan: MakePlan, trained: Trained) -> None:
    plan()
    asked = ask(NAME, 0, [])
    lost = next(run for run in read_plan(NAME) if run.loss == asked.trials[1].loss)
    finish(lost.run_id, "failed")
    outcomes = run_round(0)
    assert [outcome.state for outcome in outcomes] == ["completed", "failed", "completed"]
    assert outcomes[1].reason == "the loss became nan in epoch 2"
    assert [outcome.state for outcome in run_round(1)] == ["completed"] * 3


def test_a_trial_that_was_trained_again_is_told_as_it_is_now(plan: MakePlan, trained: Trained) -> None:
    plan(search={"rounds": 3})
    asked = ask(NAME, 0, [])
    lost = next(run for run in read_plan(NAME) if run.loss == asked.trials[1].loss)
    finish(lost.run_id, "failed")
    run_round(0)
    run_round(1)
    later = SearchFolder(NAME).ask(1).read_text()
    uninformed = ask(NAME, 2, []).trials
    SearchFolder(NAME).ask(2).unlink()
    assert retry(lost.run_id, from_start=False)
    finish(lost.run_id)
    measure(lost.run_id, lost.eval_id)
    assert {outcome.state for outcome in tell(NAME, 0)} == {"completed"}
    plan(search={"rounds": 3})
    assert ask(NAME, 1, []) and SearchFolder(NAME).ask(1).read_text() == later
    assert list(search_history(NAME)["state"]) == ["completed"] * 6
    assert ask(NAME, 2, []).trials != uninformed, "what is still to be asked learns it"


def test_two_objectives_and_the_learning_rate(plan: MakePlan, trained: Trained) -> None:
    space = {"terms": ["ce", "dice"], "learning_rate": [1e-4, 1e-2]}
    plan(search={"objective": "pareto", "space": space})
    outcomes = run_round(0) + run_round(1)
    assert all(outcome.loss.startswith("lr 0.0") for outcome in outcomes)
    rates = {read_json(RunFolder(o.runs[0]).spec)["training"]["optimiser"]["learning_rate"] for o in outcomes}
    assert len(rates) == 6


def test_a_warm_start_knows_the_candidates_of_a_grid(plan: MakePlan, trained: Trained) -> None:
    grid = ("ce", "dice", "0.50*ce + 0.50*dice", "0.25*dice + 0.75*boundary", "focal")
    plan("grid", grid, search=False)
    finish_baselines(grid, "grid")
    plan()
    cold = ask(NAME, 0, [])
    SearchFolder(NAME).ask(0).unlink()
    plan(search={"warm_start": ["grid"]})
    warm = ask(NAME, 0, [])
    assert [trial.values for trial in cold.trials] != [trial.values for trial in warm.trials]


def test_a_warm_start_from_another_setting_is_refused(plan: MakePlan, trained: Trained) -> None:
    plan("grid", ("ce", "dice"), search=False, training={"epochs": 7})
    finish_baselines(("ce", "dice"), "grid")
    plan(search={"warm_start": ["grid"]})
    with pytest.raises(UserError, match=r"search\.warm_start: grid has other data, folds, seeds, training"):
        ask(NAME, 0, [])


def test_steps_out_of_turn_name_what_to_run(plan: MakePlan, trained: Trained) -> None:
    plan()
    for step, wanted in (
        (lambda: ask(NAME, 1, []), "seggrid ask s 0"),
        (lambda: tell(NAME, 0), "seggrid ask s 0"),
        (lambda: run_trial(NAME, 0, 0, "0", 0), "seggrid ask s 0"),
    ):
        with pytest.raises(UserError, match=wanted):
            step()
    ask(NAME, 0, [])
    with pytest.raises(UserError, match=r"run `seggrid trial s 0 0 0 0` first"):
        tell(NAME, 0)
    with pytest.raises(UserError, match=r"run `seggrid tell s 0` first"):
        ask(NAME, 1, [])


def test_an_experiment_without_a_search_says_so(plan: MakePlan) -> None:
    plan("grid", ("ce", "dice"), search=False)
    with pytest.raises(UserError, match="has no section search"):
        ask("grid", 0, [])


def test_a_changed_search_is_refused_and_more_rounds_are_not(plan: MakePlan, trained: Trained) -> None:
    plan()
    run_round(0)
    plan(search={"rounds": 5})
    with pytest.raises(UserError, match="holds rounds of this search as it was before"):
        plan(search={"seed": 1})
    with pytest.raises(UserError, match="holds rounds of this search as it was before"):
        plan(training={"epochs": 3})


def test_slots_beyond_the_space_are_empty(plan: MakePlan, trained: Trained) -> None:
    space = {"terms": ["dual_level_ce"], "parameters": {"dual_level_ce.gamma1": [0, 0.000001]}}
    plan(search={"space": space, "rounds": 1})
    assert [outcome.state for outcome in run_round(0)] == ["completed"] * 2
    assert json.loads(SearchFolder(NAME).run(0, 0, 2, "0", 0).read_text()) == {"run_id": None}


def test_without_baselines_the_first_trial_is_compared_with(plan: MakePlan, trained: Trained) -> None:
    plan(mixtures=())
    run_round(0)
    assert "3 candidates" in score(NAME)
