"""The policy for empty masks."""

from __future__ import annotations

import math

import pytest

from seggrid.catalogue import METRICS
from seggrid.metrics.empties import status_of, when_both_empty, when_one_empty
from seggrid.metrics.overlap import Counts


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        (Counts(1, 0, 0, 0), "ok"),
        (Counts(0, 2, 3, 0), "ok"),
        (Counts(0, 2, 0, 5), "truth_empty"),
        (Counts(0, 0, 2, 5), "pred_empty"),
        (Counts(0, 0, 0, 5), "both_empty"),
    ],
)
def test_status(counts: Counts, status: str) -> None:
    assert status_of(counts) == status


@pytest.mark.parametrize(("name", "perfect"), [("dice", 1.0), ("nsd", 1.0), ("hd95", 0.0), ("volume_bias", 0.0)])
def test_both_empty(name: str, perfect: float) -> None:
    assert math.isnan(when_both_empty(METRICS[name], "exclude"))
    assert when_both_empty(METRICS[name], "perfect") == perfect


@pytest.mark.parametrize(("name", "worst"), [("hd95", 70.5), ("assd", 70.5), ("nsd", 0.0)])
def test_one_empty(name: str, worst: float) -> None:
    assert when_one_empty(METRICS[name], 70.5) == worst
