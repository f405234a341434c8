"""The results in the form of the papers' own tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seggrid.analysis.instability import MINIMUM_SEEDS
from seggrid.catalogue.references import short_name
from seggrid.config.forms import Form, FormPart, load_form
from seggrid.report.form_frames import columns_of, common_sample, completed, measured, part_frame, shown
from seggrid.report.numbers import DASH, fixed
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.sections.objects import metric_name
from seggrid.report.tables import Column, Table
from seggrid.scoring.grid import Candidate

#: What every number is where volumes are cut into slices.
PER_SLICE = "A case is one slice: all values are per slice"


def build(results: Results) -> Section | None:
    """Write every table of the papers that the experiment names; no section where it names none."""
    if not results.grid.experiment.tables:
        return None
    forms = [load_form(name) for name in results.grid.experiment.tables]
    made = [(form, table) for form in forms for part in form.parts if (table := form_table(form, part, results))]
    values = {
        "tables": [written(table, short_name(form.reference)) for form, table in made],
        "papers": [short_name(form.reference) for form in forms],
    }
    title = "Tables in the form of the papers"
    return Section("forms", title, values, tables=tuple(table for _, table in made))


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
        _caption(form, part, results),
        frame,
        columns if part.rows != "image" else tuple(_unmarked(column) for column in columns),
        within=("class",) if part.rows == "object" else (),
        competes="ranked" if "ranked" in frame else "",
    )


def _unmarked(column: Column) -> Column:
    """Of single images none is best."""
    return Column(column.key, column.heading, column.unit, column.places)


def _caption(form: Form, part: FormPart, results: Results) -> str:
    """What a table shows; n only as far as it is that of every row."""
    rows = [shown(part, results)] if part.rows == "image" else results.candidates
    text = f"In the form of {short_name(form.reference)}, on these data. {part.caption}"
    text += "".join(f" {words}." for words in (common_sample(results, rows), results.slices and PER_SLICE) if words)
    if results.grid.experiment.evaluation.postprocessing:
        text += " After the post-processing that every run chose on validation."
    if part.rows == "image":
        return f"{text} Shown: {rows[0].network} with {rows[0].label}{_some_runs(rows[0], results)}."
    if any(completed(candidate, results) for candidate in rows):
        text += " Completed: runs of those planned; without all of them a candidate is not ranked."
    if any(column.sd and column.of != "images" for column in part.columns):
        text += " ± standard deviation over folds and seeds."
    absent = dict.fromkeys(metric_name(column.value) for column in part.columns if not measured(column, results))
    if absent:
        text += f" Not measured here: {', '.join(absent)}."
    if any(column.value == "collapsed_share" for column in part.columns) and _few_seeds(results):
        text += f" Fewer than {MINIMUM_SEEDS} seeds: the share of collapsed runs says little."
    of = "an object" if part.rows == "object" else "all"
    return f"{text} Bold: the best value of {of} among ranked candidates, column by column."


def _some_runs(candidate: Candidate, results: Results) -> str:
    count = completed(candidate, results)
    return f" ({count} runs completed)" if count else ""


def _few_seeds(results: Results) -> bool:
    return bool((results.instability["seeds"] < MINIMUM_SEEDS).any())


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
