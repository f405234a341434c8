"""A copy of a search that Optuna's own tools can open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from seggrid.errors import UserError
from seggrid.search.export import export_study
from seggrid.search.rounds import Outcome
from tests.unit.search import test_rungs
from tests.unit.search.conftest import NAME, MakePlan, Trained
from tests.unit.search.test_rounds import run_round
from tests.unit.tracking.postgresql import cluster, programs


def opened(place: str) -> BaseStorage:
    return RDBStorage(place) if "://" in place else JournalStorage(JournalFileBackend(place))


def check(study: optuna.Study, outcomes: list[Outcome]) -> None:
    """The trials are those that were told, in their order."""
    assert [trial.user_attrs["loss"] for trial in study.trials] == [outcome.loss for outcome in outcomes]
    assert [trial.user_attrs["runs"] for trial in study.trials] == [list(outcome.runs) for outcome in outcomes]
    for trial, outcome in zip(study.trials, outcomes, strict=True):
        weights = [value for key, value in trial.user_attrs.items() if key.startswith("weight:")]
        assert sum(weights) == pytest.approx(1)
        assert trial.values == (None if outcome.score is None else [outcome.score])


@pytest.mark.parametrize("place", ["study.log", "sqlite:///study.db"])
def test_a_study_holds_what_was_told_and_is_replaced(plan: MakePlan, trained: Trained, place: str) -> None:
    plan()
    outcomes = run_round(0)
    assert export_study(NAME, place) == 3
    outcomes += run_round(1)
    assert export_study(NAME, place) == 6
    study = optuna.load_study(study_name=NAME, storage=opened(place))
    check(study, outcomes)
    assert study.best_value == max(outcome.score for outcome in outcomes if outcome.score is not None)


@pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed (Debian: postgresql)")
def test_a_study_in_postgresql(plan: MakePlan, trained: Trained) -> None:
    plan()
    outcomes = run_round(0)
    with cluster() as address:
        for _ in range(2):
            assert export_study(NAME, address) == 3
        check(optuna.load_study(study_name=NAME, storage=address), outcomes)


def test_stopped_trials_are_pruned(plan: MakePlan, trained: Trained) -> None:
    plan(**test_rungs.HALVING)
    outcomes = test_rungs.run_round(0)
    export_study(NAME, "study.log")
    study = optuna.load_study(study_name=NAME, storage=opened("study.log"))
    check(study, outcomes)
    assert [trial.state.name for trial in study.trials].count("PRUNED") == 8
    reached = {trial.user_attrs["loss"]: trial.intermediate_values for trial in study.trials}
    assert all(reached[o.loss] == {o.epochs: o.dice} for o in outcomes if o.state == "stopped")


def test_two_objectives_have_a_front(plan: MakePlan, trained: Trained) -> None:
    plan(search={"objective": "pareto"})
    outcomes = run_round(0)
    export_study(NAME, "study.log")
    study = optuna.load_study(study_name=NAME, storage=opened("study.log"))
    assert [trial.values for trial in study.trials] == [[o.overlap, o.distance] for o in outcomes]
    assert study.best_trials


def test_a_study_of_someone_else_is_left_alone(plan: MakePlan, trained: Trained) -> None:
    plan()
    run_round(0)
    optuna.create_study(study_name=NAME, storage=opened("sqlite:///study.db"))
    with pytest.raises(UserError, match="holds a study s that is no copy of a search"):
        export_study(NAME, "sqlite:///study.db")


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("nowhere/study.log", r"nowhere/study\.log: cannot be written to \(.*No such file"),
        ("sqlite:////nowhere/study.db", r"cannot be written to \(unable to open database file\)"),
        ("postgresql://127.0.0.1:1/none?password=secret", r"postgresql://127.0.0.1:1/none: cannot be written to"),
        ("postgresql://me:secret@127.0.0.1:1/none", r"postgresql://me:\*\*\*@127.0.0.1:1/none: cannot be written to"),
        ("nothing://", "cannot be"),
        ("://", "the address of the database cannot be read"),
    ],
)
def test_a_storage_that_cannot_be_written_to(
    plan: MakePlan, trained: Trained, place: str, sentence: str, capfd: Any
) -> None:
    plan()
    run_round(0)
    with pytest.raises(UserError, match=sentence) as error:
        export_study(NAME, place)
    assert "secret" not in str(error.value) + "".join(capfd.readouterr())


def test_the_plan_is_not_touched(plan: MakePlan, trained: Trained, tmp_path: Path) -> None:
    plan()
    run_round(0)
    before = {path: path.read_bytes() for path in (tmp_path / "results").rglob("*") if path.is_file()}
    export_study(NAME, "study.log")
    assert {path: path.read_bytes() for path in (tmp_path / "results").rglob("*") if path.is_file()} == before
