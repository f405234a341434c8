"""The rows of all evaluated runs in one table."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seggrid.errors import UserError
from seggrid.records import atomic
from seggrid.scoring.grid import GridRun, header
from seggrid.specification import PlannedRun

SPLITS = ("val", "test")
STATUSES = ("ok", "pred_empty", "truth_empty", "both_empty")
#: The columns that place a row in the grid.
_PLACE = ["network", "loss", "fold", "seed"]


def write_cases(runs: Sequence[GridRun], metrics: Sequence[str], path: Path) -> None:
    """Write the rows of all completed runs behind one another, in the order of the plan.

    One file is held in memory at a time. A run that another experiment measured under another name of its
    network carries the name of this plan.

    Raises:
        UserError: a file is damaged, or has other columns than this experiment's evaluation.
    """
    first = header(metrics).encode()
    with atomic(path) as temporary, temporary.open("wb") as file:
        file.write(first)
        for run in runs:
            if run.state == "completed":
                content = run.cases.read_bytes()
                if not (content.startswith(first) and content.endswith(b"\n")):
                    raise UserError(f"{run.cases}: damaged or of another evaluation; delete it and evaluate again")
                file.write(as_planned(content[len(first) :], run.planned))


def as_planned(body: bytes, planned: PlannedRun) -> bytes:
    """Return the rows of a run's ``cases.csv`` with the names that a plan has for what places them in the grid."""
    place = [planned.run_id, planned.network, planned.loss, planned.fold, str(planned.seed)]
    if body.startswith(_lines([place])[:-1] + b","):
        return body
    rows = csv.reader(io.StringIO(body.decode(), newline=""))
    return _lines([[*place, *row[len(place) :]] for row in rows])


def _lines(rows: list[list[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode()


def read_cases(path: Path, runs: Sequence[GridRun], metrics: Sequence[str]) -> pd.DataFrame:
    """Read what ``write_cases`` wrote.

    Returns:
        A row per run, split, case and class: ``run`` (position in ``runs``), ``split``, ``group``, ``case``,
        ``class``, ``status``, ``unit`` (categories, classes in their own order) and the metrics.

    Raises:
        UserError: a value is missing or infinite where its status says that it is defined.
    """
    words = [*_PLACE, "split", "group", "case", "class", "status", "unit"]
    table = pd.read_csv(
        path,
        usecols=[*words, *metrics],
        dtype={**dict.fromkeys(words, "category"), **dict.fromkeys(metrics, "float64")},
        # A group may be called NA; only the metrics have empty cells.
        keep_default_na=False,
        na_values={metric: [""] for metric in metrics},
    )
    places = pd.MultiIndex.from_tuples(
        [(run.planned.network, run.planned.loss, run.planned.fold, str(run.planned.seed)) for run in runs], names=_PLACE
    )
    table.insert(0, "run", places.get_indexer(pd.MultiIndex.from_frame(table[_PLACE].astype(str))))
    table = table.drop(columns=_PLACE)
    for column, order in (("split", SPLITS), ("class", table["class"].unique()), ("status", STATUSES)):
        table[column] = table[column].cat.set_categories(list(order))
    _check_values(table, runs, metrics)
    return table


def collect_cases(runs: Sequence[GridRun], metrics: Sequence[str]) -> pd.DataFrame:
    """The rows of all completed runs as they are now, which the table that the score stage left may not hold.

    Raises:
        UserError: a file is damaged, or a value is missing or infinite where its status says that it is defined.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.csv"
        write_cases(runs, metrics, path)
        return read_cases(path, runs, metrics)


def _check_values(table: pd.DataFrame, runs: Sequence[GridRun], metrics: Sequence[str]) -> None:
    """A mean that skipped an undefined distance would reward the missed object behind it."""
    defined = np.isfinite(table[list(metrics)].to_numpy())
    whole = defined.all(axis=1)
    wrong = ~whole & ((table["status"] != "both_empty").to_numpy() | defined.any(axis=1))
    if wrong.any():
        row = int(np.argmax(wrong))
        metric = metrics[int(np.argmin(defined[row]))]
        case, name = table["case"].iloc[row], table["class"].iloc[row]
        raise UserError(
            f"{runs[table['run'].iloc[row]].cases}: {metric} of {case}, {name} is no finite number though its status "
            f"is {table['status'].iloc[row]}; delete the file and evaluate again"
        )
