"""Region metrics against counts worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from seggrid.metrics import overlap
from seggrid.metrics.overlap import Counts, count

COUNTS = Counts(tp=6, fp=2, fn=4, tn=88)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iou", 6 / 12),
        ("dice", 12 / 18),
        ("precision", 6 / 8),
        ("recall", 6 / 10),
        ("specificity", 88 / 90),
        ("accuracy", 94 / 100),
        ("volume_bias", -2 / 10),
        ("detected", 1.0),
    ],
)
def test_by_hand(name: str, value: float) -> None:
    assert getattr(overlap, name)(COUNTS) == value


@pytest.mark.parametrize(
    ("name", "counts", "value"),
    [
        ("precision", Counts(0, 0, 4, 6), 0.0),
        ("recall", Counts(0, 4, 0, 6), 0.0),
        ("specificity", Counts(7, 0, 3, 0), 1.0),
        ("volume_bias", Counts(0, 4, 0, 6), 1.0),
        ("volume_bias", Counts(0, 0, 4, 6), -1.0),
        ("volume_bias", Counts(2, 8, 0, 0), 4.0),
        ("detected", Counts(0, 4, 4, 6), 0.0),
    ],
)
def test_where_the_fraction_is_undefined_or_extreme(name: str, counts: Counts, value: float) -> None:
    assert getattr(overlap, name)(counts) == value


@pytest.mark.parametrize("name", ["iou", "dice"])
def test_both_empty_is_left_to_the_policy(name: str) -> None:
    assert math.isnan(getattr(overlap, name)(Counts(0, 0, 0, 9)))


@given(
    npst.arrays(np.uint8, st.just((2, 5, 7)), elements=st.sampled_from([0, 1, 2, 7, 254, 255])),
    st.lists(st.sampled_from([0, 1, 2, 3, 7, 254, 255]), max_size=6),
)
def test_count_equals_masks(pair: np.ndarray, classes: list[int]) -> None:
    prediction, truth = pair
    for label, counts in zip(classes, count(prediction, truth, classes), strict=True):
        predicted, present = prediction == label, truth == label
        assert counts == Counts(
            int((predicted & present).sum()),
            int((predicted & ~present).sum()),
            int((~predicted & present).sum()),
            int((~predicted & ~present).sum()),
        )
