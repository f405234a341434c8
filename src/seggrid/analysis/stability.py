"""How the order would change for other patients, and what the choice of the winner flatters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from seggrid.analysis.evidence import MEASURES, Evidence
from seggrid.scoring.criterion import first_places


def rank_ranges(evidence: Evidence) -> pd.DataFrame:
    """The rank of every candidate under resampled groups, by the experiment's criterion.

    Returns:
        A row per candidate: ``median``, ``low`` and ``high`` (2.5 and 97.5 %; NaN where groups are too few), ``first``
        and ``top3`` (shares of the resamples). Ties go to the higher O, then the lower D, as in the ranking; what is
        equal in all shares the better rank.
    """
    overlap, distance = (np.round(evidence.resampled(measure), 12) for measure in MEASURES)
    keys = (rankdata(values, method="dense", axis=1) for values in (-evidence.scores, -overlap, distance))
    joint = np.zeros(overlap.shape)
    for key in keys:
        joint = joint * (overlap.shape[1] + 1) + key
    ranks = rankdata(joint, method="min", axis=1)
    low, median, high = np.percentile(ranks, (2.5, 50, 97.5), axis=0)
    if not evidence.enough:
        low, high = np.full_like(low, np.nan), np.full_like(high, np.nan)
    return pd.DataFrame(
        {
            "median": median,
            "low": low,
            "high": high,
            "first": (ranks == 1).mean(axis=0),
            "top3": (ranks <= 3).mean(axis=0),
        }
    )


@dataclass(frozen=True)
class Corrected:
    """What the winner of a choice on these groups reaches on groups that had no say in it.

    Attributes:
        overlap, distance: means over the resamples of the winner's O and D on the groups left out.
        resamples: those in which the groups left out have a value.
    """

    overlap: float
    distance: float
    resamples: int


def selection_corrected(evidence: Evidence) -> Corrected:
    """Choose a winner in every resample, and measure it on the groups that were not drawn.

    The bootstrap form of nested cross-validation (Tsamardinos et al. 2018, bootstrap bias-corrected CV): the candidates
    are not trained again, so it corrects for the choice among them only.
    """
    overlap, distance = evidence.resampled("overlap"), evidence.resampled("distance")
    winners = first_places(evidence.criterion, overlap, distance, evidence.reference)
    rows = np.arange(len(winners))
    chosen = [values[rows, winners] for values in evidence.bootstrap.left_out()]
    known = np.isfinite(chosen).all(axis=0)
    means = [float(values[known].mean()) if known.any() else float("nan") for values in chosen]
    return Corrected(means[0], means[1], int(known.sum()))
