"""The sections of the page that sets two experiments side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from seggrid.report.comparison.differences import CHOSEN, SHARED, WINNERS, difference_frame
from seggrid.report.comparison.pair import Pair, key
from seggrid.report.comparison.settings import setting_frame
from seggrid.report.figures import Figure, rounded, spec, text, tone
from seggrid.report.numbers import LENGTH, SHARE, fixed
from seggrid.report.page import Section
from seggrid.report.sections.objects import metric_name
from seggrid.scoring import criterion
from seggrid.scoring.aggregate import over_runs
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.grid import Candidate
from seggrid.scoring.statistics import MINIMUM_GROUPS

_MEASURES = {"O": "overlap", "D": "distance"}
_SYMBOLS = ("circle", "diamond-open")


def build_sections(pair: Pair) -> list[Section]:
    """Build every section of the page, in their order."""
    ranking, found = ranking_frame(pair), difference_frame(pair)
    return [
        _answer(pair, ranking, found),
        _ranking(pair, ranking),
        _differences(pair, found),
        Section("objects", "Objects", {"rows": _records(object_frame(pair))}),
        Section(
            "settings", "Settings that differ",
            {"rows": _records(setting_frame(*(side.experiment for side in pair.sides)))},
        ),
    ]  # fmt: skip


def ranking_frame(pair: Pair) -> pd.DataFrame:
    """The candidates of both, best first: ``ranking.csv`` of each with ``side``, and the place among all.

    Attributes of a row: ``place`` (among the candidates of both; NaN where the units of the two differ), ``winner``,
    ``chosen`` (by validation), ``both`` (``same runs``, ``other runs`` or nothing).
    """
    tables = []
    for side in pair.sides:
        table = side.ranking.table.assign(side=side.letter)
        table["winner"], table["chosen"] = table.index == side.winner, table.index == side.chosen
        keys = [key(side.grid.candidates[position]) for position in table.index]
        table["both"] = ["same runs" if k in pair.identical else "other runs" if k in pair.shared else "" for k in keys]
        tables.append(table.reset_index())
    frame = pd.concat(tables, ignore_index=True)
    ranked = frame["rank"].notna()
    frame["place"] = np.nan
    if pair.one_unit and ranked.any():
        values = (frame.loc[ranked, name].to_numpy(float) for name in ("absolute", "overlap", "distance"))
        frame.loc[ranked, "place"] = criterion.ranks("absolute", *values)
    order = ["place", "side"] if pair.one_unit else ["side", "rank"]
    return frame.sort_values(order, kind="stable", na_position="last", ignore_index=True)


def object_frame(pair: Pair) -> pd.DataFrame:
    """A row per object and experiment: what its winner reaches there, and which of its candidates has the highest O."""
    rows = []
    for side in pair.sides:
        if side.winner is None:
            continue
        means = comprehensive(side.means.objects, side.grid.experiment.scoring)
        table, _ = over_runs(means[means.index.get_level_values("split") == "test"], side.grid.candidate_of)
        ranked = table[table.index.get_level_values("candidate").isin(side.ranking.ranked.index)].dropna()
        for name, values in ranked.groupby("class", observed=True, sort=False):
            own = values.droplevel(["split", "class"])
            best = side.grid.candidates[own.index[int(own["overlap"].to_numpy().argmax())]]
            row = {"object": name, "side": side.letter, "best": best, "best_overlap": own["overlap"].max()}
            winner = own.reindex([side.winner]).iloc[0]
            rows.append({**row, "overlap": winner["overlap"], "distance": winner["distance"]})
    frame = pd.DataFrame(rows, columns=["object", "side", "overlap", "distance", "best", "best_overlap"])
    order = {name: place for place, name in enumerate(dict.fromkeys(frame["object"]))}
    return frame.sort_values("object", key=lambda names: names.map(order), kind="stable", ignore_index=True)


def _answer(pair: Pair, ranking: pd.DataFrame, found: pd.DataFrame) -> Section:
    winners = {row.side: row for row in ranking[ranking["winner"]].itertuples()}
    difference = _first(found, WINNERS)
    values: dict[str, Any] = {
        "winners": winners,
        "difference": difference,
        "undecided": [sign for sign, name in _MEASURES.items() if difference and _holds_zero(difference, name)],
        "chosen": _first(found, CHOSEN),
        "ranked": {side.letter: len(side.ranking.ranked) for side in pair.sides},
        "states": {side.letter: side.grid.states() for side in pair.sides},
        "minimum": MINIMUM_GROUPS,
    }
    return Section("answer", "The answer", values)


def _holds_zero(row: dict[str, Any], name: str) -> bool:
    return bool(row[f"{name}_low"] <= 0 <= row[f"{name}_high"])


def _first(found: pd.DataFrame, why: str) -> dict[str, Any] | None:
    rows = found[(found["why"] == why) & (found["object"] == "")] if len(found) else found
    return _records(rows)[0] if len(rows) else None


def _ranking(pair: Pair, frame: pd.DataFrame) -> Section:
    ranked = frame["rank"].notna()
    values = {
        "rows": list(frame[ranked].itertuples()),
        "unranked": list(frame[~ranked].itertuples()),
        "shared": len(pair.shared),
        "identical": len(pair.identical),
        "several_runs": bool((frame["runs_completed"] > 1).any()),
        "intervals": {side.letter: bool(side.ranking.table["overlap_low"].notna().any()) for side in pair.sides},
        "overlap": [metric_name(metric) for metric in pair.first.grid.experiment.scoring.overlap.mean],
        "distance": [metric_name(metric) for metric in pair.first.grid.experiment.scoring.distance.mean],
    }
    figures = (_scatter(pair, frame[ranked]),) if ranked.any() and pair.one_unit else ()
    return Section("ranking", "Both rankings", values, figures)


def _scatter(pair: Pair, frame: pd.DataFrame) -> Figure:
    """O against D of every ranked candidate, a sign and a colour for each experiment."""
    traces = []
    for number, side in enumerate(pair.sides):
        rows = frame[frame["side"] == side.letter]
        traces.append(
            go.Scatter(
                x=rounded(rows["distance"]),
                y=rounded(rows["overlap"]),
                mode="markers",
                name=text(f"{side.letter}: {side.name}"),
                marker={"size": 9, "symbol": _SYMBOLS[number], "line": {"width": 2 if number else 0}},
                hovertext=[_told(row) for row in _records(rows)],
                hoverinfo="text",
                meta=tone(number),
            )
        )
    unit = f" [{pair.units[0]}]" if pair.units[0] else ""
    title = "O against D: the upper left is best"
    layout = go.Layout(
        title={"text": title},
        xaxis={"title": {"text": text(f"D, distance{unit}")}},
        yaxis={"title": {"text": "O, overlap"}},
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"},
    )
    return Figure("overlap-distance", f"Scatter plot: {title}", frame, (spec(go.Figure(traces, layout)),), 380)


def _told(row: dict[str, Any]) -> str:
    numbers = f"O {fixed(row['overlap'], SHARE)}, D {fixed(row['distance'], LENGTH)}"
    return f"{text(row['label'])}<br>{text(row['network'])}<br>{numbers}"


def _differences(pair: Pair, found: pd.DataFrame) -> Section:
    rows = [{**row, "candidates": _candidates(pair, row)} for row in _records(found)]
    values = {
        "winners": [row for row in rows if row["why"] != SHARED],
        "shared": [row for row in rows if row["why"] == SHARED],
        "groups": max((row["groups"] for row in rows), default=0),
        "minimum": MINIMUM_GROUPS,
        "resamples": pair.first.grid.experiment.scoring.bootstrap,
        "identical": len(pair.identical),
    }
    return Section("differences", "Differences A − B", values)


def _candidates(pair: Pair, row: dict[str, Any]) -> tuple[Candidate, Candidate]:
    return pair.first.grid.candidates[row["first"]], pair.second.grid.candidates[row["second"]]


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(map(str, frame), row, strict=True)) for row in frame.itertuples(index=False, name=None)]
