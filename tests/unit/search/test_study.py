"""Rounds of a search: the same for the same seed, without repetition, and better than chance."""

from __future__ import annotations

from typing import Any

import pytest

from seggrid.config import Experiment
from seggrid.config.search import Search
from seggrid.search.space import Candidate, SearchSpace
from seggrid.search.study import Draw, Known, draw_round

SAMPLERS = ["tpe", "gp", "nsga2", "cmaes", "random"]
SPACE = {"terms": ["ce", "dice", "boundary"], "learning_rate": [1e-4, 1e-2]}


def make(**settings: Any) -> tuple[SearchSpace, Search]:
    search = Search.model_validate({"space": SPACE, "trials": 6, **settings})
    raw = {"name": "s", "data": {"source": "phantom"}, "networks": ["UNet_R18"], "mixtures": ["ce"]}
    return SearchSpace(Experiment.model_validate(raw), search), search


def quality(candidate: Candidate) -> float:
    """Best at 0.2*ce + 0.7*dice + 0.1*boundary."""
    weights = {term.loss: float(term.weight) for term in candidate.mixture.terms}
    best = {"ce": 0.2, "dice": 0.7, "boundary": 0.1}
    return 1 - sum((weights.get(name, 0) - share) ** 2 for name, share in best.items())


def known(search: Search, draws: list[Draw]) -> list[Known]:
    found = []
    for draw in draws:
        value = quality(draw.candidate)
        objectives = (value,) if search.objective == "absolute" else (value, 2 - value)
        found.append(Known(draw.values, draw.attributes, objectives))
    return found


def run(**settings: Any) -> list[list[Draw]]:
    space, search = make(**settings)
    told: list[Known] = []
    rounds = []
    for number in range(search.rounds):
        rounds.append(draw_round(space, search, number, told))
        told += known(search, rounds[-1])
    return rounds


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_gives_the_same_table(sampler: str) -> None:
    first, second, other = (run(sampler=sampler, rounds=3, seed=seed) for seed in (0, 0, 1))
    assert first == second
    assert first != other


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_candidate_twice_in_a_round(sampler: str) -> None:
    for draws in run(sampler=sampler, rounds=3, trials=12):
        assert len({draw.candidate.key for draw in draws}) == len(draws) == 12


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_candidate_whose_end_is_known(sampler: str) -> None:
    space = {"terms": ["ce", "dice"], "step": 0.05}
    names = [[draw.candidate.mixture.name for draw in draws] for draws in run(sampler=sampler, rounds=6, space=space)]
    assert [len(found) for found in names] == [6, 6, 6, 3, 0, 0], "there are 21 of them"
    assert len(set().union(*names)) == 21


def test_a_stopped_candidate_may_come_again() -> None:
    space, search = make(space={"terms": ["ce", "dice"], "step": 0.5}, trials=3, halving={"rungs": [1]})
    first = draw_round(space, search, 0, [])
    known = [Known(draw.values, draw.attributes, None, stopped=(1, 0.5)) for draw in first[:2]]
    known.append(Known(first[2].values, first[2].attributes, (0.7,)))
    again = {draw.candidate.key for draw in draw_round(space, search, 1, known)}
    assert again == {draw.candidate.key for draw in first[:2]}


@pytest.mark.parametrize("sampler", ["tpe", "gp", "nsga2"])
def test_two_objectives(sampler: str) -> None:
    assert [len(draws) for draws in run(sampler=sampler, rounds=2, objective="pareto")] == [6, 6]


def test_a_small_space_gives_all_it_has() -> None:
    space = {"terms": ["dual_level_ce"], "parameters": {"dual_level_ce.gamma1": [0, 0.000002]}}
    (draws,) = run(space=space, rounds=1, trials=8)
    assert {draw.candidate.mixture.name for draw in draws} == {
        "dual_level_ce(gamma1=0)", "dual_level_ce(gamma1=1e-06)", "dual_level_ce(gamma1=2e-06)"
    }  # fmt: skip


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes", "nsga2"])
def test_it_learns(sampler: str) -> None:
    rounds = run(sampler=sampler, rounds=8, trials=8)
    means = [sum(quality(draw.candidate) for draw in draws) / len(draws) for draws in rounds]
    assert sum(means[-2:]) / 2 > means[0] + 0.05


def test_a_failed_trial_teaches_nothing_and_stops_nothing() -> None:
    space, search = make(sampler="tpe")
    first = draw_round(space, search, 0, [])
    told = [Known(draw.values, draw.attributes, None) for draw in first]
    assert len(draw_round(space, search, 1, told)) == 6
