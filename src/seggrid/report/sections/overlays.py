"""The best, median and worst test cases of the candidates that matter, with outlines of truth and prediction."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from seggrid.data.store import Store
from seggrid.inference.evaluate import read_mask
from seggrid.paths import RunFolder
from seggrid.report.page import Section
from seggrid.report.pictures import Picture, picture
from seggrid.report.results import Results, place
from seggrid.report.sections.objects import metric_name
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.grid import Candidate, GridRun


@dataclass(frozen=True)
class Shown:
    """One picture with its numbers.

    Attributes:
        which: ``best``, ``median`` or ``worst``.
        place: fold and seed of the run that predicted it.
        objects: name, value of the caption's metric (NaN where undefined) and status of each object.
    """

    which: str
    case: str
    group: str
    place: str
    overlap: float
    distance: float
    objects: tuple[tuple[str, float, str], ...]
    picture: Picture


def build(results: Results) -> Section:
    """Draw the pictures; none while nobody is ranked or where the data set was deleted."""
    rows: list[dict[str, Any]] = []
    if results.data.index.is_file():
        store = Store.open(results.data)
        for candidate, roles in notable(results).items():
            shown = _show(results, store, candidate)
            if shown:
                rows.append({"candidate": candidate, "roles": roles, "shown": shown})
    values = {
        "rows": rows,
        "metric": metric_name(caption_metric(results)),
        "ranked": len(results.ranked),
        "stored": results.data.index.is_file(),
    }
    return Section("overlays", "Pictures", values)


def notable(results: Results) -> dict[Candidate, list[str]]:
    """The winner, the choice of val, and the baseline mixture in the winner's network, each with its roles."""
    found: dict[Candidate, list[str]] = {}
    if results.scores is None or results.ranked.empty:
        return found
    by_key = {(candidate.network, candidate.loss): candidate for candidate in results.candidates}
    first, chosen = results.ranked.iloc[0], results.scores["validation_winner"]
    roles = [((first["network"], first["loss"]), "winner on test")]
    if chosen is not None:
        roles.append(((chosen["network"], chosen["loss"]), "choice of validation"))
    roles.append(((first["network"], results.scores["baseline"]), "baseline mixture"))
    for key, role in roles:
        found.setdefault(by_key[key], []).append(role)
    return found


def caption_metric(results: Results) -> str:
    """Dice where it is measured, else the first metric of O."""
    experiment = results.grid.experiment
    return "dice" if "dice" in experiment.evaluation.metrics else experiment.scoring.overlap.mean[0]


def case_frame(results: Results, runs: list[GridRun]) -> pd.DataFrame:
    """O and D of every test case of every run, worst O first: means over the objects; ``run`` is a position."""
    scoring = results.grid.experiment.scoring
    tables = []
    for position, run in enumerate(runs):
        if run.state == "completed":
            table = pd.read_csv(run.cases, dtype={"case": str, "group": str}, keep_default_na=False, na_values=[""])
            tables.append(table[table["split"] == "test"].assign(run=position))
    if not tables:
        return pd.DataFrame()
    metrics = list(scoring.metrics)
    means = pd.concat(tables).groupby(["run", "group", "case"], sort=True)[metrics].mean()
    frame = comprehensive(means, scoring).dropna().reset_index()
    return frame.sort_values(["overlap", "distance", "case", "run"], ascending=[True, False, True, True])


def _show(results: Results, store: Store, candidate: Candidate) -> list[Shown]:
    runs = [run for run in results.runs_of(candidate) if _predictions(run).is_file()]
    frame = case_frame(results, runs)
    if frame.empty:
        return []
    positions = {"best": len(frame) - 1, "median": (len(frame) - 1) // 2, "worst": 0}
    number = {entry.case: index for index, entry in enumerate(store.cases)}
    shown = []
    for which, position in positions.items():
        row = frame.iloc[position]
        run, case = runs[int(row["run"])], str(row["case"])
        with zipfile.ZipFile(_predictions(run)) as archive:
            prediction = read_mask(archive, f"test/{case}")
        index = number[case]
        drawn = picture(
            store.original(index), store.truth(index), prediction, results.grid.class_names, store.cases[index].spacing
        )
        shown.append(
            Shown(
                which, case, str(row["group"]), place(run), row["overlap"], row["distance"],
                _objects(run, case, caption_metric(results)), drawn,
            )
        )  # fmt: skip
    return shown


def _objects(run: GridRun, case: str, metric: str) -> tuple[tuple[str, float, str], ...]:
    words = {"case": str, "class": str}
    table = pd.read_csv(run.cases, dtype=words, keep_default_na=False, na_values={metric: [""]})
    rows = table[(table["split"] == "test") & (table["case"] == case)]
    return tuple(zip(rows["class"].tolist(), rows[metric].tolist(), rows["status"].tolist(), strict=True))


def _predictions(run: GridRun) -> Path:
    return RunFolder(run.planned.run_id).evaluation(run.planned.eval_id).predictions
