"""Optimisation instability (our definition): how unsteady the gradient is, and how many trainings collapse.

Valverde & Tohka 2021 quantify the instability that some distance maps bring; how is not at hand. Ours is the
coefficient of variation of the norm of the gradient on the logits within an epoch, which the training writes as
``gradient_cv``, and the share of collapsed runs: those that lose an object, and those whose loss became infinite or
NaN.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from seggrid.config.ensemble import ENSEMBLE
from seggrid.scoring.aggregate import Means
from seggrid.scoring.grid import Grid, GridRun
from seggrid.scoring.ranking import on_split

#: A run has collapsed where the mean validation Dice of some object is below this, with the weights that were kept.
COLLAPSED = 0.01
#: Seeds below which a share of collapsed runs says little.
MINIMUM_SEEDS = 5
COLUMN = "gradient_cv"


def instability(grid: Grid, means: Means, histories: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Measure both for every candidate.

    Args:
        histories: position of a run in the grid -> its ``history.csv``.

    Returns:
        A row per trained candidate, in the order of the plan: ``network, loss, label``; ``gradient_cv`` (median over
        the epochs of each run, then over runs; NaN where no run has it), ``gradient_cv_low`` and ``gradient_cv_high``
        (of the runs' medians); ``runs`` that have validation cases or diverged, ``collapsed`` of them (which lose an
        object, or diverged) and ``collapsed_share``; ``failed`` runs, which ended without weights, diverged or not;
        ``seeds`` of ``runs``.
    """
    worst = _worst_objects(means)
    rows = []
    for position, candidate in enumerate(grid.candidates):
        if candidate.network == ENSEMBLE:
            continue
        numbers = np.flatnonzero(grid.candidate_of == position).tolist()
        medians = [
            float(histories[number][COLUMN].median())
            for number in numbers
            if number in histories and COLUMN in histories[number]
        ]
        known = np.array([median for median in medians if np.isfinite(median)])
        found = worst.reindex(numbers).dropna()
        diverged = [number for number in numbers if _diverged(grid.runs[number])]
        judged = [*found.index, *diverged]
        collapsed = int((found < COLLAPSED).sum()) + len(diverged)
        rows.append(
            {
                **candidate._asdict(),
                "gradient_cv": np.median(known) if len(known) else np.nan,
                "gradient_cv_low": known.min() if len(known) else np.nan,
                "gradient_cv_high": known.max() if len(known) else np.nan,
                "runs": len(judged),
                "collapsed": collapsed,
                "collapsed_share": collapsed / len(judged) if judged else np.nan,
                "failed": sum(grid.runs[number].state == "failed" for number in numbers),
                "seeds": len({grid.runs[number].planned.seed for number in judged}),
            }
        )
    return pd.DataFrame(rows)


def _diverged(run: GridRun) -> bool:
    """Whether a training ended because it was no longer finite; any other failure says nothing about the loss."""
    return run.status is not None and run.status.diverged


def _worst_objects(means: Means) -> pd.Series:
    """The mean validation Dice of each run's worst object; empty where Dice is not measured."""
    if "dice" not in means.objects:
        return pd.Series(dtype=float)
    return on_split(means.objects, "val")["dice"].groupby("run").min()
