"""Figures of publications beside those of the winner and the baseline: other data, and so no comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from seggrid.catalogue.references import REFERENCES, short_name
from seggrid.config.published import Publication, load_published
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.sections.objects import FIRST, metric_column, metric_name
from seggrid.report.tables import Column, Table

#: Decimals of every number: those of the publications.
_PLACES = 4
OURS = "this experiment"
CAVEAT = (
    "Other patients, other images and other splits: a difference between a publication and this experiment says "
    "nothing about which method is better."
)


def build(results: Results) -> Section | None:
    """Set the publications that the experiment names beside its winner; no section where it names none."""
    if not results.grid.experiment.published:
        return None
    publications = [load_published(name) for name in results.grid.experiment.published]
    metrics = common_metrics(results, publications)
    frame = published_frame(results, publications, metrics)
    columns = [metric_column(metric, "") for metric in metrics]
    values = {
        "rows": frame.to_dict("records"),
        "metrics": columns,
        "publications": [_described(publication, results) for publication in publications],
        "ours": OURS,
        "caveat": CAVEAT,
        "places": _PLACES,
        "scored": bool(len(results.ranked)),
    }
    tables = (_table(frame, columns),) if len(frame) else ()
    return Section("published", "Against published numbers", values, tables=tables)


def common_metrics(results: Results, publications: Sequence[Publication]) -> list[str]:
    """What the experiment measured and a publication states, the usual ones first."""
    stated = {metric for publication in publications for metric in publication.metrics}
    measured = results.grid.experiment.evaluation.metrics
    return sorted(
        (metric for metric in measured if metric in stated),
        key=lambda metric: FIRST.index(metric) if metric in FIRST else len(FIRST),
    )


def published_frame(results: Results, publications: Sequence[Publication], metrics: list[str]) -> pd.DataFrame:
    """A row per published result and per candidate of ours: ``source, label, object, unit``, O, D and the metrics."""
    rows = [
        {
            "source": short_name(publication.reference),
            "label": result.label,
            "object": result.object,
            "unit": publication.unit or "not stated",
            **_comprehensive(results, result.values),
            **{metric: result.values.get(metric) for metric in metrics},
        }
        for publication in publications
        for result in publication.results
        if set(result.values) & set(metrics)
    ]
    rows += _own_rows(results, metrics) if rows else []
    frame = pd.DataFrame(rows, columns=["source", "label", "object", "unit", "overlap", "distance", *metrics])
    numbers = ["overlap", "distance", *metrics]
    return frame.astype(dict.fromkeys(numbers, "float64"))


def _comprehensive(results: Results, values: dict[str, float]) -> dict[str, float | None]:
    """O and D by the experiment's definitions, where a publication states all that they are made of."""
    scoring = results.grid.experiment.scoring
    means = {}
    for name, part in (("overlap", scoring.overlap.mean), ("distance", scoring.distance.mean)):
        known = [values[metric] for metric in part if metric in values]
        means[name] = sum(known) / len(known) if len(known) == len(part) else None
    return means


def _own_rows(results: Results, metrics: list[str]) -> list[dict[str, Any]]:
    """The winner and the baseline mixture in its network: means over the objects on test."""
    if results.scores is None or results.ranked.empty or results.objects.empty:
        return []
    winner = results.ranked.iloc[0]
    own = results.ranked[results.ranked["network"] == winner["network"]]
    rows = own[(own["loss"] == winner["loss"]) | (own["loss"] == results.scores["baseline"])]
    test = results.objects[results.objects["split"] == "test"]
    means = test.groupby(["network", "loss"])[metrics].mean()
    return [
        {
            "source": OURS,
            "label": f"{role}, {row['network']} with {row['label']}",
            "object": "mean over objects",
            "unit": results.unit,
            "overlap": row["overlap"],
            "distance": row["distance"],
            **means.loc[(row["network"], row["loss"])].to_dict(),
        }
        for role, row in zip(("winner", "baseline"), rows.to_dict("records"), strict=False)
    ]


def _described(publication: Publication, results: Results) -> dict[str, Any]:
    """What a reader must know to read its rows."""
    reference = REFERENCES[publication.reference]
    measured = results.grid.experiment.evaluation.metrics
    readings = {metric_name(name): text for name, text in publication.readings.items() if name in measured}
    return {
        "name": short_name(publication.reference),
        "title": reference.title,
        "doi": reference.fields.get("doi"),
        "task": publication.task,
        "data": publication.data,
        "unit": publication.unit,
        "readings": readings,
    }


def _table(frame: pd.DataFrame, metrics: list[dict[str, Any]]) -> Table:
    caption = (
        f"Published numbers beside those of this experiment. {CAVEAT} O and D of a publication are means of its "
        "printed numbers, by the definitions of this experiment; unit: of the distances."
    )
    columns = (
        Column("source", "Source"),
        Column("label", "Method"),
        Column("object", "Object"),
        Column("overlap", "O", places=_PLACES),
        Column("distance", "D", places=_PLACES),
        *(Column(metric["key"], metric["name"], places=_PLACES) for metric in metrics),
        Column("unit", "Unit"),
    )
    return Table("published", caption, frame, columns, within=("source",))
