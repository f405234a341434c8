"""An interactive figure: the data frame behind it, and what plotly draws from it.

Colours are not chosen here: a trace names a tone (a number), the page turns it into a colour of its light or dark
theme.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from seggrid.report.drawings import Drawing

Spec = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """One figure of the page.

    Attributes:
        name: its id in the page.
        alternative: what it shows, for those who do not see it.
        frame: the data that is drawn, tidy.
        variants: what plotly draws; several where a switch of the page chooses among them, ``None`` where an option has
            nothing to draw.
        height: in px.
        drawings: the same for the manuscript.
    """

    name: str
    alternative: str
    frame: pd.DataFrame
    variants: tuple[Spec | None, ...]
    height: int = 280
    drawings: tuple[Drawing, ...] = ()


def spec(figure: go.Figure) -> Spec:
    """Return what plotly.js needs to draw a figure."""
    return {"data": [trace.to_plotly_json() for trace in figure.data], "layout": _layout(figure)}


def _layout(figure: go.Figure) -> dict[str, Any]:
    return {key: value for key, value in figure.layout.to_plotly_json().items() if key != "template"}


def text(name: str) -> str:
    """Escape a name for plotly, which reads a part of HTML in every text it shows."""
    return html.escape(name, quote=False)


def wrapped(name: str, width: int = 30) -> str:
    """Escape a name and break it at its plus signs where lines would grow longer than ``width``."""
    lines = [""]
    for part in name.replace(" + ", " \n+ ").split("\n"):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "<br>".join(text(line.strip()) for line in lines)


def tone(number: int) -> dict[str, int]:
    """The ``meta`` of a trace that is drawn in a colour of the theme."""
    return {"tone": number}


def positions(names: list[str], reverse: bool = False) -> dict[str, Any]:
    """An axis of positions with names beside them: two that are called alike stay two, and blanks keep their place."""
    ends = [-0.5, len(names) - 0.5]
    return {
        "tickvals": list(range(len(names))),
        "ticktext": names,
        "range": ends[::-1] if reverse else ends,
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
    }


def forest(frame: pd.DataFrame, title: str) -> Spec:
    """Points with intervals, the first on top.

    Args:
        frame: ``label, value, low, high`` and ``hover``.
    """
    value = frame["value"].to_numpy(float)
    trace = go.Scatter(
        x=rounded(value),
        y=list(range(len(frame))),
        error_x={
            "type": "data",
            "array": rounded(frame["high"].to_numpy(float) - value),
            "arrayminus": rounded(value - frame["low"].to_numpy(float)),
            "thickness": 1.5,
            "width": 3,
        },
        hovertext=[text(name) for name in frame["hover"]],
        hoverinfo="text",
        mode="markers",
        marker={"size": 7},
        meta=tone(0),
        showlegend=False,
    )
    layout = go.Layout(
        title={"text": text(title)},
        yaxis=positions([wrapped(name, 34) for name in frame["label"]], reverse=True),
        xaxis={"zeroline": True, "zerolinewidth": 1.5, "rangemode": "tozero"},
    )
    return spec(go.Figure(trace, layout))


def rounded(values: Iterable[float] | npt.NDArray[np.float64], digits: int = 5) -> list[float | None]:
    """Return numbers of so many significant digits; ``None`` where there is none."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values]


def script_json(value: Any) -> str:
    """JSON that may stand inside a script element: no text in it can end the element or open a comment."""
    encoded = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for sign in "<>&\u2028\u2029":
        encoded = encoded.replace(sign, f"\\u{ord(sign):04x}")
    return encoded
