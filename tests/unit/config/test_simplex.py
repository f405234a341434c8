"""A simplex names every ratio of its losses once."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from seggrid.catalogue import LOSSES
from seggrid.config.mixture import Mixture
from seggrid.config.simplex import Simplex, SimplexEntry, expand


@given(
    st.permutations(sorted(LOSSES)).flatmap(lambda names: st.integers(2, min(4, len(names))).map(lambda n: names[:n])),
    st.sampled_from(["1", "0.5", "0.25", "0.2", "0.125", "0.1", "0.0625"]),
    st.integers(0, 3),
)
def test_a_simplex_is_every_ratio_once(names: list[str], step: str, least: int) -> None:
    minimum = Decimal(step) * least
    if minimum * len(names) > 1:
        with pytest.raises(ValidationError, match="leaves every term its share"):
            Simplex.model_validate({"terms": names, "step": step, "minimum": minimum})
        return
    simplex = Simplex.model_validate({"terms": names, "step": step, "minimum": minimum})
    found = list(simplex.mixtures())
    free = int(1 / Decimal(step)) - least * len(names)
    assert len(found) == math.comb(free + len(names) - 1, len(names) - 1)
    assert len({mixture.name for mixture in found}) == len(found)
    for mixture in found:
        assert sum(term.weight for term in mixture.terms) == 1
        assert all(term.weight % Decimal(step) == 0 and term.weight >= minimum for term in mixture.terms)
        assert Mixture.model_validate(mixture.name) == mixture


def test_the_corners_of_a_simplex_are_the_single_losses() -> None:
    entry = SimplexEntry.model_validate({"simplex": {"terms": ["ce", "dice(smooth=0.1)"], "step": 0.5}})
    assert [m.name for m in entry.simplex.mixtures()] == ["ce", "0.50*ce + 0.50*dice(smooth=0.1)", "dice(smooth=0.1)"]
    assert len(expand((Mixture.model_validate("ce"), entry))) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step": 0.3}, "must lie in 0.01 to 1 and divide 1"),
        ({"step": 0.001}, "must lie in 0.01 to 1"),
        ({"step": 2}, "must lie in 0.01 to 1"),
        ({"step": 0}, "must lie in 0.01 to 1"),
        ({"step": "nan"}, "'nan' is not a finite number"),
        ({"step": "x"}, "'x' is not a number"),
        ({"minimum": 0.3}, "must be a multiple of step"),
        ({"minimum": -0.5}, "must be a multiple of step"),
        ({"minimum": 1e30}, "must be a multiple of step"),
        ({"minimum": "inf"}, "is not a finite number"),
        ({"terms": ["dice"]}, "at least two terms"),
        ({"terms": "dice"}, "a list of terms"),
        ({"terms": ["dice", "ce", "dice"]}, "dice stands twice"),
        ({"terms": ["0.5*dice", "ce"]}, "carry no weights"),
        ({"terms": ["dice", {"loss": "ce", "weight": 0.5}]}, "carry no weights"),
        ({"terms": ["linear(1, 1)*dice", "ce"]}, "carry no weights"),
        ({"terms": ["dice + ce", "boundary"]}, "each term of a simplex is one loss"),
        ({"terms": ["dice", 5]}, "valid dictionary"),
        ({"terms": list(LOSSES)[:5], "step": 0.01}, "mixtures are more than 100000"),
    ],
)
def test_a_simplex_that_cannot_be_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Simplex.model_validate({"terms": ["ce", "dice"], "step": 0.5, **change})
