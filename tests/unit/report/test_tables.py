"""Which values of a table are the best."""

from __future__ import annotations

import pandas as pd
import pytest

from seggrid.report.tables import Better, Column, Table, sample


@pytest.mark.parametrize(
    ("better", "values", "expected"),
    [
        ("higher", [0.1, 0.3, 0.2], {1}),
        ("lower", [0.1, 0.3, 0.2], {0}),
        ("zero", [-0.1, 0.3, 0.2], {0}),
        ("none", [0.1, 0.3, 0.2], set()),
        ("higher", [0.3, 0.3, float("nan")], {0, 1}),
        ("lower", [float("nan")] * 3, set()),
    ],
)
def test_the_best_value_by_direction(better: Better, values: list[float], expected: set[int]) -> None:
    column = Column("x", "X", places=1, better=better)
    table = Table("t", "", pd.DataFrame({"x": values}, index=[7, 5, 9]), (column,))
    assert table.best(column) == expected


def test_the_best_value_of_each_group_among_those_that_compete() -> None:
    column = Column("x", "X", places=1, better="higher")
    frame = pd.DataFrame({"x": [1.0, 2.0, 5.0, 3.0], "group": ["a", "a", "b", "b"], "may": [True, True, False, True]})
    assert Table("t", "", frame, (column,), within=("group",), competes="may").best(column) == {1, 3}


def test_an_empty_table_has_no_best_value() -> None:
    column = Column("x", "X", places=1, better="higher")
    assert Table("t", "", pd.DataFrame({"x": []}), (column,)).best(column) == set()


def test_a_sample_is_told_in_full() -> None:
    counts = {"cases": 48, "groups": 12, "folds": 4, "seeds": 1}
    assert sample({"counts": counts}) == "n = 48 test cases of 12 groups, 4 folds, 1 seed"
