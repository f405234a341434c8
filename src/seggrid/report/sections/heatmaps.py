"""O, D and every metric of every candidate, networks x mixtures, over all objects and of each."""

from __future__ import annotations

from functools import partial

import pandas as pd
import plotly.graph_objects as go

from seggrid.catalogue import METRICS
from seggrid.config.ensemble import ENSEMBLE
from seggrid.report.drawings import PAGE, SHADES, Drawing, draw_heat
from seggrid.report.figures import Figure, Spec, positions, rounded, spec, text, wrapped
from seggrid.report.numbers import LENGTH, SHARE, fixed
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.sections.objects import metric_name, shown_metrics
from seggrid.scoring.comprehensive import comprehensive

_ROW, _FRAME = 44, 110


def build(results: Results) -> Section:
    """Draw the heat maps of the ranked candidates; none while nobody is ranked."""
    figures: tuple[Figure, ...] = ()
    options: list[str] = []
    if len(results.ranked):
        unit = f" [{results.unit}]" if results.unit else ""
        figures = (
            heatmap(results, "overlap", "O, overlap (higher is better)", SHARE),
            heatmap(results, "distance", f"D, distance{unit} (lower is better)", LENGTH),
        )
        options, by_object = object_maps(results)
        if options:
            height = figures[0].height
            frame = results.objects[results.objects["split"] == "test"]
            figures += (Figure("heat-object", "Heat map of one metric on one object", frame, by_object, height),)
    scoring = results.grid.experiment.scoring
    values = {
        "blank": sum(candidate.network != ENSEMBLE for candidate in results.candidates)
        - int((results.ranked["network"] != ENSEMBLE).sum() if len(results.ranked) else 0),
        "ensembles": sum(candidate.network == ENSEMBLE for candidate in results.candidates),
        "overlap": [metric_name(metric) for metric in scoring.overlap.mean],
        "distance": [metric_name(metric) for metric in scoring.distance.mean],
        "options": options,
    }
    return Section("heatmaps", "Networks × mixtures", values, figures)


def grid_frame(results: Results, table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Values of candidates: a row per mixture, a column per network, both in the order of the plan; no ensembles."""
    candidates = [candidate for candidate in results.grid.candidates if candidate.network != ENSEMBLE]
    losses = list(dict.fromkeys(candidate.loss for candidate in candidates))
    networks = list(dict.fromkeys(candidate.network for candidate in candidates))
    trained = table[table["network"] != ENSEMBLE]
    return trained.pivot_table(column, "loss", "network", sort=False).reindex(losses, columns=networks)


def heatmap(results: Results, column: str, title: str, places: int) -> Figure:
    """Draw one of the two; the stronger colour is the better one in both."""
    frame = grid_frame(results, results.ranked, column)
    labelled = frame.set_axis(_labels(results, frame), axis="index")
    lower = column == "distance"
    longest = max(len(name) for name in labelled.index)
    size = (PAGE if frame.shape[1] > 4 else PAGE * 0.6, 0.9 + 0.2 * len(frame))
    draw = partial(draw_heat, frame=labelled, title=title, places=places, lower_is_better=lower)
    caption = f"{title} of every network and mixture on the test folds."
    drawing = Drawing(f"heat-{column}", caption, size[0] + 0.03 * longest, size[1], draw)
    variant = _draw(results, frame, title, places, lower)
    return Figure(f"heat-{column}", f"Heat map: {title}", frame, (variant,), _height(frame), (drawing,))


def object_maps(results: Results) -> tuple[list[str], tuple[Spec, ...]]:
    """A map per metric and object of the ranked candidates, and what to call it."""
    keys = ["network", "loss"]
    table = results.objects[results.objects["split"] == "test"].merge(results.ranked[keys], on=keys)
    table = pd.concat([table, comprehensive(table, results.grid.experiment.scoring)], axis=1)
    measured = results.grid.experiment.evaluation.metrics
    options, maps = [], []
    for metric in dict.fromkeys(("overlap", "distance", *shown_metrics(results), *measured)):
        name = {"overlap": "O", "distance": "D"}.get(metric) or metric_name(metric)
        length = metric == "distance" or (metric != "overlap" and METRICS[metric.partition("@")[0]].unit == "length")
        lower = metric == "distance" or (metric != "overlap" and METRICS[metric.partition("@")[0]].better == "lower")
        unit = f" [{results.unit}]" if length and results.unit else ""
        for object_name, rows in table.groupby("class", sort=False):
            frame = grid_frame(results, rows, metric)
            title = f"{name}{unit}, {object_name}"
            options.append(f"{name} · {object_name}")
            maps.append(_draw(results, frame, title, LENGTH if length else SHARE, lower))
    return options, tuple(maps)


def _labels(results: Results, frame: pd.DataFrame) -> list[str]:
    label_of = {candidate.loss: candidate.label for candidate in results.grid.candidates}
    return [label_of[loss] for loss in frame.index]


def _height(frame: pd.DataFrame) -> int:
    slanted = 4 * max(0, *(len(network) - 14 for network in frame.columns))
    return _FRAME + _ROW * len(frame) + slanted


def _draw(results: Results, frame: pd.DataFrame, title: str, places: int, lower_is_better: bool) -> Spec:
    labels = _labels(results, frame)
    values = [["" if pd.isna(value) else fixed(value, places) for value in row] for row in frame.to_numpy()]
    hover = [
        [f"{text(label)}<br>{text(network)}<br>{value}" for network, value in zip(frame.columns, row, strict=True)]
        for label, row in zip(labels, values, strict=True)
    ]
    shades = list(zip((0.0, 0.5, 1.0), SHADES, strict=True))
    trace = go.Heatmap(
        z=[rounded(row) for row in frame.to_numpy()],
        text=values,
        texttemplate="%{text}",
        textfont={"color": "#101418"},
        hovertext=hover,
        hoverinfo="text",
        hoverongaps=False,
        colorscale=[(1 - at, shade) for at, shade in reversed(shades)] if lower_is_better else shades,
        colorbar={"thickness": 10, "outlinewidth": 0},
        xgap=2,
        ygap=2,
    )
    layout = go.Layout(
        title={"text": text(title)},
        xaxis=positions([wrapped(network, 16) for network in frame.columns]),
        yaxis=positions([wrapped(label) for label in labels], reverse=True),
    )
    return spec(go.Figure(trace, layout))
