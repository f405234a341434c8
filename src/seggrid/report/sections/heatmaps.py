"""O and D of every candidate, networks x mixtures."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from seggrid.report.figures import Figure, rounded, spec, text, wrapped
from seggrid.report.numbers import LENGTH, SHARE, fixed
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.sections.objects import metric_name

_ROW, _FRAME = 44, 110
#: One hue from worst to best, in every shade of which black numbers can be read.
_SHADES = [(0.0, "#f4f1e8"), (0.5, "#b5d3ea"), (1.0, "#5fa3dc")]


def build(results: Results) -> Section:
    """Draw the two heat maps of the ranked candidates; none while nobody is ranked."""
    figures: tuple[Figure, ...] = ()
    if len(results.ranked):
        unit = f" [{results.unit}]" if results.unit else ""
        figures = (
            heatmap(results, "overlap", "O, overlap (higher is better)", SHARE),
            heatmap(results, "distance", f"D, distance{unit} (lower is better)", LENGTH),
        )
    scoring = results.grid.experiment.scoring
    values = {
        "blank": len(results.candidates) - len(results.ranked),
        "overlap": [metric_name(metric) for metric in scoring.overlap.mean],
        "distance": [metric_name(metric) for metric in scoring.distance.mean],
    }
    return Section("heatmaps", "Networks × mixtures", values, figures)


def grid_frame(results: Results, column: str) -> pd.DataFrame:
    """Values of the ranked candidates: a row per mixture, a column per network, both in the order of the plan."""
    candidates = results.grid.candidates
    losses = list(dict.fromkeys(candidate.loss for candidate in candidates))
    networks = list(dict.fromkeys(candidate.network for candidate in candidates))
    return results.ranked.pivot_table(column, "loss", "network", sort=False).reindex(losses, columns=networks)


def heatmap(results: Results, column: str, title: str, places: int) -> Figure:
    """Draw one of the two; the stronger colour is the better one in both."""
    frame = grid_frame(results, column)
    label_of = {candidate.loss: candidate.label for candidate in results.grid.candidates}
    labels = [label_of[loss] for loss in frame.index]
    values = [["" if pd.isna(value) else fixed(value, places) for value in row] for row in frame.to_numpy()]
    hover = [
        [f"{text(label)}<br>{text(network)}<br>{value}" for network, value in zip(frame.columns, row, strict=True)]
        for label, row in zip(labels, values, strict=True)
    ]
    trace = go.Heatmap(
        z=[rounded(row) for row in frame.to_numpy()],
        text=values,
        texttemplate="%{text}",
        textfont={"color": "#101418"},
        hovertext=hover,
        hoverinfo="text",
        hoverongaps=False,
        colorscale=_SHADES if column == "overlap" else [(1 - at, shade) for at, shade in reversed(_SHADES)],
        colorbar={"thickness": 10, "outlinewidth": 0},
        xgap=2,
        ygap=2,
    )
    layout = go.Layout(
        title={"text": text(title)},
        xaxis=_axis([wrapped(network, 16) for network in frame.columns]),
        yaxis=_axis([wrapped(label) for label in labels], reverse=True),
    )
    slanted = 4 * max(0, *(len(network) - 14 for network in frame.columns))
    height = _FRAME + _ROW * len(frame) + slanted
    return Figure(f"heat-{column}", f"Heat map: {title}", frame, (spec(go.Figure(trace, layout)),), height)


def _axis(names: list[str], reverse: bool = False) -> dict[str, Any]:
    """Positions with names beside them: two that are called alike stay two, and blank rows keep their place."""
    ends = [-0.5, len(names) - 0.5]
    return {
        "tickvals": list(range(len(names))),
        "ticktext": names,
        "range": ends[::-1] if reverse else ends,
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
    }
