"""The per-object table: every candidate and object with its metrics and empty masks."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seggrid.catalogue import METRICS
from seggrid.report.numbers import LENGTH, SHARE
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.tables import Better, Column, Table, sample
from seggrid.scoring.cases import STATUSES

#: Shown where they are measured, in this order; metrics of O and D follow.
FIRST = ("dice", "iou", "precision", "recall", "hd95", "assd")
_NAMES = {
    "dice": "Dice", "iou": "IoU", "hd": "HD", "hd95": "HD95", "hd95_mean": "HD95 (mean)",
    "hd95_pooled": "HD95 (pooled)", "asd": "ASD", "assd": "ASSD", "masd": "MASD", "nsd": "NSD",
}  # fmt: skip
EMPTY = STATUSES[1:]


def build(results: Results) -> Section:
    """Build the table of the test splits; empty before scoring."""
    frame = object_frame(results)
    metrics = shown_metrics(results)
    values = {
        "rows": frame.to_dict("records"),
        "best": best_rows(frame, metrics) if len(frame) else {},
        "metrics": [metric_column(metric, results.unit) for metric in metrics],
        "empty": EMPTY,
        "both_empty": results.grid.experiment.evaluation.both_empty,
        "several_runs": any(len(results.runs_of(candidate)) > 1 for candidate in results.candidates),
        "objects": frame["class"].unique().tolist() if len(frame) else [],
    }
    tables = (object_table(frame, metrics, results, results.scores),) if len(frame) and results.scores else ()
    return Section("objects", "Objects", values, tables=tables)


def object_table(frame: pd.DataFrame, metrics: list[str], results: Results, scores: dict[str, Any]) -> Table:
    """The objects for a manuscript, one after the other, each with its candidates in the order of the ranking.

    Args:
        frame: see ``object_frame``.
    """
    order = {name: position for position, name in enumerate(frame["class"].unique())}
    rows = frame.sort_values("class", key=lambda names: names.map(order), kind="stable")
    rows = rows.assign(ranked=rows["rank"].notna()).reset_index(drop=True)
    left_out = results.grid.experiment.evaluation.both_empty == "exclude"
    caption = (
        f"Each object on the test folds: means over groups, then over folds and seeds. {sample(scores)}. "
        "± standard deviation over folds and seeds. Missed, invented: cases, over all runs, in which only the truth, "
        "only the prediction holds the object (overlap 0, distances the image diagonal); in which neither does, they "
        f"are {'left out of the means' if left_out else 'counted as perfect'}. Bold: the best value of an "
        "object among ranked candidates, column by column."
    )
    shown = [metric_column(metric, results.unit) for metric in metrics]
    columns = (
        Column("class", "Object"),
        Column("rank", "Rank", places=0),
        Column("network", "Network"),
        Column("label", "Loss mixture"),
        *(
            Column(m["key"], m["name"], m["unit"], m["places"], f"{m['key']}_sd", better=_better(m["key"]))
            for m in shown
        ),
        Column("pred_empty", "Missed", places=0),
        Column("truth_empty", "Invented", places=0),
    )
    return Table("objects", caption, rows, columns, within=("class",), competes="ranked")


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
    usual = [name for name in FIRST if name in measured]
    return list(dict.fromkeys((*usual, *scoring.metrics)))


def metric_name(metric: str) -> str:
    """``nsd@2`` as ``NSD@2``, ``precision`` as ``Precision``."""
    name, at, tolerance = metric.partition("@")
    return _NAMES.get(name, name.replace("_", " ").capitalize()) + at + tolerance


def _better(metric: str) -> Better:
    return METRICS[metric.partition("@")[0]].better


def metric_column(metric: str, unit: str) -> dict[str, Any]:
    """How a column of a metric is headed and written."""
    row = METRICS[metric.partition("@")[0]]
    length = row.unit == "length"
    return {
        "key": metric,
        "name": metric_name(metric),
        "unit": unit if length else "",
        "places": LENGTH if length else SHARE,
        "doc": row.doc,
    }
