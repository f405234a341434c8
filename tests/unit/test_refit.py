"""The winner trained on all cases; no test trains for real."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from seggrid import refit as module
from seggrid.errors import UserError
from seggrid.paths import ExperimentFolder, RunFolder
from seggrid.records import RunStatus, read_json, write_json
from seggrid.refit import refit, refitted
from seggrid.scoring.grid import read_grid
from seggrid.specification import is_ensemble, read_ensemble, read_plan, read_run
from tests.conftest import Workplace

NAME = "tiny"
WINNER = {"network": "FPN_MobileNetV3s", "loss": "dice"}


@pytest.fixture
def place(make_workplace: Callable[..., Workplace], monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """A planned experiment that is ranked; the second candidate wins."""
    made = make_workplace(mixtures=["ce", "dice"], tracking={"register": "refit"})
    made.seggrid("plan", str(made.experiment))
    monkeypatch.setenv("SEGGRID_RESULTS", str(made.results))
    rank(WINNER)
    return made


def rank(winner: dict[str, str] | None) -> None:
    scores = {"plan": read_grid(NAME).plan_digest, "runs": {"completed": 0}, "validation_winner": winner}
    write_json(ExperimentFolder(NAME).scores, scores)


def end_as(state: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """Let every training end so; return the list of trainings that there will have been, with their devices."""
    trained: list[tuple[str, str | None]] = []

    def supervise(run_id: str, device: str | None) -> RunStatus:
        trained.append((run_id, device))
        reason = None if state == "completed" else "out of memory"
        status = RunStatus.model_validate({"run_id": run_id, "state": state, "reason": reason})
        write_json(RunFolder(run_id).status, status.model_dump(mode="json"))
        return status

    monkeypatch.setattr(module, "supervise", supervise)
    return trained


def test_the_winner_is_trained_on_all_cases(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = end_as("completed", monkeypatch)
    text = refit(NAME, "cpu")
    ((run_id, device),) = trained
    spec = read_run(run_id)
    assert (spec.fold, spec.training.select, spec.mixture.name, device) == ("all", "last", "dice", "cpu")
    assert read_json(ExperimentFolder(NAME).refit) == {"run_id": run_id}
    assert run_id in text
    assert refitted(read_grid(NAME), WINNER).run_id == run_id


def test_a_failed_training_is_an_error_that_names_the_way_on(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    end_as("failed", monkeypatch)
    with pytest.raises(UserError, match=r"out of memory; run `seggrid retry .*`, then `seggrid refit tiny`"):
        refit(NAME)
    assert not ExperimentFolder(NAME).refit.exists()
    with pytest.raises(UserError, match="out of memory"):
        refitted(read_grid(NAME), WINNER)


def test_without_a_winner_nothing_is_trained(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = end_as("completed", monkeypatch)
    rank(None)
    assert "no candidate has all its runs yet" in refit(NAME)
    assert not trained
    assert read_json(ExperimentFolder(NAME).refit) == {"run_id": None}


def test_another_winner_is_another_training(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    end_as("completed", monkeypatch)
    refit(NAME)
    with pytest.raises(UserError, match="the winner is not trained on all cases; run `seggrid refit tiny` first"):
        refitted(read_grid(NAME), {**WINNER, "loss": "ce"})


def test_scores_of_another_plan_choose_no_winner(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = end_as("completed", monkeypatch)
    write_json(ExperimentFolder(NAME).scores, {"plan": "another"})
    with pytest.raises(UserError, match="run `seggrid score tiny` first"):
        refit(NAME)
    assert not trained


def test_it_is_refused_where_it_is_not_asked_for(make_workplace: Callable[..., Workplace]) -> None:
    place = make_workplace()
    place.seggrid("plan", str(place.experiment))
    done = place.seggrid("refit", NAME, check=False)
    assert done.returncode == 2
    assert done.stderr == "seggrid: tiny: tracking.register is fold_ensemble, which trains nothing; refit would\n"


def test_the_members_of_an_ensemble_are_trained_and_joined_with_the_mean_of_their_weights(
    make_workplace: Callable[..., Workplace], preprocessed: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_workplace(mixtures=["ce", "dice"], ensembles=[{"weights": "learned"}], tracking={"register": "refit"})
    place.seggrid("plan", str(place.experiment))
    place.share_data(preprocessed)
    monkeypatch.setenv("SEGGRID_RESULTS", str(place.results))
    winner = {"network": "ensemble", "loss": "learned(all)"}
    rank(winner)
    share = {"0": 0.9, "1": 0.5}  # of ce, in each fold
    for run in (run for run in read_plan(NAME) if is_ensemble(run.run_id)):
        members = read_ensemble(run.run_id).members
        weights = [[share[run.fold] if "-ce-" in member else 1 - share[run.fold]] * 5 for member in members]
        learned = {"members": members, "classes": ["background", *"abcd"], "weights": weights, "steps": 1}
        write_json(RunFolder(run.run_id).weights, learned)
    trained = end_as("completed", monkeypatch)
    refit(NAME, "cpu")
    assert sorted(read_run(run_id).mixture.name for run_id, _ in trained) == ["ce", "dice"]
    assert {read_run(run_id).fold for run_id, _ in trained} == {"all"}
    spec = refitted(read_grid(NAME), winner)
    assert read_json(ExperimentFolder(NAME).refit) == {"run_id": spec.run_id}
    assert set(read_ensemble(spec.run_id).members) == {run_id for run_id, _ in trained}
    found = read_json(RunFolder(spec.run_id).weights)
    of_ce = next(row for member, row in zip(found["members"], found["weights"], strict=True) if "-ce-" in member)
    assert of_ce == pytest.approx([0.7] * 5)
