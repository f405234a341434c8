"""The history of a search as the report shows it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from seggrid.report.gallery import notable
from seggrid.report.results import read_results
from seggrid.report.sections import search as section
from seggrid.scoring.stage import score
from seggrid.search.history import importances, search_history
from tests.unit.search import test_rungs
from tests.unit.search.conftest import NAME, MakePlan, Trained, finish_baselines
from tests.unit.search.test_rounds import run_round


def test_the_history_holds_what_was_told(plan: MakePlan, trained: Trained) -> None:
    plan()
    outcomes = [*run_round(0), *run_round(1)]
    found = search_history(NAME)
    assert found["loss"].tolist() == [outcome.loss for outcome in outcomes]
    assert found["round"].tolist() == [0, 0, 0, 1, 1, 1]
    scores = [outcome.score for outcome in outcomes]
    assert found["score"].tolist() == scores
    assert found["best"].tolist() == np.maximum.accumulate(scores).tolist()
    weights = found[[f"weight of {loss}" for loss in ("ce", "dice", "boundary")]]
    assert weights.sum(axis=1).to_numpy() == pytest.approx(np.ones(6))
    # O and D rise and fall together here, so one trial dominates all others.
    assert found.index[found["front"]].tolist() == [int(np.argmax(scores))]


def test_stopped_trials_have_no_score(plan: MakePlan, trained: Trained) -> None:
    plan(**test_rungs.HALVING)
    test_rungs.run_round(0)
    found = search_history(NAME)
    stopped = found[found["state"] == "stopped"]
    assert len(stopped) > 0
    assert stopped["score"].isna().all()
    assert not stopped["front"].any()
    assert stopped["epochs"].notna().all()


def test_the_variable_that_matters_is_found(plan: MakePlan, trained: Trained) -> None:
    plan(search={"rounds": 1, "trials": 16, "space": {"terms": ["ce", "dice", "boundary"]}})
    assert importances(search_history(NAME)) == {}
    run_round(0, [(trial, fold) for trial in range(16) for fold in ("0", "1")])
    found = importances(search_history(NAME))
    assert sum(found.values()) == pytest.approx(1)
    # The made-up Dice depends on the weight of the Dice loss alone.
    assert max(found, key=lambda name: found[name]) == "weight of dice"


def test_the_section_shows_the_search(plan: MakePlan, trained: Trained) -> None:
    plan()
    finish_baselines()
    score(NAME)
    before = section.build(read_results(NAME))
    assert before is not None
    assert before.figures == ()
    run_round(0)
    score(NAME)
    built = section.build(read_results(NAME))
    assert built is not None
    assert [figure.name for figure in built.figures] == ["search-history", "search-front"]
    assert built.values["counts"] == {"completed": 3}


def test_networks_of_a_search_need_no_mixture_in_common(plan: MakePlan, trained: Trained) -> None:
    plan(mixtures=(), networks=["UNet_R18", "FPN_R18"], search={"rounds": 1, "trials": 6})
    run_round(0, [(trial, fold) for trial in range(6) for fold in ("0", "1")])
    score(NAME)
    results = read_results(NAME)
    # Whichever network wins, also where the first mixture was drawn for another.
    for network in ("UNet_R18", "FPN_R18"):
        first = results.ranked["network"] != network
        found = notable(dataclasses.replace(results, ranking=results.ranked.iloc[first.argsort(kind="stable")]))
        winner, *_ = found
        assert (winner.network, found[winner][0]) == (network, "winner on test")


def test_a_grid_has_no_search_section(plan: MakePlan) -> None:
    plan(search=False)
    finish_baselines()
    score(NAME)
    assert section.build(read_results(NAME)) is None
