"""Do the candidates differ at all, and which of them: Friedman's test, and Nemenyi's over all pairs (Demsar 2006)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scikit_posthocs
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from seggrid.analysis.evidence import Evidence, Measure
from seggrid.scoring.statistics import MINIMUM_GROUPS

LEVEL = 0.05


@dataclass(frozen=True)
class Friedman:
    """The candidates ranked within every group.

    Attributes:
        rows: the candidates compared, as rows of the evidence, by falling mean rank (the best first).
        mean_ranks: of those, 1 is best.
        groups: the groups in which all of them have a value.
        statistic, p_value: of Friedman's test.
        critical_difference: mean ranks that lie closer are not told apart.
        pairs: Nemenyi's p-value of every two, indexed and headed by ``rows``.
        cliques: first and last place of every longest run of candidates that are not told apart.
    """

    rows: tuple[int, ...]
    mean_ranks: tuple[float, ...]
    groups: int
    statistic: float
    p_value: float
    critical_difference: float
    pairs: pd.DataFrame
    cliques: tuple[tuple[int, int], ...]


def friedman(evidence: Evidence, measure: Measure, most: int) -> Friedman | None:
    """Compare the best candidates by O or D; ``None`` with fewer than 3 of them or too few groups, or where all tie.

    Args:
        most: candidates that are compared; more make the critical difference larger.
    """
    values = np.round(evidence.by_group(measure)[:most], 12)
    values = values[:, np.isfinite(values).all(axis=0)]
    count, groups = values.shape
    if count < 3 or groups < MINIMUM_GROUPS or (values == values[:1]).all():
        return None
    better_first = -values if measure == "overlap" else values
    mean_ranks = rankdata(better_first, axis=0).mean(axis=1)
    order = np.argsort(mean_ranks, kind="stable")
    test = friedmanchisquare(*values)
    pairs = scikit_posthocs.posthoc_nemenyi_friedman(better_first[order].T)
    names = [int(row) for row in order]
    ranks = mean_ranks[order]
    critical = _critical_difference(count, groups)
    return Friedman(
        rows=tuple(names),
        mean_ranks=tuple(ranks.tolist()),
        groups=groups,
        statistic=float(test.statistic),
        p_value=float(test.pvalue),
        critical_difference=critical,
        pairs=pairs.set_axis(names, axis="index").set_axis(names, axis="columns"),
        cliques=_cliques(pairs),
    )


def _critical_difference(candidates: int, groups: int) -> float:
    """Nemenyi's: the studentised range over sqrt(2), times the standard error of a difference of mean ranks."""
    quantile = float(studentized_range.ppf(1 - LEVEL, candidates, np.inf)) / np.sqrt(2)
    return float(quantile * np.sqrt(candidates * (candidates + 1) / (6 * groups)))


def _cliques(pairs: pd.DataFrame) -> tuple[tuple[int, int], ...]:
    """Runs of at least two places whose ends Nemenyi's test does not tell apart, and that no longer run holds."""
    alike = pairs.to_numpy() >= LEVEL
    found: list[tuple[int, int]] = []
    for first in range(len(alike)):
        last = int(np.flatnonzero(alike[first])[-1])
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return tuple(found)
