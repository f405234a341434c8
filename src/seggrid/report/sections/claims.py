"""Whether what papers claim held here: paired differences with a verdict in words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seggrid.catalogue import METRICS
from seggrid.catalogue.references import short_name
from seggrid.report.numbers import LENGTH, SHARE
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.sections.objects import metric_name
from seggrid.report.tables import Column, Table, sample
from seggrid.scoring.claims import MINIMUM_SEEDS
from seggrid.scoring.statistics import MINIMUM_GROUPS

_COMPREHENSIVE = {"overlap": "O", "distance": "D", "absolute": "S (absolute)"}
#: Verdict -> the class of its tag on the page.
_TAGS = {"held": "held", "did not hold (the other way round)": "reversed"}


def build(results: Results) -> Section | None:
    """Say of every claim whether it held; no section where the experiment names none."""
    if not results.grid.experiment.claims:
        return None
    frame = claim_frame(results)
    values = {
        "rows": frame.to_dict("records"),
        "seeds": MINIMUM_SEEDS,
        "folds": results.grid.experiment.splits.folds,
        "minimum": MINIMUM_GROUPS,
        "named": len(results.grid.experiment.claims),
        "slices": results.slices,
    }
    tables = (_table(frame, results.scores, results.slices),) if len(frame) and results.scores else ()
    return Section("claims", "Claims of the papers", values, tables=tables)


def claim_frame(results: Results) -> pd.DataFrame:
    """``claims.csv`` with ``paper``, the metric in words with its unit, and the decimals of its numbers."""
    frame = results.claims.copy()
    if frame.empty:
        return frame
    lengths = [_is_length(name) for name in frame["metric"]]
    units = [f" [{results.unit}]" if length and results.unit else "" for length in lengths]
    frame["paper"] = [short_name(key) if key else "" for key in frame["source"]]
    frame["measure"] = [_measure(name) + unit for name, unit in zip(frame["metric"], units, strict=True)]
    frame["places"] = [LENGTH if length else SHARE for length in lengths]
    frame["tag"] = [_TAGS.get(verdict, "open") for verdict in frame["verdict"]]
    return frame


def _measure(name: str) -> str:
    return _COMPREHENSIVE.get(name) or metric_name(name)


def _is_length(name: str) -> bool:
    if name in _COMPREHENSIVE:
        return name == "distance"
    return METRICS[name.partition("@")[0]].unit == "length"


def _table(frame: pd.DataFrame, scores: dict[str, Any], slices: bool) -> Table:
    caption = (
        f"Claims of papers, tested on these data: paired differences by candidate, fold, seed and group. "
        f"{sample(scores)}{', a case is one slice' if slices else ''}. Brackets: 95 % interval of a bootstrap over "
        "groups; p: Wilcoxon's signed-rank test over groups, adjusted by Holm for all claims; detectable: the smallest "
        "difference that so many groups of this spread would show in 80 % of the cases. A claim is decided with at "
        f"least {MINIMUM_SEEDS} seeds x all folds and {MINIMUM_GROUPS} groups, where p is below 0.05, the interval "
        "lies on the same side of 0 as the ranks, and so do the pairs of runs by an exact sign test at a level of 5 %."
    )
    ends = ("difference_low", "difference_high")
    columns = (
        Column("claim", "Claim"),
        Column("paper", "Paper"),
        Column("measure", "Metric"),
        Column("difference", "Difference", places=SHARE, interval=ends, signed=True),
        Column("p_holm", "p", places=SHARE),
        Column("groups", "Groups", places=0),
        Column("run_wins", "Runs as claimed", places=0),
        Column("comparisons", "Pairs of runs", places=0),
        Column("seeds", "Seeds", places=0),
        Column("folds", "Folds"),
        Column("detectable", "Detectable", places=SHARE),
        Column("verdict", "Verdict"),
        Column("condition", "Condition"),
    )
    return Table("claims", caption, frame.drop(columns=["places", "tag"]), columns)
