"""Tests of paired differences, a value per group or per pair of runs."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest, rankdata, wilcoxon
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from seggrid.scoring.criterion import Floats

#: Of the smallest difference that is found: how often it is found, and how often one that is not there.
POWER, ALPHA = 0.8, 0.05


def signed_rank(values: Floats) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test; NaN values are left out, and 1 where nothing differs."""
    known = values[np.isfinite(values)]
    return float(wilcoxon(known, zero_method="pratt").pvalue) if known.any() else 1.0


def rank_correlation(values: Floats) -> float:
    """Matched-pairs rank-biserial correlation, -1 to 1: on which side the ranks of ``signed_rank`` lie, and how far.

    The ranks of what is positive minus the ranks of what is negative, over the sum of both; zeros are ranked and then
    left out, as Pratt has them. 0 where nothing differs.
    """
    known = values[np.isfinite(values)]
    ranks = rankdata(np.abs(known)) * np.sign(known)
    total = float(np.abs(ranks).sum())
    return float(ranks.sum()) / total if total else 0.0


def sign_test(wins: int, losses: int) -> float:
    """Two-sided p-value of the exact sign test; ties count for neither, and 1 where nothing differs.

    Fewer than 6 pairs never reach 0.05: 5 of 5 have 2 / 2^5 = 0.0625.
    """
    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def holm(p_values: Floats) -> Floats:
    """Adjust p-values for their number; NaN stays NaN and does not count."""
    adjusted, known = np.full(len(p_values), np.nan), np.isfinite(p_values)
    if known.any():
        adjusted[known] = multipletests(p_values[known], method="holm")[1]
    return adjusted


def smallest_detectable(by_group: Floats) -> float:
    """The mean difference that a paired t-test on so many groups finds in 80 % of the cases at a level of 5 %.

    Args:
        by_group: differences of two candidates, whose spread is what differences have to stand out from.

    Returns:
        NaN with fewer than 2 groups.
    """
    known = by_group[np.isfinite(by_group)]
    if len(known) < 2:
        return float("nan")
    effect = TTestPower().solve_power(nobs=len(known), alpha=ALPHA, power=POWER)
    return float(np.squeeze(effect)) * float(known.std(ddof=1))
