"""The ensembles: what they join, with which weights, and what that gains over their best member."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from seggrid.config.ensemble import ENSEMBLE, Ensemble
from seggrid.inference.members import LearnedWeights
from seggrid.paths import RunFolder
from seggrid.records import read_model
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.tables import Column, Table
from seggrid.scoring.aggregate import Means
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.grid import Candidate
from seggrid.scoring.nested import choose_by_fold
from seggrid.scoring.ranking import on_split
from seggrid.scoring.statistics import MINIMUM_GROUPS, Bootstrap, contributions


def build(results: Results) -> Section | None:
    """Build the section; ``None`` where no ensemble is asked for."""
    experiment = results.grid.experiment
    if not experiment.ensembles:
        return None
    joined = _ensembles(results)
    weights = pd.concat([weight_frame(results, candidate) for candidate in joined], ignore_index=True)
    values = {
        "rows": [{**candidate._asdict(), "members": len(of), "over_seeds": ensemble.over_seeds,
                  "gain": gain(results, candidate, of)} for candidate, (ensemble, of) in joined.items()],
        "weights": weights.to_dict("records"),
        "classes": _classes(results),
        "unit": results.unit,
        "criterion": experiment.scoring.criterion,
    }  # fmt: skip
    tables = (_table(weights, _classes(results)),) if len(weights) else ()
    return Section("ensembles", "Ensembles", values, tables=tables)


def _classes(results: Results) -> list[tuple[str, str]]:
    """Column and name of background and the objects, as the experiment has them now."""
    return [(f"class_{number}", name) for number, name in enumerate(("background", *results.grid.class_names))]


def _ensembles(results: Results) -> dict[Candidate, tuple[Ensemble, list[Candidate]]]:
    """Every ensemble as a candidate, with the candidates that it joins, in their orders in the plan."""
    grid = results.grid.experiment.grid_candidates()
    found = {}
    for ensemble in results.grid.experiment.ensembles:
        name = ensemble.name(grid)
        members = set(ensemble.resolve(grid))
        own = next(c for c in results.grid.candidates if (c.network, c.loss) == (ENSEMBLE, name))
        found[own] = ensemble, [c for c in results.grid.candidates if (c.network, c.loss) in members]
    return found


def weight_frame(results: Results, candidate: Candidate) -> pd.DataFrame:
    """The learned weights of an ensemble: a row for each candidate that it joins, a column for each class.

    A candidate's weight in a run is the sum over its networks there, which are several in an ensemble over seeds; the
    table holds means over the runs.

    Returns:
        ``ensemble, network, label, class_0, class_1, ...``; empty where nothing was learned.
    """
    runs = [run.planned.run_id for run in results.runs_of(candidate) if run.state == "completed"]
    named = {run.planned.run_id: run.planned for run in results.grid.runs}
    found = []
    for learned in (read_model(RunFolder(run).weights, LearnedWeights) for run in runs):
        if learned.steps:
            members = [named[member] for member in learned.members]
            keys = [[member.network for member in members], [member.label for member in members]]
            found.append(pd.DataFrame(learned.weights).groupby(keys, sort=False).sum())
    if not found:
        return pd.DataFrame()
    means = pd.concat(found).groupby(level=[0, 1], sort=False).mean().add_prefix("class_")
    order = [(c.network, c.label) for c in results.grid.candidates if (c.network, c.label) in means.index]
    rows = means.loc[order].rename_axis(index=["network", "label"]).reset_index()
    return rows.assign(ensemble=candidate.label)[["ensemble", *rows.columns]]


def gain(results: Results, candidate: Candidate, members: list[Candidate]) -> dict[str, Any] | None:
    """Differences on test from the member that val chooses, fold by fold; ``None`` while they cannot be compared.

    In every fold the reference is the member that the fold's own validation cases prefer, by the criterion of the
    experiment: as in the nested choice, no case is both chosen on and compared on in the same fold.

    Returns:
        The differences ``overlap`` and ``distance``, their intervals ``_low, _high`` (absent with fewer than 6 groups),
        and ``choices``: every member that a fold chose, with its folds.
    """
    grid, means, scores = results.grid, results.means, results.scores
    if means is None or scores is None or results.ranked.empty:
        return None
    ranked = set(zip(results.ranked["network"], results.ranked["loss"], strict=True))
    competing = [grid.candidates.index(member) for member in members if (member.network, member.loss) in ranked]
    chosen = choose_by_fold(grid, means, competing, scores["reference_distance"])
    if not chosen or (candidate.network, candidate.loss) not in ranked:
        return None
    folds: dict[int, list[str]] = {}
    for fold, member in chosen.items():
        folds.setdefault(member, []).append(fold)
    choices = [{**grid.candidates[member]._asdict(), "folds": of} for member, of in folds.items()]
    return {**_difference(results, means, grid.candidates.index(candidate), chosen), "choices": choices}


def _difference(results: Results, means: Means, own: int, chosen: dict[str, int]) -> dict[str, float]:
    """O and D of a candidate minus those of the runs of each fold's choice, paired by group."""
    grid, scoring = results.grid, results.grid.experiment.scoring
    reference = [of == chosen.get(run.planned.fold) for run, of in zip(grid.runs, grid.candidate_of, strict=True)]
    sides = np.where(reference, 1, np.where(grid.candidate_of == own, 0, -1))
    parts = contributions(comprehensive(on_split(means.groups, "test"), scoring), sides, [0, 1])
    found = {}
    for measure, sums in (("overlap", parts.overlap), ("distance", parts.distance)):
        ours, theirs = sums.sum(axis=1)
        found[measure] = float(ours - theirs)
    if len(parts.groups) >= MINIMUM_GROUPS:
        ends = Bootstrap(parts, scoring.bootstrap, scoring.seed).intervals(np.array([1, -1])).iloc[0]
        found |= {f"{m}_{end}": float(ends[f"{m}_difference_{end}"]) for m in found for end in ("low", "high")}
    return found


def _table(weights: pd.DataFrame, classes: list[tuple[str, str]]) -> Table:
    caption = (
        "Learned weights of the ensembles: of each member for background and each object, fitted on the validation "
        "cases of each run; means over its runs, in each of which the seeds of a member that it joins are added up. "
        "Every column of an ensemble sums to 1."
    )
    columns = (
        Column("ensemble", "Ensemble"), Column("network", "Network"), Column("label", "Loss mixture"),
        *(Column(key, name, places=2) for key, name in classes),
    )  # fmt: skip
    return Table("ensemble-weights", caption, weights, columns)
