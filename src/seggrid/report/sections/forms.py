"""The results in the form of the papers' own tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seggrid.catalogue.references import short_name
from seggrid.config.forms import Form, FormPart, load_form
from seggrid.report.form_frames import columns_of, measured, part_frame
from seggrid.report.numbers import DASH, fixed
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.sections.objects import metric_name
from seggrid.report.tables import Column, Table, sample


def build(results: Results) -> Section | None:
    """Write every table of the papers that the experiment names; no section where it names none."""
    if not results.grid.experiment.tables:
        return None
    forms = [load_form(name) for name in results.grid.experiment.tables]
    shown = [(form, table) for form in forms for part in form.parts if (table := form_table(form, part, results))]
    values = {
        "tables": [written(table, short_name(form.reference)) for form, table in shown],
        "papers": [short_name(form.reference) for form in forms],
    }
    title = "Tables in the form of the papers"
    return Section("forms", title, values, tables=tuple(table for _, table in shown))


def form_table(form: Form, part: FormPart, results: Results) -> Table | None:
    """One table of a paper; ``None`` before scoring, or where nothing of it is measured."""
    frame = part_frame(part, results)
    if frame.empty or results.scores is None:
        return None
    columns = tuple(columns_of(part, frame, results))
    if not any(column.places is not None for column in columns):
        return None
    return Table(
        f"{form.name}-{part.name}",
        _caption(form, part, results, results.scores),
        frame,
        columns if part.rows != "image" else tuple(_unmarked(column) for column in columns),
        within=("class",) if part.rows == "object" else (),
        competes="ranked" if "ranked" in frame else "",
    )


def _unmarked(column: Column) -> Column:
    """Of single images none is best."""
    return Column(column.key, column.heading, column.unit, column.places)


def _caption(form: Form, part: FormPart, results: Results, scores: dict[str, Any]) -> str:
    text = f"In the form of {short_name(form.reference)}, on these data. {part.caption} {sample(scores)}."
    if part.rows == "image":
        winner = results.candidates[0]
        return f"{text} Shown: {winner.network} with {winner.label}."
    if any(column.sd and column.of != "images" for column in part.columns):
        text += " ± standard deviation over folds and seeds."
    absent = dict.fromkeys(metric_name(column.value) for column in part.columns if not measured(column, results))
    if absent:
        text += f" Not measured here: {', '.join(absent)}."
    return f"{text} Bold: best ranked candidate{' on that object' if part.rows == 'object' else ''}."


def written(table: Table, paper: str) -> dict[str, Any]:
    """A table as the page shows it: headings, and cells of text with whether they are the best."""
    best = {column.key: table.best(column) for column in table.columns}
    rows = [
        [_cell(row, column, place in best[column.key]) for column in table.columns]
        for place, row in enumerate(table.frame.to_dict("records"))
    ]
    headings = [
        {"text": column.heading, "unit": column.unit, "number": column.places is not None} for column in table.columns
    ]
    return {"name": table.name, "paper": paper, "caption": table.caption, "headings": headings, "rows": rows}


def _cell(row: dict[Any, Any], column: Column, best: bool) -> dict[str, Any]:
    value = row[column.key]
    if column.places is None:
        return {"text": str(value), "number": False, "best": False, "sd": ""}
    sd = row.get(column.sd) if column.sd else None
    spread = "" if sd is None or pd.isna(sd) else fixed(sd / column.per, column.places)
    text = DASH if pd.isna(value) else fixed(value / column.per, column.places)
    return {"text": text, "number": True, "best": best, "sd": spread}
