"""Candidates from numbers that a sampler draws, and back."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from seggrid.config import Experiment, Mixture
from seggrid.config.search import Search
from seggrid.search.space import Candidate, SearchSpace, _divide, _shares

TERMS = ["dual_level_ce", "dice", "boundary"]


def make(space: dict[str, Any], networks: tuple[str, ...] = ("UNet_R18",)) -> SearchSpace:
    raw = {"name": "s", "data": {"source": "phantom"}, "networks": list(networks), "mixtures": ["ce"]}
    return SearchSpace(Experiment.model_validate(raw), Search.model_validate({"space": space}))


@pytest.mark.parametrize("terms", [1, 2, 3, 4])
def test_every_division_has_draws_that_give_it_back(terms: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        counts = rng.multinomial(100, rng.dirichlet(np.full(terms, 0.3))).tolist()
        assert _divide(100, _shares(counts)) == counts


def test_even_draws_are_even_on_the_simplex() -> None:
    rng = np.random.default_rng(0)
    counts = np.array([_divide(100, rng.random(2).tolist()) for _ in range(20_000)])
    assert (counts.sum(axis=1) == 100).all()
    # Each weight of an even draw from a simplex of three has the mean 1/3 and the variance 1/18.
    assert counts.mean(axis=0) / 100 == pytest.approx(1 / 3, abs=0.01)
    assert counts.var(axis=0) / 100**2 == pytest.approx(1 / 18, rel=0.05)


def test_a_candidate_has_exact_weights_and_drops_terms() -> None:
    space = make({"terms": TERMS})
    assert list(space.distributions) == ["share_1", "share_2"]
    values = space.values(Candidate("UNet_R18", Mixture.model_validate("0.07*dual_level_ce + 0.93*boundary"), None))
    assert values is not None
    found = space.candidate(values)
    assert found.mixture.name == "0.07*dual_level_ce + 0.93*boundary"
    assert sum(Decimal(str(term.weight)) for term in found.mixture.terms) == 1
    alone = space.candidate({"share_1": 0.0, "share_2": 1.0})
    assert alone.mixture.name == "dice"


def test_parameters_rate_and_network_are_drawn_and_rounded() -> None:
    space = make(
        {
            "terms": ["dual_level_ce", "dice"],
            "parameters": {"dual_level_ce.gamma1": [0, 2]},
            "learning_rate": [1e-4, 1e-2],
        },
        networks=("UNet_R18", "FPN_R18"),
    )
    values = {"share_1": 0.5, "dual_level_ce.gamma1": 0.5049, "learning_rate": 0.00123456, "network": "FPN_R18"}
    found = space.candidate(values)
    assert found.key == ("FPN_R18", "0.50*dual_level_ce(gamma1=0.5) + 0.50*dice", 0.00123)
    again = space.values(found)
    assert again is not None and space.candidate(again).key == found.key


def test_the_tie_gives_b_from_a() -> None:
    space = make(
        {"terms": ["adaptive_region_specific"], "parameters": {"adaptive_region_specific.a": [0.1, 0.5]}, "tied": True}
    )
    found = space.candidate({"adaptive_region_specific.a": 0.2})
    assert found.mixture.name == "adaptive_region_specific(a=0.2, b=0.6)"
    assert space.candidate(space.values(found) or {}).key == found.key


@pytest.mark.parametrize(
    "mixture",
    ["ce", "0.5*dual_level_ce + 0.5*ce", "0.3*dice + 0.3*boundary", "0.5*dice(squared=true) + 0.5*boundary",
     "linear(0, 1)*dice", "0.005*dice + 0.995*boundary"],
)  # fmt: skip
def test_what_lies_outside_of_the_space_has_no_numbers(mixture: str) -> None:
    assert make({"terms": TERMS}).values(Candidate("UNet_R18", Mixture.model_validate(mixture), None)) is None


def test_another_network_lies_outside() -> None:
    candidate = Candidate("FPN_R18", Mixture.model_validate("dice"), None)
    assert make({"terms": TERMS}).values(candidate) is None


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"terms": []}, "give a list of terms"),
        ({"terms": ["dice"]}, "leaves nothing to search"),
        ({"terms": ["0.5*dice", "ce"]}, "no weights of their own"),
        ({"terms": TERMS, "parameters": {"dual_level_ce.gama1": [0, 1]}}, "did you mean dual_level_ce.gamma1"),
        ({"terms": TERMS, "parameters": {"dual_level_ce.areas": [0, 1]}}, "is no number of a loss"),
        ({"terms": TERMS, "parameters": {"dual_level_ce.gamma1": [0, 9]}}, "lies outside 0 to 4"),
        ({"terms": TERMS, "parameters": {"dual_level_ce.gamma1": [2, 1]}}, "the range 2 to 1 is empty"),
        ({"terms": TERMS, "parameters": {"tversky.weight_fp": [0.1, 1]}}, "the terms must hold tversky once"),
        ({"terms": TERMS, "tied": True}, "tied: search adaptive_region_specific.a"),
        ({"terms": TERMS, "learning_rate": [1, 0.1]}, "learning_rate: 1 to 0.1 is no range"),
        (
            {"terms": ["dual_level_ce(gamma1=2)", "dice"], "parameters": {"dual_level_ce.gamma1": [0, 2]}},
            "the term must not set it",
        ),
    ],
)
def test_a_space_that_cannot_be_is_refused(space: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Search.model_validate({"space": space})


def test_cmaes_takes_one_objective() -> None:
    with pytest.raises(ValidationError, match="cmaes takes one objective"):
        Search.model_validate({"space": {"terms": TERMS}, "sampler": "cmaes", "objective": "pareto"})


def test_all_corners_are_candidates() -> None:
    space = make({"terms": TERMS})
    names = {space.candidate(dict(zip(("share_1", "share_2"), corner, strict=True))).mixture.name
             for corner in itertools.product((0.0, 1.0), repeat=2)}  # fmt: skip
    assert names == {"dual_level_ce", "dice", "boundary"}
