"""Ablations: what each factor changes where all others are equal, and how far trainings differ by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from seggrid.analysis.effects import effects
from seggrid.analysis.evidence import MEASURES, Measure
from seggrid.analysis.spread import training_spread
from seggrid.report.drawings import PAGE, Drawing, draw_forest
from seggrid.report.figures import Figure, forest
from seggrid.report.numbers import LENGTH, SHARE, between
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.tables import Column, Table

#: Changes that are drawn, exchanges of terms the last of them; all stand in the table.
_SHOWN = 25
_FACTORS = {
    "term": "term added",
    "exchange": "term exchanged",
    "parameter": "parameter of a loss",
    "network": "network",
}


def build(results: Results) -> Section:
    """Estimate the effects; nothing while no two ranked candidates differ in one factor only."""
    evidence = results.evidence
    frame = effects(evidence) if evidence is not None else pd.DataFrame()
    spread = training_spread(results.grid, results.means) if results.means is not None else pd.DataFrame()
    values: dict[str, Any] = {
        "rows": frame.to_dict("records"),
        "spread": spread.to_dict("records"),
        "enough": evidence is not None and evidence.enough,
        "factors": _FACTORS,
        "hidden": max(0, len(frame) - _SHOWN),
    }
    if frame.empty or evidence is None:
        return Section("effects", "Ablations", values)
    frame["change"] = [change_text(row) for row in frame.to_dict("records")]
    values["rows"] = frame.to_dict("records")
    unit = f" [{results.unit}]" if results.unit else ""
    titles: dict[Measure, str] = {
        "overlap": "Change of O, better to the right",
        "distance": f"Change of D{unit}, better to the left",
    }
    panels = {measure: _panel(frame.head(_SHOWN), measure) for measure in MEASURES}
    printed = [(titles[measure].partition(",")[0], panels[measure]) for measure in MEASURES]
    caption = "Mean change of O and of D over all pairs of candidates that differ in one factor only"
    caption += ", with 95 % intervals of a bootstrap over the test groups." if evidence.enough else "."
    drawing = Drawing(
        "effects", caption, PAGE, 0.6 + 0.2 * len(panels["overlap"]), partial(draw_forest, panels=printed)
    )
    height = 110 + 34 * len(panels["overlap"])
    figures = tuple(
        Figure(
            f"effect-{measure}", title, panels[measure], (forest(panels[measure], title),), height,
            (drawing,) if measure == "overlap" else (),
        )
        for measure, title in titles.items()
    )  # fmt: skip
    return Section("effects", "Ablations", values, figures, (_table(frame, results),))


def change_text(row: Mapping[Any, Any]) -> str:
    """``+ dice``, ``dual_level_ce instead of ce``."""
    return f"+ {row['level']}" if row["factor"] == "term" else f"{row['level']} instead of {row['reference']}"


def _panel(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    places = SHARE if measure == "overlap" else LENGTH
    panel = pd.DataFrame(
        {
            "label": frame["change"],
            "value": frame[measure],
            "low": frame[f"{measure}_low"],
            "high": frame[f"{measure}_high"],
        }
    )
    panel["hover"] = [f"{row['label']}: {between(row, places)}" for row in panel.to_dict("records")]
    return panel


def _table(frame: pd.DataFrame, results: Results) -> Table:
    columns = (
        Column("change", "Change"),
        Column("pairs", "Pairs", places=0),
        Column(
            "overlap", "O", places=SHARE, interval=("overlap_low", "overlap_high"), signed=True
        ),
        Column(
            "distance", "D", results.unit, LENGTH, interval=("distance_low", "distance_high"), signed=True
        ),
    )  # fmt: skip
    caption = (
        "Mean change of O and D over all pairs of candidates that differ in this factor only, with 95 % intervals of a "
        "bootstrap over test groups."
    )
    return Table("effects", caption, frame, columns)
