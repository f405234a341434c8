"""Optimisation instability: how unsteady the gradient was, and how many trainings collapsed."""

from __future__ import annotations

import pandas as pd

from seggrid.analysis.instability import COLLAPSED, MINIMUM_SEEDS
from seggrid.report.numbers import SHARE
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.tables import Column, Table

TITLE = "Optimisation instability"


def build(results: Results) -> Section | None:
    """Show both figures of every candidate; no section where no history holds the gradient's variation."""
    frame = results.instability
    if frame.empty or frame["gradient_cv"].isna().all():
        return None
    few = bool((frame["seeds"] < MINIMUM_SEEDS).any())
    values = {
        "rows": frame.to_dict("records"),
        "few": few,
        "seeds": MINIMUM_SEEDS,
        "bound": COLLAPSED,
        "failed": int(frame["failed"].sum()),
        "measured": "dice" in results.grid.experiment.evaluation.metrics,
    }
    return Section("instability", TITLE, values, tables=(_table(frame, few),))


def _table(frame: pd.DataFrame, few: bool) -> Table:
    caption = (
        "Optimisation instability (our definition). Gradient: coefficient of variation of the norm of the gradient on "
        "the logits within an epoch, median over epochs, then over runs. Collapsed: runs in which the mean validation "
        f"Dice of some object is below {COLLAPSED}, with the weights that were kept, or whose loss became infinite or "
        "NaN. Failed: runs that ended without weights, for this or another reason. Seeds: those with such runs."
        + (f" Fewer than {MINIMUM_SEEDS} seeds: the share says little." if few else "")
    )
    columns = (
        Column("network", "Network"),
        Column("label", "Loss mixture"),
        Column("gradient_cv", "Gradient", places=SHARE, better="lower"),
        Column("collapsed", "Collapsed", places=0),
        Column("runs", "Runs", places=0),
        Column("collapsed_share", "Collapsed", "%", 0, better="lower", per=0.01),
        Column("failed", "Failed", places=0),
        Column("seeds", "Seeds", places=0),
    )
    return Table("instability", caption, frame, columns)
