"""Boundary metrics against distances worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from seggrid.metrics import boundary
from seggrid.metrics.distances import SurfaceDistances

#: P95 of 0..20 is 19 exactly; of (0, 10) it is 9.5 by linear interpolation.
PAIR = SurfaceDistances(np.arange(21.0), np.array([0.0, 10.0]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hd", 20.0),
        ("hd95", 19.0),
        ("hd95_mean", (19.0 + 9.5) / 2),
        ("hd95_pooled", 18.9),
        ("asd", 10.0),
        ("assd", (210 + 10) / 23),
        ("masd", (10.0 + 5.0) / 2),
    ],
)
def test_by_hand(name: str, value: float) -> None:
    assert getattr(boundary, name)(PAIR) == pytest.approx(value, rel=1e-15)


def test_the_larger_direction_counts_whichever_it_is() -> None:
    swapped = SurfaceDistances(PAIR.to_prediction, PAIR.to_truth)
    assert boundary.hd(swapped) == 20.0
    assert boundary.hd95(swapped) == 19.0


def test_nsd_counts_both_borders() -> None:
    assert boundary.nsd(PAIR, 4.0) == (5 + 1) / 23
    assert boundary.nsd(PAIR, 3.999) == (4 + 1) / 23
    assert boundary.nsd(PAIR, 20.0) == 1.0


def test_nsd_forgives_rounding_of_the_spacing() -> None:
    distances = np.array([3 * 0.1])
    assert distances[0] > 0.3
    assert boundary.nsd(SurfaceDistances(distances, distances), 0.3) == 1.0
