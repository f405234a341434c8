"""Region metrics: functions of the four pixel counts of one case and class.

Every function is finite wherever prediction or truth holds at least one pixel of the class; what it returns
where its own fraction is 0/0 stands in its docstring. :mod:`seggrid.metrics.empties` decides on both empty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Counts:
    """Pixels (voxels) of one class by agreement of prediction and truth."""

    tp: int
    fp: int
    fn: int
    tn: int


def count(prediction: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8], classes: Sequence[int]) -> list[Counts]:
    """Count agreement for every class, from one histogram of the pairs (truth, prediction).

    Args:
        prediction: labels, shape ``(*S)``.
        truth: labels, shape ``(*S)``.
        classes: label values; each gets one :class:`Counts`, in this order.
    """
    pair = truth.astype(np.uint16) << 8 | prediction
    table = np.bincount(pair.ravel(), minlength=1 << 16).reshape(256, 256)
    predicted, present = table.sum(axis=0), table.sum(axis=1)
    found = []
    for label in classes:
        tp = int(table[label, label])
        fp, fn = int(predicted[label]) - tp, int(present[label]) - tp
        found.append(Counts(tp, fp, fn, prediction.size - tp - fp - fn))
    return found


def _ratio(numerator: int, denominator: int, undefined: float = math.nan) -> float:
    return numerator / denominator if denominator else undefined


def iou(counts: Counts) -> float:
    """Intersection over union (Jaccard index), ``TP / (TP + FP + FN)``, in [0, 1]."""
    return _ratio(counts.tp, counts.tp + counts.fp + counts.fn)


def dice(counts: Counts) -> float:
    """Dice coefficient, ``2 TP / (2 TP + FP + FN)``, in [0, 1]."""
    return _ratio(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn)


def precision(counts: Counts) -> float:
    """Positive predictive value, ``TP / (TP + FP)``, in [0, 1]; 0 where only the prediction is empty."""
    return _ratio(counts.tp, counts.tp + counts.fp, undefined=0.0)


def recall(counts: Counts) -> float:
    """Sensitivity, ``TP / (TP + FN)``, in [0, 1]; 0 where only the truth is empty."""
    return _ratio(counts.tp, counts.tp + counts.fn, undefined=0.0)


def specificity(counts: Counts) -> float:
    """True negative rate, ``TN / (TN + FP)``, in [0, 1].

    1 where the object fills the image: there is no pixel outside it to be marked by mistake.
    """
    return _ratio(counts.tn, counts.tn + counts.fp, undefined=1.0)


def accuracy(counts: Counts) -> float:
    """Share of pixels on which prediction and truth agree, ``(TP + TN) / all``, in [0, 1]."""
    return (counts.tp + counts.tn) / (counts.tp + counts.fp + counts.fn + counts.tn)


def volume_bias(counts: Counts) -> float:
    """Relative error of the volume, ``(FP - FN) / (TP + FN)``, in [-1, inf); 0 is unbiased.

    1 where only the truth is empty: the error is then taken relative to the predicted volume, the only one
    there is, so that an invented object mirrors a missed one, which is -1 (ours; the fraction is undefined).
    """
    return _ratio(counts.fp - counts.fn, counts.tp + counts.fn, undefined=1.0)


def detected(counts: Counts) -> float:
    """1 where the prediction overlaps the object at all, else 0."""
    return float(counts.tp > 0)
