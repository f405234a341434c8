"""Expressions and mappings become one object with one name."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from seggrid.catalogue import LOSSES, Parameter
from seggrid.config.mixture import Mixture, Term
from seggrid.config.schedule import WeightSchedule, format_weight
from seggrid.config.simplex import expand
from tests.unit.config.test_schedule import schedules

weights = st.integers(1, 1_000_000_000).map(lambda millionths: Decimal(millionths) / 1_000_000)


def values(parameter: Parameter) -> st.SearchStrategy[Any]:
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    if isinstance(parameter.default, bool):
        return st.booleans()
    low, high = max(parameter.minimum, -1e6), min(parameter.maximum, 1e6)
    if isinstance(parameter.default, int):
        return st.integers(math.ceil(low), math.floor(high))
    return st.floats(low, high, allow_nan=False)


@st.composite
def terms(draw: st.DrawFn) -> Term:
    loss = draw(st.sampled_from(list(LOSSES)))
    known = LOSSES[loss].parameters
    chosen = draw(st.sets(st.sampled_from(list(known)))) if known else set()
    parameters = {name: draw(values(known[name])) for name in sorted(chosen)}
    for name in chosen:
        other, needed = known[name].only_with or ("", "")
        if other and parameters.get(other, known[other].default) != needed:
            del parameters[name]
    return Term(loss=loss, weight=draw(weights | schedules), parameters=parameters)


mixtures = st.lists(terms(), min_size=1, max_size=4, unique_by=lambda term: term.name).map(
    lambda drawn: Mixture(terms=tuple(drawn))
)


@given(mixtures)
def test_the_name_is_an_expression_for_the_same_mixture(mixture: Mixture) -> None:
    again = Mixture.model_validate(mixture.name)
    assert again == mixture
    assert again.name == mixture.name
    assert again.identity() == mixture.identity()


@given(mixtures, st.randoms(use_true_random=False))
def test_the_order_of_terms_does_not_matter(mixture: Mixture, random: Any) -> None:
    shuffled = list(mixture.terms)
    random.shuffle(shuffled)
    assert Mixture(terms=tuple(shuffled)) == mixture


@given(mixtures)
def test_a_mapping_gives_the_same_object_as_an_expression(mixture: Mixture) -> None:
    assert Mixture.model_validate(mixture.model_dump(mode="json")) == Mixture.model_validate(mixture.name)


@given(weights)
def test_weights_keep_six_decimals_and_show_two(weight: Decimal) -> None:
    text = format_weight(weight)
    assert Decimal(text) == weight
    assert 2 <= len(text.partition(".")[2]) <= 6


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dice", "dice"),
        ("1*dice", "dice"),
        ("1.000000 * dice", "dice"),
        ("0.5*dice", "0.50*dice"),
        (".25*boundary+0.5*dual_level_ce + 25e-2*dice", "0.50*dual_level_ce + 0.25*dice + 0.25*boundary"),
        ("dice+2*boundary", "1.00*dice + 2.00*boundary"),
        ("1*dice+1*ce", "1.00*ce + 1.00*dice"),
        ("1e+2*dice + 1E-2*ce", "0.01*ce + 100.00*dice"),
        ("dice(smooth=1e-05)", "dice"),
        ("dice(smooth=1e+0, squared=true)", "dice(smooth=1, squared=true)"),
        ("dice( squared = true ,smooth=0)", "dice(smooth=0, squared=true)"),
        ("weighted_ce(gamma=2) + weighted_ce", "1.00*weighted_ce + 1.00*weighted_ce(gamma=2)"),
        ("weighted_ce(areas=image)", "weighted_ce(areas=image)"),
        ("linear(0,1)*dice", "linear(0.00, 1.00)*dice"),
        (
            "linear(1,0)*dice(smooth=1e+0)+rebalance( 0 , .01 ) * ce+step(0, 1e+2, 0.5)*boundary",
            "rebalance(0.00, 0.01)*ce + linear(1.00, 0.00)*dice(smooth=1) + step(0.00, 100.00, 0.50)*boundary",
        ),
    ],
)
def test_spellings_have_one_canonical_name(text: str, name: str) -> None:
    assert Mixture.model_validate(text).name == name


def test_parameters_that_differ_in_the_last_digit_are_two_mixtures() -> None:
    pair = [Mixture.model_validate(f"dice(smooth={value})") for value in ("0.123456788", "0.123456789")]
    assert len(expand(tuple(pair))) == 2


def test_a_mapping_without_weight_is_the_expression_without_weight() -> None:
    mapping = Mixture.model_validate({"terms": [{"loss": "dice"}]})
    assert mapping.identity() == Mixture.model_validate("dice").identity()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty mixture"),
        ("   ", "an empty mixture"),
        ("dice +", "cannot read ''"),
        ("dice ce", "cannot read 'dice ce'"),
        ("0.5*dice - 0.5*ce", "cannot read"),
        ("dice*0.5", "cannot read"),
        ("dice(smooth", "cannot read"),
        ("dice(smooth)", "cannot read parameter 'smooth'"),
        ("dice(smooth=)", "cannot read parameter"),
        ("dice(smooth=0.1, smooth=0.2)", "a parameter stands twice"),
        ("dice(squared=1)", "dice.squared: 1 should be true or false"),
        ("region_specific(regions=2x4)", "region_specific.regions: '2x4' should be a whole number"),
        ("dice(smooth=nan)", "dice.smooth: nan lies outside"),
        ("weighted_ce(areas=imag)", "not one of train, batch, image .did you mean image"),
        ("0*dice", "leave a term with weight 0 out"),
        ("-1*dice", "lies outside 0"),
        ("1..5*dice", "is not a number"),
        ("0.1234567*dice", "more than 6 decimal places"),
        ("dice + dice", "dice stands twice; add the two weights"),
        ("dice + dice(smooth=1e-5)", "dice stands twice"),
        ("unknown", "unknown loss"),
        ("linear*dice", "cannot read 'linear.dice'"),
        ("linear(0, 1)", "cannot read parameter '0'"),
        ("linear(0, 1)dice", "cannot read"),
        ("dice(smooth=1)*0.5", "cannot read"),
        ("(0, 1)*dice", "cannot read"),
        ("linear(0, (1))*dice", "cannot read"),
        ("liner(0, 1)*dice", "unknown schedule 'liner' .did you mean linear"),
        ("linear(0, 1)*dice + linear(1, 0)*dice", "dice stands twice"),
    ],
)
def test_an_expression_that_says_nothing_clear_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Mixture.model_validate(text)


@pytest.mark.parametrize("weight", ["nan", "inf", "x", None, True, -1, 0, 1e-9])
def test_a_weight_must_be_a_positive_number(weight: object) -> None:
    with pytest.raises(ValidationError, match="weight"):
        Term.model_validate({"loss": "dice", "weight": weight})


def test_constant_weights_keep_the_identity_and_the_specification_of_runs_that_are_trained() -> None:
    mixture = Mixture.model_validate("0.50*ce + 0.25*dice(squared=true)")
    ce, dice = LOSSES["ce"].version, LOSSES["dice"].version
    assert mixture.identity() == [["ce", ce, "0.500000", {}], ["dice", dice, "0.250000", {"squared": True}]]
    assert mixture.model_dump(mode="json")["terms"] == [
        {"loss": "ce", "weight": "0.500000", "parameters": {}},
        {"loss": "dice", "weight": "0.250000", "parameters": {"squared": True}},
    ]
    assert not mixture.scheduled
    assert mixture.weights_at(3, 10) == [0.5, 0.25]


def test_a_mapping_takes_the_text_of_a_schedule() -> None:
    mapping = {"terms": [{"loss": "ce", "weight": 1}, {"loss": "dice", "weight": "rebalance(0, 0.25)"}]}
    mixture = Mixture.model_validate(mapping)
    assert mixture == Mixture.model_validate("ce + rebalance(0, 0.25)*dice")
    assert isinstance(mixture.terms[1].weight, WeightSchedule)
    assert mixture.model_dump(mode="json")["terms"][1]["weight"] == "rebalance(0.00, 0.25)"
    assert mixture.scheduled
    assert [mixture.weights_at(t, 10) for t in range(5)] == [[1, 0], [1, 0.25], [1, 0.5], [1, 0.75], [1, 0.75]]


def test_each_schedule_is_a_mixture_of_its_own() -> None:
    texts = ("dice", "linear(0, 1)*dice", "linear(1, 0)*dice", "step(0, 1, 0.5)*dice", "step(0, 1, 0.500001)*dice")
    found = expand(tuple(map(Mixture.model_validate, texts)))
    assert len({json.dumps(mixture.identity()) for mixture in found}) == len(texts)


def test_maps_are_those_of_all_terms_once() -> None:
    assert Mixture.model_validate("dice").maps == ()
    assert Mixture.model_validate("0.5*dice + 0.5*boundary").maps == ("signed_distance",)
