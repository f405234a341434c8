"""Every test case of the candidates that matter, by object; a click on a point shows its picture."""

from __future__ import annotations

from functools import partial

import pandas as pd
import plotly.graph_objects as go

from seggrid.report.drawings import PAGE, Drawing, draw_boxes
from seggrid.report.figures import Figure, Spec, rounded, spec, text, tone
from seggrid.report.gallery import notable, rows_on_test
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.sections.objects import metric_name, shown_metrics
from seggrid.scoring.grid import Candidate


def build(results: Results) -> Section:
    """Draw boxes per object; a switch of the page chooses the metric."""
    roles = notable(results)
    metrics = shown_metrics(results)
    frame = value_frame(results, list(roles), metrics)
    if frame.empty:
        return Section("cases", "Cases", {"metrics": []})
    variants = tuple(_draw(frame, metric, results) for metric in metrics)
    several = len(frame["candidate"].unique()) > 1
    drawings = tuple(_drawing(frame, metric, results) for metric in metrics)
    figure = Figure("cases", "Test cases by object", frame, variants, 440, drawings)
    values = {
        "metrics": [metric_name(metric) for metric in metrics],
        "several": several,
        "counts": len(frame["case"].unique()),
    }
    return Section("cases", "Cases", values, (figure,))


def value_frame(results: Results, candidates: list[Candidate], metrics: list[str]) -> pd.DataFrame:
    """Every test case by candidate and object: the mean over its runs (seeds) of each metric."""
    tables = []
    for position, candidate in enumerate(candidates):
        rows = rows_on_test(results, candidate)
        if len(rows):
            means = rows.groupby(["class", "group", "case"], observed=True, sort=True)[metrics].mean().reset_index()
            name = f"{candidate.network}, {candidate.label}"
            tables.append(means.assign(candidate=name, position=position))
    frame = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return frame.rename(columns={"class": "object"}).astype({"group": str, "case": str}) if len(frame) else frame


def _title(metric: str, results: Results) -> str:
    lengths = results.grid.experiment.scoring.distance.mean
    unit = f" [{results.unit}]" if metric in lengths and results.unit else ""
    return metric_name(metric) + unit


def _draw(frame: pd.DataFrame, metric: str, results: Results) -> Spec:
    figure = go.Figure()
    objects = frame["object"].astype(str).unique().tolist()
    for position, rows in frame[frame[metric].notna()].groupby("position", sort=True):
        figure.add_trace(
            go.Box(
                x=[text(str(name)) for name in rows["object"]],
                y=rounded(rows[metric], 4),
                name=text(rows["candidate"].iloc[0]),
                # Read by the page at a click.
                customdata=rows["case"].tolist(),
                hovertext=[f"{text(case)}" for case in rows["case"]],
                hoverinfo="text+y",
                boxpoints="all",
                jitter=0.5,
                pointpos=0,
                marker={"size": 4, "opacity": 0.6},
                line={"width": 1.5},
                meta=tone(int(str(position))),
            )
        )
    figure.update_layout(
        boxmode="group",
        title={"text": text(_title(metric, results))},
        legend={"orientation": "h", "y": -0.12},
        hovermode="closest",
        # A name that looks like a number or a date is a name; an object that nobody has keeps its place.
        xaxis={"type": "category", "categoryorder": "array", "categoryarray": [text(name) for name in objects]},
        yaxis={"rangemode": "tozero"},
    )
    return spec(figure)


def _drawing(frame: pd.DataFrame, metric: str, results: Results) -> Drawing:
    title = _title(metric, results)
    printed = frame[["candidate", "object"]].assign(value=frame[metric])
    caption = f"{title} of the test cases by object: quartiles and median; whiskers: the last points within 1.5 boxes."
    return Drawing(
        f"cases-{metric.replace('@', '-')}", caption, PAGE, 2.6, partial(draw_boxes, frame=printed, title=title)
    )
