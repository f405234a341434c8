"""Criteria that put candidates in an order by their overlap O and distance D (our definitions).

All but ``pareto_fronts`` work along the last axis, so that many resamples are scored at once.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Name = Literal["minmax", "rank", "pareto", "absolute"]
CRITERIA: tuple[Name, ...] = ("minmax", "rank", "pareto", "absolute")
#: Under these a lower score is better: a mean rank, the number of a front.
LOWER_IS_BETTER: tuple[Name, ...] = ("rank", "pareto")
#: Decimals that count: a difference that is only the order of a summation is a tie.
_PLACES = 12


def minmax(overlap: Floats, distance: Floats) -> Floats:
    """S = (O - min O) / (max O - min O) / 2 + (max D - D) / (max D - min D) / 2, in [0, 1].

    Relative to the candidates given. A zero range counts 1.
    """
    return (_share_of_range(overlap) + _share_of_range(-distance)) / 2


def _share_of_range(values: Floats) -> Floats:
    low = values.min(axis=-1, keepdims=True)
    span = values.max(axis=-1, keepdims=True) - low
    return np.where(span > 0, (values - low) / np.where(span > 0, span, 1.0), 1.0)


def mean_rank(overlap: Floats, distance: Floats) -> Floats:
    """Mean of the rank by O and the rank by D, 1 is best; equal values share the mean of their ranks."""
    return (rankdata(-overlap, axis=-1) + rankdata(distance, axis=-1)) / 2


def pareto_fronts(overlap: Floats, distance: Floats) -> Floats:
    """Number of the non-dominated front, 1 is best; shape ``(C,)``.

    A candidate dominates another that it equals or betters in both O and D, and betters in one. Front 1 holds
    those that nobody dominates, front 2 those that only front 1 dominates, and so on.
    """
    points, position = np.unique(np.stack([-overlap, distance], axis=1), axis=0, return_inverse=True)
    # Along falling O, a point is dominated by every earlier one of smaller or equal D: it joins the first front
    # whose latest, hence smallest, D is larger.
    latest: list[float] = []
    fronts = np.zeros(len(points))
    for index, value in enumerate(points[:, 1].tolist()):
        front = bisect_right(latest, value)
        latest[front : front + 1] = [value]
        fronts[index] = front + 1
    return fronts[position.ravel()]


def absolute(overlap: Floats, distance: Floats, reference: float) -> Floats:
    """S = O / 2 + 1 / (1 + D / d0) / 2, in (0, 1]; it does not depend on the other candidates.

    Args:
        reference: d0 in the unit of D, by convention 1 % of the image diagonal.
    """
    return overlap / 2 + 0.5 / (1 + distance / reference)


def score(name: Name, overlap: Floats, distance: Floats, reference: float) -> Floats:
    """Score candidates; ``pareto`` takes one set of them, the others any number, along the last axis."""
    overlap, distance = np.round(overlap, _PLACES), np.round(distance, _PLACES)
    if overlap.shape[-1] == 0:
        return np.zeros_like(overlap)
    if name == "minmax":
        found = minmax(overlap, distance)
    elif name == "rank":
        found = mean_rank(overlap, distance)
    elif name == "pareto":
        found = pareto_fronts(overlap, distance)
    else:
        found = absolute(overlap, distance, reference)
    return np.round(found, _PLACES)


def ranks(name: Name, scores: Floats, overlap: Floats, distance: Floats) -> npt.NDArray[np.int64]:
    """Ranks from 1, shape ``(C,)``. Ties go to the higher O, then the lower D; what is equal in all shares a rank."""
    keys = np.stack([scores if name in LOWER_IS_BETTER else -scores, -overlap, distance])
    keys = np.round(keys, _PLACES)
    order = np.lexsort(keys[::-1])
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(keys[:, order], axis=1) != 0).any(axis=0)
    found = np.empty(len(order), dtype=np.int64)
    found[order] = np.maximum.accumulate(np.where(new, np.arange(1, len(order) + 1), 0))
    return found


def first_places(name: Name, overlap: Floats, distance: Floats, reference: float) -> npt.NDArray[np.int64]:
    """Index of the winner of every set; ``(B, C)`` to ``(B,)``. The same as rank 1, the first of equals."""
    overlap, distance = np.round(overlap, _PLACES), np.round(distance, _PLACES)
    keys = [overlap, -distance]
    if name != "pareto":
        # Of the first front, the highest O with the lowest D at that O wins: nobody can dominate it.
        scores = score(name, overlap, distance, reference)
        keys.insert(0, -scores if name in LOWER_IS_BETTER else scores)
    leading = np.ones(overlap.shape, dtype=bool)
    for key in keys:
        candidates = np.where(leading, key, -np.inf)
        leading &= candidates == candidates.max(axis=-1, keepdims=True)
    return np.argmax(leading, axis=-1)
