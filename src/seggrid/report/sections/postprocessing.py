"""What post-processing changed: what was chosen on val, and the objects on test before and after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from seggrid.config.postprocessing import chain_title
from seggrid.inference.choice import Choice
from seggrid.paths import EvaluationFolder
from seggrid.records import read_model
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.sections.objects import metric_column
from seggrid.report.tables import Column, Table, sample
from seggrid.scoring.aggregate import aggregate, count, over_runs
from seggrid.scoring.cases import collect_cases
from seggrid.scoring.grid import GridRun
from seggrid.scoring.ranking import on_split
from seggrid.scoring.statistics import group_intervals

#: Candidate of each run, ``(runs,)``.
Runs = npt.NDArray[np.int64]
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
        "removed": _told(results),
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
        with its interval ``_low, _high``, all over the test cases that have a value before and after; ``missed`` and
        ``invented`` with and without ``_before`` count all test cases, ``removed`` the inventions that are gone.
    """
    grid = results.grid
    runs = [_with_both(run) for run in grid.runs]
    unprocessed = [replace(run, cases=EvaluationFolder(run.cases.parent).unprocessed) for run in runs]
    before, after = (collect_cases(of, grid.experiment.evaluation.metrics) for of in (unprocessed, runs))
    if after.empty or results.ranked.empty:
        return pd.DataFrame()
    both = paired(before, after, metrics)
    differences = [f"{metric}_difference" for metric in metrics]
    means = aggregate(both, [name for metric in metrics for name in (f"{metric}_before", metric)] + differences)
    table, _ = over_runs(means.objects, grid.candidate_of)
    table = table.join(_counts(before, after, grid.candidate_of)).join(_removed(both, grid.candidate_of))
    table = table.xs("test", level="split").reset_index()
    ranks = {(row["network"], row["loss"]): row["rank"] for _, row in results.ranked.iterrows()}
    names = [grid.candidates[row] for row in table["candidate"]]
    table = table.assign(
        rank=[ranks.get((candidate.network, candidate.loss), np.nan) for candidate in names],
        network=[candidate.network for candidate in names],
        label=[candidate.label for candidate in names],
    )
    table["chosen"] = _chosen(results, runs, table)
    table = table.join(_intervals(results, on_split(means.groups[differences], "test")), on=["class", "candidate"])
    return table[table["rank"].notna()].sort_values("rank", kind="stable").reset_index(drop=True)


def paired(before: pd.DataFrame, after: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """The rows of both tables side by side, as ``read_cases`` gives them.

    Where an object was invented and is removed there is nothing left to measure, under ``both_empty: exclude``: the
    case would count 0 before and drop out after, and its group's mean rise without a mask that is better. So a case
    without a value on one side has none on the other.

    Returns:
        ``run, split, class, group, case``, ``status`` and of every metric ``NAME_difference``, after minus before, and
        ``NAME``; these with ``_before`` too.
    """
    keys = ["run", "split", "class", "group", "case"]
    kept = [*keys, "status", *metrics]
    both = before[kept].merge(after[kept], on=keys, suffixes=("_before", ""), validate="one_to_one")
    for metric in metrics:
        both[f"{metric}_difference"] = both[metric] - both[f"{metric}_before"]
        both.loc[both[f"{metric}_difference"].isna(), [f"{metric}_before", metric]] = np.nan
    return both


def _with_both(run: GridRun) -> GridRun:
    """A run that was measured before post-processing was asked for has no part in the comparison."""
    folder = EvaluationFolder(run.cases.parent)
    whole = run.state == "completed" and folder.unprocessed.is_file() and folder.choice.is_file()
    return run if whole or run.state != "completed" else replace(run, state="unevaluated")


def _counts(before: pd.DataFrame, after: pd.DataFrame, candidate_of: Runs) -> pd.DataFrame:
    """Missed and invented objects by candidate, split and class, before and after."""
    counted = [
        count(cases, candidate_of)[list(_COUNTED)].set_axis([name + end for name in _COUNTED.values()], axis=1)
        for end, cases in (("_before", before), ("", after))
    ]
    return pd.concat(counted, axis=1)


def _removed(both: pd.DataFrame, candidate_of: Runs) -> pd.Series:
    """Inventions that are gone, by candidate, split and class. A step makes no object where there was none."""
    gone = (both["status_before"] == "truth_empty") & (both["status"] == "both_empty")
    keys = [pd.Series(candidate_of[both["run"].to_numpy()], both.index, name="candidate"), both["split"], both["class"]]
    return gone.groupby(keys, observed=True).sum().rename("removed")


def _intervals(results: Results, changed: pd.DataFrame) -> pd.DataFrame:
    """The ends of the 95 % intervals of mean differences, by candidate and class.

    Args:
        changed: of each metric within a group on test, by ``run, class, group``.
    """
    scoring, candidate_of = results.grid.experiment.scoring, results.grid.candidate_of
    found = {}
    for name, of_class in changed.groupby("class", observed=True):
        ends = [
            group_intervals(of_class[column], candidate_of, scoring.bootstrap, scoring.seed).add_prefix(f"{column}_")
            for column in changed
        ]
        found[name] = pd.concat(ends, axis=1)
    return pd.concat(found, names=["class"])


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


def _told(results: Results) -> str:
    """What becomes of an invention that is removed."""
    excluded = results.grid.experiment.evaluation.both_empty == "exclude"
    return "which have no part in the means" if excluded else "which count as perfect afterwards"


def _table(frame: pd.DataFrame, metrics: Sequence[str], results: Results, scores: dict[str, Any]) -> Table:
    caption = (
        "Post-processing on the test folds: each object before and after it, and the paired difference, over the "
        f"cases with a value on both sides. {sample(scores)}. Every run chose it for each object by the mean Dice of "
        "its validation cases; in brackets the 95 % interval over resampled groups. Missed, invented: cases, over all "
        f"runs, after it. Removed: inventions that it removed, {_told(results)}."
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
    columns += [
        Column("missed", "Missed", places=0), Column("invented", "Invented", places=0),
        Column("removed", "Removed", places=0),
    ]  # fmt: skip
    return Table("postprocessing", caption, frame, tuple(columns))
