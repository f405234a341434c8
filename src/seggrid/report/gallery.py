"""The test cases of the candidates that matter, with the outlines of truth and predictions."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from seggrid.data.store import Store
from seggrid.inference.masks import read_mask
from seggrid.paths import RunFolder
from seggrid.report.pictures import Picture, outlines, picture
from seggrid.report.results import Results, place
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.grid import Candidate, GridRun

#: Cases with pictures; of more, those of the winner's evenly spread quantiles, best and worst among them.
MOST_CASES = 120


@dataclass(frozen=True)
class Prediction:
    """What one candidate made of a case.

    Attributes:
        candidate: position among the candidates of the gallery.
        place: fold and seed of the run.
        objects: name, value of the caption's metric (NaN where undefined) and status of each object.
        outlines: the border of each object as SVG path data.
    """

    candidate: int
    place: str
    overlap: float
    distance: float
    objects: tuple[tuple[str, float, str], ...]
    outlines: tuple[str, ...]


@dataclass(frozen=True)
class GalleryCase:
    """One test case and its predictions, a candidate's once."""

    case: str
    group: str
    picture: Picture
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True)
class Gallery:
    """Cases by name.

    Attributes:
        roles: the candidates, each with its roles.
        left_out: test cases without a picture.
    """

    roles: Mapping[Candidate, list[str]]
    cases: Mapping[str, GalleryCase]
    left_out: int


def notable(results: Results) -> dict[Candidate, list[str]]:
    """The winner, the choice of val, the runner-up, and the baseline mixture in the winner's network, with roles."""
    found: dict[Candidate, list[str]] = {}
    if results.scores is None or results.ranked.empty:
        return found
    by_key = {(candidate.network, candidate.loss): candidate for candidate in results.candidates}
    first, chosen = results.ranked.iloc[0], results.scores["validation_winner"]
    roles = [((first["network"], first["loss"]), "winner on test")]
    if len(results.ranked) > 1:
        second = results.ranked.iloc[1]
        roles.append(((second["network"], second["loss"]), "runner-up"))
    if chosen is not None:
        roles.append(((chosen["network"], chosen["loss"]), "choice of validation"))
    roles.append(((first["network"], results.scores["baseline"]), "baseline mixture"))
    for key, role in roles:
        # A search may have no mixture in common to its networks.
        if key in by_key:
            found.setdefault(by_key[key], []).append(role)
    return found


def caption_metric(results: Results) -> str:
    """Dice where it is measured, else the first metric of O."""
    experiment = results.grid.experiment
    return "dice" if "dice" in experiment.evaluation.metrics else experiment.scoring.overlap.mean[0]


def case_frame(results: Results, candidate: Candidate) -> pd.DataFrame:
    """O and D of the test cases of a candidate, worst O first: means over the objects.

    A case that several runs have tested (seeds) is that of the first run of the plan that kept its masks, which is the
    one that is drawn; without any it is left out.

    Returns:
        ``run`` (position in the plan), ``group``, ``case``, ``overlap``, ``distance``.
    """
    scoring = results.grid.experiment.scoring
    rows = rows_on_test(results, candidate)
    if rows.empty:
        return pd.DataFrame({"run": [], "group": [], "case": []})
    kept = [run for run in rows["run"].unique() if _archive(results.grid.runs[run]).is_file()]
    rows = rows[rows["run"].isin(kept)]
    means = rows.groupby(["run", "group", "case"], observed=True, sort=True)[list(scoring.metrics)].mean()
    frame = comprehensive(means, scoring).dropna().reset_index().drop_duplicates("case")
    frame = frame.astype({"group": str, "case": str})
    return frame.sort_values(["overlap", "distance", "case"], ascending=[True, False, True])


def rows_on_test(results: Results, candidate: Candidate) -> pd.DataFrame:
    """The rows of a candidate's test cases: a row per run, case and object."""
    if results.cases.empty:
        return results.cases
    runs = np.flatnonzero(results.grid.candidate_of == results.grid.candidates.index(candidate))
    return results.cases[results.cases["run"].isin(runs) & (results.cases["split"] == "test")]


def build_gallery(results: Results) -> Gallery:
    """Draw the test cases; without predictions or without the data set there are none."""
    roles = notable(results)
    if not roles or not results.data.index.is_file():
        return Gallery(roles, {}, 0)
    store = Store.open(results.data)
    frames = {candidate: case_frame(results, candidate) for candidate in roles}
    chosen = _spread(next(iter(frames.values()))["case"].tolist(), MOST_CASES)
    for frame in frames.values():
        chosen += [case for case in _extremes(frame) if case not in chosen]
    drawn = _draw_truths(store, set(chosen), len(results.grid.class_names))
    predictions: dict[str, list[Prediction]] = {case: [] for case in drawn}
    for position, (candidate, frame) in enumerate(frames.items()):
        for case, prediction in _predictions(results, position, candidate, frame, drawn):
            predictions[case].append(prediction)
    groups = {
        case: group for frame in frames.values() for case, group in zip(frame["case"], frame["group"], strict=True)
    }
    cases = {
        case: GalleryCase(case, groups[case], drawn[case], tuple(predictions[case]))
        for case in sorted(drawn)
        if predictions[case]
    }
    tested = set(rows_on_test(results, next(iter(roles)))["case"].astype(str))
    return Gallery(roles, cases, len(tested - set(cases)))


def extreme_rows(frame: pd.DataFrame) -> dict[str, int]:
    """Rows of the best, the median and the worst case, of a frame that is sorted worst first."""
    return {"best": len(frame) - 1, "median": (len(frame) - 1) // 2, "worst": 0} if len(frame) else {}


def _extremes(frame: pd.DataFrame) -> list[str]:
    return [str(frame["case"].iloc[row]) for row in extreme_rows(frame).values()]


def _spread(names: list[str], most: int) -> list[str]:
    if len(names) <= most:
        return names
    return [names[int(row)] for row in np.unique(np.linspace(0, len(names) - 1, most).round())]


def _draw_truths(store: Store, chosen: set[str], objects: int) -> dict[str, Picture]:
    return {
        entry.case: picture(store.original(index), store.truth(index), objects, entry.spacing)
        for index, entry in enumerate(store.cases)
        if entry.case in chosen
    }


def _predictions(
    results: Results, position: int, candidate: Candidate, frame: pd.DataFrame, drawn: Mapping[str, Picture]
) -> list[tuple[str, Prediction]]:
    """Each drawn case's prediction."""
    if frame.empty:
        return []
    objects = {
        key: tuple(zip(rows["class"].astype(str), rows[metric].astype(float), rows["status"].astype(str), strict=True))
        for metric in [caption_metric(results)]
        for key, rows in rows_on_test(results, candidate).groupby(["run", "case"], observed=True, sort=False)
    }
    found = []
    for number, rows in frame[frame["case"].isin(list(drawn))].groupby("run", sort=True):
        run = results.grid.runs[int(str(number))]
        with zipfile.ZipFile(_archive(run)) as archive:
            for row in rows.to_dict("records"):
                case: Any = row["case"]
                mask = read_mask(archive, f"test/{case}")
                prediction = Prediction(
                    position, place(run), row["overlap"], row["distance"], objects[number, case],
                    outlines(mask, len(results.grid.class_names), drawn[case].position),
                )  # fmt: skip
                found.append((case, prediction))
    return found


def _archive(run: GridRun) -> Path:
    return RunFolder(run.planned.run_id).evaluation(run.planned.eval_id).predictions
