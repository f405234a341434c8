"""Every row of the catalogue leads somewhere, and its parameters are what the implementation takes."""

from __future__ import annotations

import importlib.util
import inspect
import re
from typing import Any

import pytest

from seggrid.catalogue import LOSSES, METRICS, NETWORKS, STEPS, Parameter, Row
from seggrid.errors import UserError, nearest

ROWS: dict[str, Row] = {
    f"{table}:{name}": row
    for table, rows in (("loss", LOSSES), ("metric", METRICS), ("step", STEPS))
    for name, row in rows.items()
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_leads_to_an_implementation_with_its_parameters(row: Row) -> None:
    implementation = row.load()
    taken = inspect.signature(implementation).parameters
    for name in row.parameters:
        assert name in taken, f"{row.target} takes no {name}"
    assert inspect.getdoc(implementation)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_says_what_it_is(row: Row) -> None:
    assert row.doc
    assert row.version >= 1
    assert all(parameter.doc for parameter in row.parameters.values())


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_defaults_are_valid_and_never_part_of_an_identity(row: Row) -> None:
    assert row.parse({name: parameter.default for name, parameter in row.parameters.items()}, "x") == {}


@pytest.mark.parametrize("name", [*LOSSES, *METRICS, *STEPS])
def test_names_can_stand_in_an_expression_and_in_a_table(name: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert not re.search(r"\de$", name)  # "loss2e+1*ce" would read as a number


@pytest.mark.parametrize("name", NETWORKS)
def test_names_of_networks_need_no_quotes(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9+_]*", name)


def test_two_names_are_two_networks() -> None:
    assert len(set(NETWORKS.values())) == len(NETWORKS)


def test_looking_up_loads_nothing_before_it_is_asked_for() -> None:
    for row in ROWS.values():
        module = row.target.partition(":")[0]
        assert importlib.util.find_spec(module) is not None


@pytest.mark.parametrize(
    ("parameter", "given", "result"),
    [
        (Parameter(1.0, "x"), 2, 2.0),
        (Parameter(1.0, "x", 0, 4), 4, 4.0),
        (Parameter(3, "x"), 5, 5),
        (Parameter(False, "x"), True, True),
        (Parameter("a", "x", choices=("a", "b")), "b", "b"),
        (Parameter((8, 8), "x", 8, 64), [16, 32], (16, 32)),
        (Parameter((8, 8), "x", 8, 64), [16, 32, 64], (16, 32, 64)),
    ],
)
def test_a_value_gets_the_type_of_its_default(parameter: Parameter, given: Any, result: Any) -> None:
    parsed = parameter.parse(given, "key")
    assert parsed == result
    assert type(parsed) is type(result)


@pytest.mark.parametrize(
    ("parameter", "given", "message"),
    [
        (Parameter(1.0, "x", 0, 4), 5, "key: 5.0 lies outside 0 to 4"),
        (Parameter(1.0, "x"), float("nan"), "key: nan lies outside"),
        (Parameter(1.0, "x"), True, "key: True should be a number"),
        (Parameter(1.0, "x"), "1", "key: '1' should be a number"),
        (Parameter(1.0, "x"), None, "key: None should be a number"),
        (Parameter(3, "x"), 1.5, "key: 1.5 should be a whole number"),
        (Parameter(3, "x"), True, "key: True should be a whole number"),
        (Parameter(False, "x"), 1, "key: 1 should be true or false"),
        (Parameter("a", "x"), 1, "key: 1 should be a word"),
        (
            Parameter("train", "x", choices=("train", "batch")),
            "trian",
            "key: 'trian' is not one of train, batch (did you mean train?)",
        ),
        (Parameter((8, 8), "x", 8, 64), 16, "key: 16 should be a list of whole numbers"),
        (Parameter((8, 8), "x", 8, 64), [], "key: [] should be a list of whole numbers"),
        (Parameter((8, 8), "x", 8, 64), [16, 4], "key: [16, 4] should be a list of whole numbers"),
        (Parameter((8, 8), "x", 8, 64), [16.0, 16], "key: [16.0, 16] should be a list of whole numbers"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_or_range_is_refused(parameter: Parameter, given: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parameter.parse(given, "key")
    assert str(caught.value).startswith(message)


def test_unknown_parameters_are_refused_and_the_others_sorted() -> None:
    row = Row("m:f", "x", parameters={"low": Parameter(1.0, "x"), "high": Parameter(2.0, "x")})
    assert list(row.parse({"low": 3, "high": 4}, "step")) == ["high", "low"]
    with pytest.raises(UserError, match=r"^step\.hgh: unknown parameter \(did you mean high\?\); known are low, high$"):
        row.parse({"hgh": 1}, "step")
    with pytest.raises(UserError, match=r"known are none$"):
        Row("m:f", "x").parse({"a": 1}, "step")


def test_nearest_is_silent_where_nothing_is_near() -> None:
    assert nearest("dyce", ("dice", "ce")) == " (did you mean dice?)"
    assert nearest("xyz", ("dice", "ce")) == ""
    assert nearest("", ("dice",)) == ""
