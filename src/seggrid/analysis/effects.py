"""What each factor changes, all others equal: a term added, a term exchanged, a parameter of a loss, the network.

An effect is a linear contrast of candidates, the mean over all pairs that differ in this factor only, so that its
interval is that of the contrast under resampled groups.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from seggrid.analysis.evidence import MEASURES, Evidence
from seggrid.config import Mixture, Term
from seggrid.scoring.criterion import Floats

Factor = Literal["term", "exchange", "parameter", "network"]
#: One of a pair of candidates that differ in one factor: what, the row with it, the row without.
_Pair = tuple["Change", int, int]


@dataclass(frozen=True, order=True)
class Change:
    """A factor and its two levels.

    Attributes:
        factor: ``term`` (``level`` added, ``reference`` is empty), ``exchange`` (of one term by another of equal
            weight), ``parameter`` (the same loss otherwise), ``network``.
    """

    factor: Factor
    level: str
    reference: str


def effects(evidence: Evidence) -> pd.DataFrame:
    """Estimate the effect of every factor that the candidates differ in.

    Returns:
        A row per change: ``factor, level, reference``, ``pairs``, and the mean change of O and D with intervals,
        ``overlap, overlap_low, overlap_high, ...``. Terms first, exchanges last.
    """
    mixtures, settings = evidence.mixtures, evidence.settings
    contrasts: dict[Change, list[Floats]] = defaultdict(list)
    for change, contrast in _added_terms(settings, mixtures):
        contrasts[change].append(contrast)
    for change, with_it, without in itertools.chain(_exchanges(settings, mixtures), _networks(evidence)):
        contrasts[change].append(_contrast(len(settings), [with_it], [without]))
    rows = []
    for change in sorted(contrasts, key=_order):
        weights = np.mean(contrasts[change], axis=0)
        row: dict[str, object] = {**vars(change), "pairs": len(contrasts[change])}
        for measure in MEASURES:
            low, high = evidence.interval(evidence.resampled(measure) @ weights)
            row |= {
                measure: float(evidence.values(measure) @ weights),
                f"{measure}_low": float(low),
                f"{measure}_high": float(high),
            }
        rows.append(row)
    return pd.DataFrame(rows)


def _order(change: Change) -> tuple[int, str, str]:
    factors: tuple[Factor, ...] = ("term", "network", "parameter", "exchange")
    return factors.index(change.factor), change.level, change.reference


def _contrast(size: int, high: Iterable[int], low: Iterable[int]) -> Floats:
    """Mean of some candidates minus the mean of others, as weights."""
    found = np.zeros(size)
    for rows, sign in ((list(high), 1.0), (list(low), -1.0)):
        found[rows] += sign / len(rows)
    return found


def _added_terms(settings: Sequence[str], mixtures: Sequence[Mixture | None]) -> Iterator[tuple[Change, Floats]]:
    """Mixtures of some terms against those of the same terms and one more, whatever their weights."""
    cells: dict[tuple[str, frozenset[str]], list[int]] = defaultdict(list)
    for row, (setting, mixture) in enumerate(zip(settings, mixtures, strict=True)):
        if mixture is not None:
            cells[setting, frozenset(term.name for term in mixture.terms)].append(row)
    for (setting, terms), rows in cells.items():
        for term in sorted(terms):
            without = cells.get((setting, terms - {term}))
            if without:
                yield Change("term", term, ""), _contrast(len(settings), rows, without)


def _exchanges(settings: Sequence[str], mixtures: Sequence[Mixture | None]) -> Iterator[_Pair]:
    """Mixtures that are equal but for one term, of the same weight."""
    places: dict[tuple[str, str, str], list[tuple[int, Term]]] = defaultdict(list)
    for row, (setting, mixture) in enumerate(zip(settings, mixtures, strict=True)):
        terms = mixture.terms if mixture is not None else ()
        for term in terms:
            others = " + ".join(f"{other.weight}*{other.name}" for other in terms if other is not term)
            places[setting, others, str(term.weight)].append((row, term))
    for found in places.values():
        for (low, reference), (high, level) in itertools.combinations(sorted(found, key=_by_name), 2):
            if reference.name != level.name:
                factor: Factor = "parameter" if reference.loss == level.loss else "exchange"
                yield Change(factor, level.name, reference.name), high, low


def _by_name(entry: tuple[int, Term]) -> tuple[str, int]:
    return entry[1].name, entry[0]


def _networks(evidence: Evidence) -> Iterator[_Pair]:
    """Networks that were trained with the same mixture, and the same beside it."""
    networks = [candidate.network for candidate in evidence.candidates]
    by_loss: dict[str, list[int]] = defaultdict(list)
    for row, candidate in enumerate(evidence.candidates):
        by_loss[candidate.loss].append(row)
    for rows in by_loss.values():
        for low, high in itertools.combinations(sorted(rows, key=lambda row: networks[row]), 2):
            yield Change("network", networks[high], networks[low]), high, low
