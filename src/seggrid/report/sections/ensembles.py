"""The ensembles: what they join, with which weights, and what that gains over their best member."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from seggrid.analysis.differences import differences
from seggrid.analysis.evidence import Evidence
from seggrid.config.ensemble import ENSEMBLE, Ensemble
from seggrid.inference.members import LearnedWeights
from seggrid.paths import RunFolder
from seggrid.records import read_model
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.tables import Column, Table
from seggrid.scoring.criterion import absolute
from seggrid.scoring.grid import Candidate


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
    """The learned weights of an ensemble: a row for each member, a column for each class; means over its runs.

    Returns:
        ``ensemble, network, label, class_0, class_1, ...``; empty where nothing was learned.
    """
    runs = [run.planned.run_id for run in results.runs_of(candidate) if run.state == "completed"]
    named = {run.planned.run_id: run.planned for run in results.grid.runs}
    rows: dict[tuple[str, str], list[np.ndarray]] = {}
    for learned in (read_model(RunFolder(run).weights, LearnedWeights) for run in runs):
        if learned.steps:
            for member, weights in zip(learned.members, learned.weights, strict=True):
                planned = named[member]
                rows.setdefault((planned.network, planned.label), []).append(np.array(weights))
    order = [(c.network, c.label) for c in results.grid.candidates if (c.network, c.label) in rows]
    return pd.DataFrame(
        [
            {
                "ensemble": candidate.label,
                "network": network,
                "label": label,
                **{f"class_{number}": value for number, value in enumerate(np.mean(rows[network, label], axis=0))},
            }
            for network, label in order
        ]
    )


def gain(results: Results, candidate: Candidate, members: list[Candidate]) -> dict[str, Any] | None:
    """Differences on test from the member that val would choose; ``None`` while they cannot be compared.

    The member is that with the highest S of the criterion ``absolute`` on val.
    """
    evidence, table = results.evidence, results.ranked
    if evidence is None or table.empty:
        return None
    places = {(row["network"], row["loss"]): row for _, row in table.iterrows()}
    found = [places[member.network, member.loss] for member in members if (member.network, member.loss) in places]
    known = [row for row in found if np.isfinite(row["overlap_val"]) and np.isfinite(row["distance_val"])]
    own = evidence.position(candidate.network, candidate.loss)
    if not known or own is None:
        return None
    best = max(known, key=lambda row: _score(row, evidence))
    reference = evidence.position(str(best["network"]), str(best["loss"]))
    if reference is None:
        return None
    references = [reference if row == own else -1 for row in range(len(evidence.candidates))]
    changed = {str(name): value for name, value in differences(evidence, references).iloc[0].items()}
    return {**changed, "best": best.to_dict()}


def _score(row: pd.Series, evidence: Evidence) -> float:
    return float(absolute(np.array(row["overlap_val"]), np.array(row["distance_val"]), evidence.reference))


def _table(weights: pd.DataFrame, classes: list[tuple[str, str]]) -> Table:
    caption = (
        "Learned weights of the ensembles: of each member for background and each object, fitted on the validation "
        "cases of each run; means over folds and seeds. Every column of an ensemble sums to 1."
    )
    columns = (
        Column("ensemble", "Ensemble"), Column("network", "Network"), Column("label", "Loss mixture"),
        *(Column(key, name, places=2) for key, name in classes),
    )  # fmt: skip
    return Table("ensemble-weights", caption, weights, columns)
