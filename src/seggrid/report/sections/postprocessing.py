"""What post-processing changed: what was chosen on val, and the objects on test before and after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from seggrid.config.postprocessing import chain_title
from seggrid.inference.choice import Choice
from seggrid.paths import EvaluationFolder
from seggrid.records import read_model
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.sections.objects import metric_column
from seggrid.report.tables import Column, Table, sample
from seggrid.scoring.aggregate import Means, aggregate, count, over_runs
from seggrid.scoring.cases import collect_cases
from seggrid.scoring.grid import GridRun
from seggrid.scoring.statistics import MINIMUM_GROUPS, Bootstrap, contributions, expanded_percentiles

#: Rows of a status, and what they are called.
_COUNTED = {"truth_empty": "invented", "pred_empty": "missed"}


def build(results: Results) -> Section | None:
    """Build the section of an evaluation with post-processing; ``None`` of one without."""
    options = results.grid.experiment.evaluation.postprocessing
    if not options:
        return None
    metrics = compared_metrics(results)
    frame = comparison(results, metrics) if results.scores is not None else pd.DataFrame()
    values = {
        "rows": frame.to_dict("records"),
        "metrics": [metric_column(metric, results.unit) for metric in metrics],
        "options": [chain_title(chain) for chain in options],
        "objects": frame["class"].unique().tolist() if len(frame) else [],
    }
    tables = (_table(frame, metrics, results, results.scores),) if len(frame) and results.scores else ()
    return Section("postprocessing", "Post-processing", values, tables=tables)


def compared_metrics(results: Results) -> tuple[str, str]:
    """A metric of overlap, Dice where it is measured, and the first one of D."""
    measured, scoring = results.grid.experiment.evaluation.metrics, results.grid.experiment.scoring
    return "dice" if "dice" in measured else scoring.overlap.mean[0], scoring.distance.mean[0]


def comparison(results: Results, metrics: Sequence[str]) -> pd.DataFrame:
    """A row per ranked candidate and object, in their orders.

    Returns:
        ``rank, network, label, class, chosen``, and of every metric ``NAME_before``, ``NAME``, ``NAME_difference``
        with its interval ``_low, _high``; ``missed`` and ``invented`` with and without ``_before`` count cases.
    """
    grid = results.grid
    folders = [EvaluationFolder(run.cases.parent) for run in grid.runs]
    runs = [_with_both(run, folder) for run, folder in zip(grid.runs, folders, strict=True)]
    measured = grid.experiment.evaluation.metrics
    after_cases = collect_cases(runs, measured)
    before_cases = collect_cases(
        [replace(run, cases=folder.unprocessed) for run, folder in zip(runs, folders, strict=True)], measured
    )
    if after_cases.empty or results.ranked.empty:
        return pd.DataFrame()
    before, after = aggregate(before_cases, measured), aggregate(after_cases, measured)
    table = _levels(before, after, grid.candidate_of, metrics)
    counted = {
        end: count(cases, grid.candidate_of)[list(_COUNTED)].set_axis([n + end for n in _COUNTED.values()], axis=1)
        for end, cases in (("_before", before_cases), ("", after_cases))
    }
    table = table.join([part.xs("test", level="split") for part in counted.values()]).reset_index()
    ranks = {(row["network"], row["loss"]): (place, row["rank"]) for place, row in results.ranked.iterrows()}
    names = [grid.candidates[row] for row in table["candidate"]]
    found = [ranks.get((candidate.network, candidate.loss)) for candidate in names]
    table = table.assign(
        rank=[pair[1] if pair else np.nan for pair in found],
        network=[candidate.network for candidate in names],
        label=[candidate.label for candidate in names],
    )
    table["chosen"] = _chosen(results, runs, table)
    ends = {name: _intervals(results, before, after, metrics, name) for name in table["class"].unique()}
    for metric in metrics:
        for end in ("low", "high"):
            table[f"{metric}_difference_{end}"] = [
                ends[row["class"]].get((row["candidate"], metric, end), np.nan) for _, row in table.iterrows()
            ]
    return table[table["rank"].notna()].sort_values("rank", kind="stable").reset_index(drop=True)


def _with_both(run: GridRun, folder: EvaluationFolder) -> GridRun:
    """A run that was measured before post-processing was asked for has no part in the comparison."""
    whole = run.state == "completed" and folder.unprocessed.is_file() and folder.choice.is_file()
    return run if whole or run.state != "completed" else replace(run, state="unevaluated")


def _levels(
    before: Means, after: Means, candidate_of: np.ndarray[Any, np.dtype[np.int64]], metrics: Sequence[str]
) -> pd.DataFrame:
    """Means of every candidate and object on test, before, after, and their difference."""
    parts = []
    for end, means in (("_before", before), ("", after)):
        mean, _ = over_runs(means.objects[list(metrics)], candidate_of)
        parts.append(mean.xs("test", level="split").add_suffix(end))
    table = parts[0].join(parts[1])
    for metric in metrics:
        table[f"{metric}_difference"] = table[metric] - table[f"{metric}_before"]
    return table


def _intervals(
    results: Results, before: Means, after: Means, metrics: Sequence[str], name: str
) -> dict[tuple[int, str, str], float]:
    """The ends of the 95 % intervals of the differences on one object, over resampled groups."""
    scoring, candidate_of = results.grid.experiment.scoring, results.grid.candidate_of
    changed = after.groups[list(metrics)] - before.groups[list(metrics)]
    levels = changed.index.get_level_values
    groups = changed[(levels("split") == "test") & (levels("class") == name)].droplevel("split").dropna()
    groups.columns = pd.Index(["overlap", "distance"])
    present = sorted({int(candidate_of[run]) for run in groups.index.get_level_values("run")})
    parts = contributions(groups, candidate_of, present)
    if len(parts.groups) < MINIMUM_GROUPS:
        return {}
    resampled = Bootstrap(parts, scoring.bootstrap, scoring.seed).values(slice(None), slice(None))
    found = {}
    for metric, values in zip(metrics, resampled, strict=True):
        low, high = np.percentile(values, expanded_percentiles(len(parts.groups)), axis=0)
        for row, candidate in enumerate(present):
            found[candidate, metric, "low"], found[candidate, metric, "high"] = float(low[row]), float(high[row])
    return found


def _chosen(results: Results, runs: Sequence[GridRun], table: pd.DataFrame) -> list[str]:
    """What the runs of a candidate chose for an object, the most frequent first, with how many of them."""
    counts: dict[tuple[int, str], Counter[str]] = {}
    for candidate, run in zip(results.grid.candidate_of.tolist(), runs, strict=True):
        if run.state == "completed":
            choice = read_model(EvaluationFolder(run.cases.parent).choice, Choice)
            for found in choice.classes:
                counts.setdefault((candidate, found.name), Counter())[chain_title(found.steps)] += 1
    told = []
    for row in table[["candidate", "class"]].itertuples(index=False):
        of = counts.get((row[0], str(row[1])), Counter())
        several = of.total() > 1
        told.append(
            ", ".join(f"{title} ({number} of {of.total()})" if several else title for title, number in of.most_common())
        )
    return told


def _table(frame: pd.DataFrame, metrics: Sequence[str], results: Results, scores: dict[str, Any]) -> Table:
    caption = (
        f"Post-processing on the test folds: each object before and after it, and the paired difference. "
        f"{sample(scores)}. Every run chose it for each object by the mean Dice of its validation cases; in brackets "
        "the 95 % interval over resampled groups. Missed, invented: cases, over all runs, after it."
    )
    columns = [
        Column("rank", "Rank", places=0), Column("network", "Network"), Column("label", "Loss mixture"),
        Column("class", "Object"), Column("chosen", "Chosen (runs)"),
    ]  # fmt: skip
    for shown in (metric_column(metric, results.unit) for metric in metrics):
        key, name, unit, places = shown["key"], shown["name"], shown["unit"], shown["places"]
        difference = f"{key}_difference"
        columns += [
            Column(f"{key}_before", f"{name} before", unit, places),
            Column(key, f"{name} after", unit, places),
            Column(
                difference, "Difference", unit, places, interval=(f"{difference}_low", f"{difference}_high"),
                signed=True,
            ),
        ]  # fmt: skip
    columns += [Column("missed", "Missed", places=0), Column("invented", "Invented", places=0)]
    return Table("postprocessing", caption, frame, tuple(columns))
