"""A warm start knows what was trained and measured as the trials are, whatever it is called, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seggrid.catalogue import LOSSES
from seggrid.errors import UserError
from seggrid.search.rounds import ask, read_search
from seggrid.search.rungs import run_trial
from seggrid.search.space import SearchSpace
from seggrid.search.study import Known
from seggrid.search.warm_start import warm_start
from tests.unit.search.conftest import METRICS, NAME, MakePlan, Trained, finish_baselines

LOSSES_OF_GRID = ("ce", "dice", "0.50*ce + 0.50*dice")
FIRST = {"name": "A", "architecture": "Unet", "encoder": "resnet18"}
SECOND = {"name": "B", "architecture": "Unet", "encoder": "resnet34"}
SWAPPED = [{**FIRST, "name": "B"}, {**SECOND, "name": "A"}]


def finished(plan: MakePlan, name: str = "grid", **sections: Any) -> None:
    plan(name, LOSSES_OF_GRID, search=False, **sections)
    finish_baselines(LOSSES_OF_GRID, name)


def known(plan: MakePlan, search: dict[str, Any] | None = None, **sections: Any) -> list[Known]:
    plan(search={"warm_start": ["grid"], **(search or {})}, **sections)
    settled, section = read_search(NAME)
    return warm_start(settled, section, SearchSpace(settled, section))


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"source": "phantom", "knee": {"subjects": 12}}},
        {"preprocessing": ["clahe"]},
        {"evaluation": {"metrics": METRICS, "postprocessing": [["largest_component"]]}},
        {"folds": [0]},
        {"seeds": [1]},
        {"training": {"optimiser": {"learning_rate": 0.01}}},
        {"scoring": {"overlap": {"mean": ["dice"]}}},
    ],
)
def test_values_that_do_not_compare_are_refused(plan: MakePlan, trained: Trained, other: dict[str, Any]) -> None:
    finished(plan, **other)
    with pytest.raises(UserError, match=r"search\.warm_start: grid has other data, .*; take it out"):
        known(plan)


@pytest.mark.parametrize("version", ["DATA_VERSION", "INFERENCE_VERSION", "TRAINING_VERSION"])
def test_values_of_another_version_are_refused(
    plan: MakePlan, trained: Trained, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(f"seggrid.identities.{version}", 99)
        finished(plan)
    with pytest.raises(UserError, match=r"search\.warm_start: grid has other data"):
        known(plan)


def test_a_wider_interval_of_the_bootstrap_changes_no_value(plan: MakePlan, trained: Trained) -> None:
    finished(plan, scoring={"bootstrap": 500})
    assert len(known(plan)) == 3


def test_the_learning_rate_may_differ_where_it_is_searched(plan: MakePlan, trained: Trained) -> None:
    finished(plan, training={"optimiser": {"learning_rate": 0.002}})
    space = {"terms": ["ce", "dice", "boundary"], "learning_rate": [0.001, 0.01]}
    assert {draw.values["learning_rate"] for draw in known(plan, {"space": space})} == {0.002}


def test_networks_are_known_by_what_they_are(plan: MakePlan, trained: Trained) -> None:
    finished(plan, networks=[FIRST])
    assert {draw.values["network"] for draw in known(plan, networks=SWAPPED)} == {"B"}
    assert known(plan, networks=[{**SECOND, "name": "A"}]) == [], "another network of the same name"


def test_runs_of_an_earlier_version_of_a_loss_are_not_known(
    plan: MakePlan, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(plan)
    monkeypatch.setitem(LOSSES, "dice", replace(LOSSES["dice"], version=99))
    assert len(known(plan)) == 1, "only ce"


def test_the_trials_of_another_search_are_known(plan: MakePlan, trained: Trained) -> None:
    plan("grid")
    ask("grid", 0, [])
    for trial in range(3):
        for fold in ("0", "1"):
            run_trial("grid", 0, trial, fold, 0)
    assert len(known(plan)) == 3
