"""The per-object table: every candidate and object with its metrics and empty masks."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seggrid.catalogue import METRICS
from seggrid.report.numbers import LENGTH, SHARE
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.scoring.cases import STATUSES

#: Shown where they are measured, in this order; metrics of O and D follow.
_FIRST = ("dice", "iou", "precision", "recall", "hd95", "assd")
_NAMES = {"dice": "Dice", "iou": "IoU", "hd95": "HD95", "assd": "ASSD", "masd": "MASD", "hd": "HD", "nsd": "NSD"}
EMPTY = STATUSES[1:]


def build(results: Results) -> Section:
    """Build the table of the test splits; empty before scoring."""
    frame = object_frame(results)
    metrics = shown_metrics(results)
    values = {
        "rows": frame.to_dict("records"),
        "best": best_rows(frame, metrics) if len(frame) else {},
        "metrics": [_column(metric, results.unit) for metric in metrics],
        "empty": EMPTY,
        "both_empty": results.grid.experiment.evaluation.both_empty,
        "several_runs": any(len(results.runs_of(candidate)) > 1 for candidate in results.candidates),
        "objects": frame["class"].unique().tolist() if len(frame) else [],
    }
    return Section("objects", "Objects", values)


def object_frame(results: Results) -> pd.DataFrame:
    """Rows of ``objects.csv`` on test, in the order of the candidates and the classes, with their ranks."""
    if results.objects.empty:
        return pd.DataFrame()
    order = {(candidate.network, candidate.loss): place for place, candidate in enumerate(results.candidates)}
    test = results.objects[results.objects["split"] == "test"].copy()
    test["order"] = [order[key] for key in zip(test["network"], test["loss"], strict=True)]
    ranks = {} if results.ranking.empty else results.ranking.set_index(["network", "loss"])["rank"].to_dict()
    test["rank"] = [ranks.get(key) for key in zip(test["network"], test["loss"], strict=True)]
    return test.sort_values("order", kind="stable").drop(columns="order").reset_index(drop=True)


def best_rows(frame: pd.DataFrame, metrics: list[str]) -> dict[str, set[int]]:
    """Per metric, the rows that hold the best mean of a ranked candidate on their object."""
    found: dict[str, set[int]] = {metric: set() for metric in metrics}
    for _, rows in frame[frame["rank"].notna()].groupby("class", sort=False):
        for metric in metrics:
            values = rows[metric].abs() if _better(metric) == "zero" else rows[metric]
            best = values.max() if _better(metric) == "higher" else values.min()
            found[metric] |= set(rows.index[values == best])
    return found


def shown_metrics(results: Results) -> list[str]:
    """The metrics of the table: the usual six as far as measured, and whatever O and D are made of."""
    scoring, measured = results.grid.experiment.scoring, results.grid.experiment.evaluation.metrics
    usual = [name for name in _FIRST if name in measured]
    return list(dict.fromkeys((*usual, *scoring.metrics)))


def metric_name(metric: str) -> str:
    """``nsd@2`` as ``NSD@2``, ``precision`` as ``Precision``."""
    name, at, tolerance = metric.partition("@")
    return _NAMES.get(name, name.replace("_", " ").capitalize()) + at + tolerance


def _better(metric: str) -> str:
    return METRICS[metric.partition("@")[0]].better


def _column(metric: str, unit: str) -> dict[str, Any]:
    row = METRICS[metric.partition("@")[0]]
    length = row.unit == "length"
    return {
        "key": metric,
        "name": metric_name(metric),
        "unit": unit if length else "",
        "places": LENGTH if length else SHARE,
        "doc": row.doc,
    }
