"""Mixture models over the ratio simplex as plotly draws them: a triangle, a line, or panels of every two weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from seggrid.analysis.response_surface import Response, Surface
from seggrid.report.drawings import SHADES
from seggrid.report.figures import Spec, rounded, spec, text, tone
from seggrid.report.numbers import LENGTH, SHARE, fixed
from seggrid.scoring.criterion import Floats

RESPONSE_NAMES: dict[Response, str] = {"overlap": "O", "distance": "D", "absolute": "S (absolute)"}
#: Every so many-th part of a weight is drawn; the model is sought on a finer lattice.
_DRAWN = 25
#: Black with a white rim, to be seen on both themes.
_STAR = {"symbol": "star", "size": 15, "color": "#101418", "line": {"width": 1, "color": "#ffffff"}}


def draw_surface(surface: Surface, points: pd.DataFrame, unit: str) -> Spec:
    """Draw a model and what it was fitted to.

    Args:
        points: a column per term and response, ``label``, and ``effective:TERM``, the share of the gradient.
    """
    response = surface.response
    title = RESPONSE_NAMES[response] + (f" [{unit}]" if response == "distance" and unit else "")
    count = len(surface.simplex.terms)
    if count == 3:
        return _ternary(surface, points, title)
    return _line(surface, points, title) if count == 2 else _panels(surface, points, title)


def _colours(surface: Surface, points: pd.DataFrame, title: str) -> dict[str, Any]:
    both = np.concatenate([surface.surface, points[surface.response]])
    scale = list(zip((0.0, 0.5, 1.0), SHADES, strict=True))
    lower = surface.response == "distance"
    return {
        "colorscale": [(1 - at, shade) for at, shade in reversed(scale)] if lower else scale,
        "cmin": float(both.min()),
        "cmax": float(both.max()),
        "colorbar": {"thickness": 10, "outlinewidth": 0, "title": {"text": title}},
    }


def _hover(points: pd.DataFrame, surface: Surface) -> list[str]:
    places = LENGTH if surface.response == "distance" else SHARE
    return [
        f"{text(row['label'])}<br>{RESPONSE_NAMES[surface.response]} = {fixed(row[surface.response], places)}"
        for row in points.to_dict("records")
    ]


def has_effective(points: pd.DataFrame, terms: Sequence[str]) -> bool:
    """Whether the share of the gradient was measured in any mixture; that of a pure term is no measurement."""
    mixed = points[points[list(terms)].max(axis="columns") < 1]
    return bool(mixed[[f"effective:{term}" for term in terms]].notna().all(axis="columns").any())


def _ternary(surface: Surface, points: pd.DataFrame, title: str) -> Spec:
    """A triangle: shades are the model, filled circles what was measured, open ones the effective ratio."""
    terms, colours = surface.simplex.terms, _colours(surface, points, title)
    drawn = np.isclose(surface.lattice * _DRAWN, np.round(surface.lattice * _DRAWN)).all(axis=1)
    shades = {"symbol": "hexagon2", "size": 15, "color": rounded(surface.surface[drawn]), **colours}
    model = _dots(surface.lattice[drawn], "model", marker=shades, hoverinfo="skip", showlegend=False)
    figure = go.Figure([model, *_region(surface), _measured(surface, points, colours), *_effective(surface, points)])
    figure.add_trace(_dots(surface.optimum[None], "optimum of the model", marker=_STAR, hoverinfo="name"))
    axes = {
        f"{axis}axis": {"title": {"text": text(term)}, "min": 0}
        for axis, term in zip("abc", terms, strict=True)
    }  # fmt: skip
    figure.update_layout(ternary={"sum": 1, **axes}, legend={"orientation": "h", "y": -0.12}, margin={"t": 50})
    return spec(figure)


def _dots(weights: Floats, name: str, **style: Any) -> go.Scatterternary:
    corners = {axis: rounded(weights[:, number]) for number, axis in enumerate("abc")}
    return go.Scatterternary(mode="markers", cliponaxis=False, name=name, **corners, **style)


def _region(surface: Surface) -> list[go.Scatterternary]:
    if not surface.region.any():
        return []
    marker = {"symbol": "circle", "size": 4}
    name = "95 % region of the optimum"
    return [_dots(surface.lattice[surface.region], name, marker=marker, meta=tone(1), hoverinfo="skip")]


def _measured(surface: Surface, points: pd.DataFrame, colours: Mapping[str, Any]) -> go.Scatterternary:
    marker = {
        "size": 11, "color": rounded(points[surface.response]), "line": {"width": 1.5, "color": "#101418"},
        **{key: value for key, value in colours.items() if key != "colorbar"},
    }  # fmt: skip
    weights = points[list(surface.simplex.terms)].to_numpy(float)
    return _dots(weights, "measured", marker=marker, hovertext=_hover(points, surface), hoverinfo="text")


def _effective(surface: Surface, points: pd.DataFrame) -> list[go.Scatterternary]:
    terms = surface.simplex.terms
    if not has_effective(points, terms):
        return []
    weights = points[[f"effective:{term}" for term in terms]].to_numpy(float)
    marker = {"symbol": "circle-open", "size": 8}
    return [
        _dots(
            weights, "effective ratio", marker=marker, meta=tone(3), visible="legendonly",
            hovertext=_hover(points, surface), hoverinfo="text",
        )
    ]  # fmt: skip


def _line(surface: Surface, points: pd.DataFrame, title: str) -> Spec:
    first, second = surface.simplex.terms
    figure = go.Figure(
        [
            go.Scatter(
                x=rounded(surface.lattice[:, 0]), y=rounded(surface.surface), mode="lines", name="model", meta=tone(0)
            ),
            go.Scatter(
                x=rounded(points[first]), y=rounded(points[surface.response]), mode="markers", name="measured",
                hovertext=_hover(points, surface), hoverinfo="text", marker={"size": 9}, meta=tone(1),
            ),
            go.Scatter(
                x=rounded(surface.optimum[:1]), y=rounded([surface.value]), mode="markers", marker=_STAR,
                name="optimum of the model", hoverinfo="name",
            ),
        ]
    )  # fmt: skip
    region = surface.lattice[surface.region][:, 0]
    if len(region):
        ends = {"x0": float(region.min()), "x1": float(region.max())}
        figure.add_vrect(**ends, opacity=0.15, fillcolor="#888888", line={"width": 1, "color": "#888888"})
    figure.update_layout(
        title={"text": text(title)},
        xaxis={"title": {"text": f"weight of {text(first)}, the rest {text(second)}"}},
        legend={"orientation": "h", "y": -0.2},
    )
    return spec(figure)


def _panels(surface: Surface, points: pd.DataFrame, title: str) -> Spec:
    """More than three terms: what was measured, and the optimum of the model, by the weights of every two of them."""
    terms, colours = surface.simplex.terms, _colours(surface, points, title)
    pairs = [(a, b) for a in range(len(terms)) for b in range(a + 1, len(terms))]
    columns = min(3, len(pairs))
    figure = make_subplots(rows=-(-len(pairs) // columns), cols=columns)
    for number, (a, b) in enumerate(pairs):
        place = {"row": number // columns + 1, "col": number % columns + 1}
        shown = colours if number == 0 else {key: value for key, value in colours.items() if key != "colorbar"}
        figure.add_trace(
            go.Scatter(
                x=rounded(points[terms[a]]), y=rounded(points[terms[b]]), mode="markers", showlegend=False,
                marker={"size": 9, "color": rounded(points[surface.response]), **shown},
                hovertext=_hover(points, surface), hoverinfo="text",
            ),
            **place,
        )  # fmt: skip
        figure.add_trace(
            go.Scatter(
                x=rounded(surface.optimum[a : a + 1]), y=rounded(surface.optimum[b : b + 1]), mode="markers",
                marker=_STAR, showlegend=False, hovertext="optimum of the model", hoverinfo="text",
            ),
            **place,
        )  # fmt: skip
        figure.update_xaxes(title={"text": text(terms[a])}, **place)
        figure.update_yaxes(title={"text": text(terms[b])}, **place)
    return spec(figure)
