"""How far trainings differ that should not: the spread between seeds, and between folds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import chi2

from seggrid.analysis.evidence import MEASURES
from seggrid.scoring.aggregate import Means
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.grid import Grid
from seggrid.specification import is_ensemble

_TAIL = 0.025


def training_spread(grid: Grid, means: Means) -> pd.DataFrame:
    """Pool the standard deviation of O and D on test over candidates.

    Returns:
        A row per factor that has several levels: ``factor`` (``seed``: trainings of one candidate and fold, ensembles
        aside; ``fold``: the folds of one candidate, means over seeds, which are other patients as well), ``degrees`` of
        freedom, and
        ``overlap, overlap_low, overlap_high, ...``; the 95 % interval is that of the variance of a normal distribution,
        and NaN for folds, whose patients the candidates share.
    """
    values = comprehensive(means.runs, grid.experiment.scoring).dropna()
    test = values[values.index.get_level_values("split") == "test"].droplevel("split")
    single = np.array([not is_ensemble(grid.runs[number].planned.run_id) for number in test.index.to_numpy(int)], bool)
    test = test[single]
    numbers = test.index.to_numpy(int)
    test = test.assign(
        candidate=grid.candidate_of[numbers], fold=[grid.runs[number].planned.fold for number in numbers]
    )
    by_seed = test.groupby(["candidate", "fold"])[list(MEASURES)]
    rows = [_pooled("seed", by_seed.var(ddof=1), by_seed.size(), True)]
    by_fold = by_seed.mean().groupby("candidate")[list(MEASURES)]
    rows.append(_pooled("fold", by_fold.var(ddof=1), by_fold.size(), False))
    return pd.DataFrame([row for row in rows if row is not None])


def _pooled(factor: str, variances: pd.DataFrame, sizes: pd.Series, independent: bool) -> dict[str, object] | None:
    degrees = (sizes - 1).to_numpy()
    total = int(degrees.sum())
    if total == 0:
        return None
    row: dict[str, object] = {"factor": factor, "degrees": total}
    for measure in MEASURES:
        variance = float(np.nansum(variances[measure].to_numpy() * degrees)) / total
        ends = [total / chi2.ppf(at, total) if independent else np.nan for at in (1 - _TAIL, _TAIL)]
        row |= {
            measure: np.sqrt(variance),
            f"{measure}_low": np.sqrt(variance * ends[0]),
            f"{measure}_high": np.sqrt(variance * ends[1]),
        }
    return row
