"""The two comprehensive metrics: overlap O and distance D, each the mean of the metrics that the YAML names."""

from __future__ import annotations

import pandas as pd

from seggrid.config.evaluation import Scoring


def comprehensive(means: pd.DataFrame, scoring: Scoring) -> pd.DataFrame:
    """Return the columns ``overlap`` (O, higher is better) and ``distance`` (D, lower is better).

    Ours: by default O = mean(IoU, Dice, precision, recall) and D = mean(HD95, ASSD); the source, Wang et al. 2026
    (doi 10.3389/fmed.2026.1768134), is at hand as an abstract only. The mean over metrics comes last and commutes
    with the other means, for the metrics of a case are defined or undefined together.

    Args:
        means: a column per metric, a row per group, run or candidate.
    """
    named = {"overlap": scoring.overlap, "distance": scoring.distance}
    return pd.DataFrame({name: means[list(part.mean)].mean(axis=1, skipna=False) for name, part in named.items()})
