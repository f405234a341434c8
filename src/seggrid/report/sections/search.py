"""What a search did: its history, which of its variables matter, and the front of O and D on validation."""

from __future__ import annotations

from functools import partial

import pandas as pd
import plotly.graph_objects as go

from seggrid.paths import SearchFolder
from seggrid.report.drawings import COLUMN, Drawing, draw_scatter
from seggrid.report.figures import Figure, positions, rounded, spec, text, tone
from seggrid.report.numbers import LENGTH, SHARE, fixed, percent
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.search.history import ENOUGH, importances, search_history


def build(results: Results) -> Section | None:
    """Show the trials that were told; no section where the experiment searches nothing."""
    experiment = results.grid.experiment
    if experiment.search is None:
        return None
    name = experiment.name
    history = search_history(name) if SearchFolder(name).spec.is_file() else pd.DataFrame()
    values = {
        "search": experiment.search,
        "trials": len(history),
        "counts": history["state"].value_counts().to_dict() if len(history) else {},
        "rounds": len(history["round"].unique()) if len(history) else 0,
        "enough": ENOUGH,
    }
    if history.empty or history["score"].isna().all():
        return Section("search", "Search", values)
    figures = [_history_figure(history), _front_figure(history, results)]
    if found := importances(history):
        figures.append(_importance_figure(found))
    return Section("search", "Search", values, tuple(figures))


def _hover(history: pd.DataFrame) -> list[str]:
    return [
        f"trial {number + 1}, round {row['round']}<br>{text(row['network'])}, {text(row['loss'])}<br>"
        f"S {fixed(row['score'])}, O {fixed(row['overlap'])}, D {fixed(row['distance'], LENGTH)}"
        for number, row in enumerate(history.to_dict("records"))
    ]


def _history_figure(history: pd.DataFrame) -> Figure:
    """The score of every trial in the order of the rounds, and the best so far."""
    frame = history.assign(trial=range(1, len(history) + 1))
    figure = go.Figure(
        [
            go.Scatter(
                x=frame["trial"].tolist(), y=rounded(frame["score"]), mode="markers", name="trial", meta=tone(0),
                hovertext=_hover(frame), hoverinfo="text",
            ),
            go.Scatter(
                x=frame["trial"].tolist(), y=rounded(frame["best"]), mode="lines", name="best so far", meta=tone(1),
                line={"shape": "hv", "width": 2}, hoverinfo="skip",
            ),
        ]
    )  # fmt: skip
    figure.update_layout(
        title={"text": "S on validation, trial by trial"},
        xaxis={"title": {"text": "trial"}},
        legend={"orientation": "h", "y": -0.25},
    )
    names = ("trial", "S on validation")
    draw = partial(draw_scatter, frame=frame, x="trial", y="score", names=names, steps="best")
    caption = "S of every trial on validation, in the order of the search, and the best so far."
    drawing = Drawing("search-history", caption, COLUMN, COLUMN * 0.7, draw)
    return Figure("search-history", "Score of every trial", frame, (spec(figure),), 320, (drawing,))


def _front_figure(history: pd.DataFrame, results: Results) -> Figure:
    """O against D on validation, the front that nobody dominates joined."""
    frame = history[history["score"].notna()]
    front = frame[frame["front"]].sort_values("overlap")
    unit = f" [{results.unit}]" if results.unit else ""
    figure = go.Figure(
        [
            go.Scatter(
                x=rounded(frame["overlap"]), y=rounded(frame["distance"]), mode="markers", name="trial", meta=tone(0),
                hovertext=_hover(frame), hoverinfo="text",
            ),
            go.Scatter(
                x=rounded(front["overlap"]), y=rounded(front["distance"]), mode="lines+markers", name="Pareto front",
                meta=tone(1), hoverinfo="skip", marker={"size": 9},
            ),
        ]
    )  # fmt: skip
    figure.update_layout(
        title={"text": "O and D on validation"},
        xaxis={"title": {"text": "O"}},
        yaxis={"title": {"text": f"D{unit}"}},
        legend={"orientation": "h", "y": -0.25},
    )
    names = ("O on validation", f"D on validation{unit}")
    draw = partial(draw_scatter, frame=frame, x="overlap", y="distance", names=names, best="front")
    caption = "O and D of every trial on validation; joined: those that no other dominates."
    drawing = Drawing("search-front", caption, COLUMN, COLUMN * 0.8, draw)
    return Figure("search-front", "Pareto front of O and D", frame, (spec(figure),), 320, (drawing,))


def _importance_figure(found: dict[str, float]) -> Figure:
    names = list(found)
    trace = go.Bar(
        x=rounded(found.values(), SHARE),
        y=list(range(len(names))),
        orientation="h",
        meta=tone(2),
        hovertext=[f"{text(name)}: {percent(share)}" for name, share in found.items()],
        hoverinfo="text",
    )
    layout = go.Layout(
        title={"text": "Importance of each variable (PED-ANOVA)"},
        yaxis=positions([text(name) for name in names], reverse=True),
    )
    frame = pd.DataFrame({"variable": names, "share": list(found.values())})
    variant = spec(go.Figure(trace, layout))
    return Figure("search-importance", "Importance of the variables", frame, (variant,), 120 + 30 * len(names))
