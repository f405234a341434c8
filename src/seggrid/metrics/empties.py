"""The policy for empty masks, in one place: never an infinite distance, never a silent NaN."""

from __future__ import annotations

import math
from typing import Literal

from seggrid.catalogue import MetricRow
from seggrid.metrics.overlap import Counts

Status = Literal["ok", "both_empty", "pred_empty", "truth_empty"]
BothEmpty = Literal["exclude", "perfect"]


def status_of(counts: Counts) -> Status:
    """Return which of the two masks, if any, holds no pixel of the class."""
    predicted, present = counts.tp + counts.fp > 0, counts.tp + counts.fn > 0
    if predicted:
        return "ok" if present else "truth_empty"
    return "pred_empty" if present else "both_empty"


def when_both_empty(row: MetricRow, both_empty: BothEmpty) -> float:
    """Value of a metric where neither mask holds the class: NaN (left out of means), or the best value."""
    if both_empty == "exclude":
        return math.nan
    return 1.0 if row.better == "higher" else 0.0


def when_one_empty(row: MetricRow, diagonal: float) -> float:
    """Value of a distance metric where exactly one mask holds the class: the worst one.

    A length is the image diagonal (longer than any distance in the image), a share of the surface is 0.
    Metrics of counts need no such value: they are defined there, see :mod:`seggrid.metrics.overlap`.
    """
    return diagonal if row.unit == "length" else 0.0
