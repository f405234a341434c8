"""Schedules: text, canonical name, formulas by hand, messages."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from seggrid.config.load import parse_experiment
from seggrid.config.mixture import Term
from seggrid.config.schedule import KINDS, WeightSchedule, parse_weight
from seggrid.errors import UserError


def decimals(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Numbers of six places between so many millionths."""
    return st.integers(low, high).map(lambda millionths: Decimal(millionths) / 1_000_000)


_weights = decimals(0, 1_000_000_000)
_shares = decimals(1, 999_999)
schedules = st.one_of(
    st.tuples(st.just("linear"), st.tuples(_weights, _weights).filter(any)),
    st.tuples(st.just("rebalance"), st.tuples(st.sampled_from([0, 1]), _shares)),
    st.tuples(st.just("step"), st.tuples(_weights, _weights, _shares).filter(lambda values: any(values[:2]))),
).map(lambda drawn: WeightSchedule(kind=drawn[0], values=drawn[1]))


def weights(text: str, epochs: int) -> list[float]:
    schedule = WeightSchedule.model_validate(text)
    return [schedule.at(epoch, epochs) for epoch in range(epochs)]


@given(schedules)
def test_the_name_is_a_text_for_the_same_schedule(schedule: WeightSchedule) -> None:
    again = WeightSchedule.model_validate(schedule.name)
    assert again == schedule
    assert again.name == schedule.name
    assert again.identity() == schedule.identity() == json.loads(json.dumps(schedule.identity()))


@given(schedules)
def test_a_term_carries_it_through_json(schedule: WeightSchedule) -> None:
    term = Term(loss="dice", weight=schedule)
    assert json.loads(term.model_dump_json())["weight"] == schedule.name
    assert Term.model_validate_json(term.model_dump_json()) == term
    assert Term.model_validate(term.model_dump(mode="json")) == term


@given(schedules, st.integers(1, 1000).flatmap(lambda epochs: st.tuples(st.integers(0, epochs - 1), st.just(epochs))))
def test_a_weight_is_never_negative_and_monotone(schedule: WeightSchedule, place: tuple[int, int]) -> None:
    epoch, epochs = place
    first, found, last = (schedule.at(t, epochs) for t in (0, epoch, epochs - 1))
    assert min(first, last) <= found <= max(first, last)
    assert min(first, last) >= 0


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("linear(0,1)", "linear(0.00, 1.00)"),
        ("  linear ( 1e0 , .125 ) ", "linear(1.00, 0.125)"),
        ("rebalance(1.0, 1e-2)", "rebalance(1.00, 0.01)"),
        ("step(0, 1000, 0.000001)", "step(0.00, 1000.00, 0.000001)"),
    ],
)
def test_spellings_have_one_canonical_name(text: str, name: str) -> None:
    assert WeightSchedule.model_validate(text).name == name


def test_linear_stops_one_step_short_of_its_end() -> None:
    assert weights("linear(1, 3)", 4) == [1, 1.5, 2, 2.5]
    assert weights("linear(0.3, 0)", 3) == [0.3, 0.2, 0.1], "no rounding of a float"


def test_rebalance_moves_from_one_term_to_the_other() -> None:
    assert weights("rebalance(1, 0.3)", 5) == [1, 0.7, 0.4, 0.3, 0.3]
    assert weights("rebalance(0, 0.3)", 5) == [0, 0.3, 0.6, 0.7, 0.7]
    assert weights("rebalance(1, 0.01)", 200)[98:101] == [0.02, 0.01, 0.01], "as Kervadec et al. 2019"
    assert weights("rebalance(1, 1)", 2) == [1, 1]


@pytest.mark.parametrize(("at", "epochs", "first"), [("0.5", 4, 2), ("0.07", 100, 7), ("0.29", 100, 29), ("0.5", 5, 3)])
def test_step_begins_at_its_share_of_the_epochs(at: str, epochs: int, first: int) -> None:
    assert weights(f"step(0.25, 2, {at})", epochs) == [0.25] * first + [2] * (epochs - first)


def test_one_planned_epoch_has_the_first_weight() -> None:
    assert [weights(text, 1) for text in ("linear(0, 1)", "rebalance(0, 0.5)", "step(0, 1, 0.5)")] == [[0], [0], [0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "liner(0, 1)",
            "unknown schedule 'liner' (did you mean linear?); known are linear(start, end), rebalance(start",
        ),
        ("Fuzzy(0, 1)", "unknown schedule 'Fuzzy'; known are"),
        ("linear(0)", "linear takes 2 numbers, not 1; write linear(start, end)"),
        ("linear()", "linear takes 2 numbers, not 0"),
        ("step(0, 1)", "step takes 3 numbers, not 2; write step(start, end, at)"),
        ("linear(0,, 1)", "linear takes 2 numbers, not 3"),
        ("linear(0, )", "linear: end '' is not a number"),
        ("linear(start=0, end=1)", "linear: start 'start=0' is not a number"),
        ("linear(0, nan)", "linear: end nan lies outside 0 to 1000"),
        ("linear(-1, 1)", "linear: start -1 lies outside 0 to 1000"),
        ("linear(0, 1001)", "linear: end 1001 lies outside 0 to 1000"),
        ("linear(0, 1e99)", "linear: end 1e99 lies outside 0 to 1000"),
        ("linear(0, 0.1234567)", "linear: end 0.1234567 has more than 6 decimal places"),
        ("linear(0, 0)", "linear(0.00, 0.00) is 0 in every epoch; leave the term out"),
        ("step(0, 0, 0.5)", "step(0.00, 0.00, 0.50) is 0 in every epoch"),
        ("rebalance(0, 1)", "rebalance(0.00, 1.00) is 0 in every epoch"),
        ("rebalance(0.5, 0.1)", "rebalance: start 0.5 is neither 0, which rises, nor 1, which falls"),
        ("rebalance(1, 0)", "rebalance: rate 0 lies outside 0 (excluded) to 1; it is the change an epoch"),
        ("rebalance(1, 1.5)", "rebalance: rate 1.5 lies outside"),
        ("step(0, 1, 0)", "step: at 0 lies outside 0 to 1 (both excluded); it is a share of the epochs"),
        ("step(0, 1, 20)", "step: at 20 lies outside"),
        ("linear(0, 1", "cannot read the schedule 'linear(0, 1'; known are linear(start, end), "),
        ("linear(0, 1)(2)", "cannot read the schedule"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_weight(text)
    assert not isinstance(raised.value, ValidationError)
    assert str(raised.value).startswith(message)
    mixture = {"terms": [{"loss": "dice", "weight": text}]}
    experiment = {"name": "x", "data": {"source": "phantom"}, "networks": ["UNet_R18"], "mixtures": [mixture]}
    with pytest.raises(UserError) as told:
        parse_experiment(experiment, "x.yaml")
    (line,) = str(told.value).splitlines()
    assert line.startswith(f"x.yaml: mixtures[0].terms[0].weight: {message}")


def test_an_object_that_cannot_be_is_not_built() -> None:
    with pytest.raises(ValidationError, match="unknown schedule"):
        WeightSchedule(kind="cosine", values=(Decimal(0), Decimal(1)))
    with pytest.raises(ValidationError, match="is 0 in every epoch"):
        WeightSchedule(kind="linear", values=(Decimal(0), Decimal(0)))


def test_every_kind_stands_in_the_reference(request: pytest.FixtureRequest) -> None:
    page = (request.config.rootpath / "docs" / "reference" / "losses.md").read_text(encoding="utf-8")
    assert all(f"| `{kind}(" in page for kind in KINDS)
