"""The score stage: from all evaluated runs of an experiment to its tables, scores and ranking."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from seggrid.data.index import read_index
from seggrid.paths import DataFolder, ExperimentFolder
from seggrid.records import write_json, write_text
from seggrid.scoring.aggregate import aggregate
from seggrid.scoring.cases import read_cases, write_cases
from seggrid.scoring.caveats import find_warnings
from seggrid.scoring.claims import claim_table
from seggrid.scoring.grid import Grid, read_grid
from seggrid.scoring.nested import nested_choice
from seggrid.scoring.ranking import Ranking, rank_candidates
from seggrid.scoring.summary import summarise
from seggrid.scoring.tables import object_table, run_table, write_table
from seggrid.scoring.text import ranking_text


def score(experiment: str) -> str:
    """Score an experiment as far as it has come, into its own folder, and return its ranking as text.

    Raises:
        UserError: the experiment was never planned, or a file is damaged.
    """
    return score_grid(read_grid(experiment), ExperimentFolder(experiment))


def score_grid(grid: Grid, folder: ExperimentFolder) -> str:
    """Score a grid into a folder, and return its ranking as text.

    Writes ``cases.csv``, ``runs.csv``, ``objects.csv``, ``ranking.csv``, ``ranking.txt``, ``scores.json``, and
    ``claims.csv`` where the experiment names claims, ``motion.csv`` and ``motion_errors.csv`` where it measures motion.
    Same runs, same bytes.

    Raises:
        UserError: a file is damaged.
    """
    metrics = grid.experiment.evaluation.metrics
    write_cases(grid.runs, metrics, folder.cases)
    cases = read_cases(folder.cases, grid.runs, metrics)
    means = aggregate(cases, metrics)
    reference = reference_distance(grid) if len(cases) else math.nan
    ranking = _with_motion(grid, rank_candidates(grid, means, reference), folder)
    objects = object_table(grid, cases, means, metrics)
    warnings = find_warnings(grid, cases, objects, ranking)
    nested = nested_choice(grid, means, ranking, reference)
    summary = summarise(grid, cases, ranking, reference, nested, warnings)
    write_table(run_table(grid, means), folder.runs)
    write_table(objects, folder.objects)
    write_json(folder.scores, summary)
    claims = claim_table(grid, means, reference)
    if len(claims):
        write_table(claims, folder.claims)
    else:
        folder.claims.unlink(missing_ok=True)
    text = ranking_text(grid, ranking, summary, claims)
    write_text(folder.summary, text + "\n")
    # Last, for Snakemake takes it as proof that all are written; and under its name only when no run is missing.
    if grid.states()["missing"] or grid.states()["unevaluated"]:
        folder.withdraw_ranking()
        write_table(ranking.table, folder.incomplete_ranking)
    else:
        write_table(ranking.table, folder.ranking)
        folder.incomplete_ranking.unlink(missing_ok=True)
    return text


def _with_motion(grid: Grid, ranking: Ranking, folder: ExperimentFolder) -> Ranking:
    """Measure motion where the experiment asks for it; write ``motion_errors.csv``, and add columns to the ranking."""
    if grid.experiment.motion is None or not grid.states()["completed"]:
        folder.motion.unlink(missing_ok=True)
        folder.motion_errors.unlink(missing_ok=True)
        return ranking
    from seggrid.scoring.motion import beside, error_table, motion_rows  # imports torch

    errors = error_table(grid, motion_rows(grid, folder), ranking)
    write_table(errors.drop(columns="candidate"), folder.motion_errors)
    return replace(ranking, table=ranking.table.join(beside(errors)))


def reference_distance(grid: Grid) -> float:
    """d0 of the criterion ``absolute``: 1 % of the image diagonal, the mean over all cases, in mm or px.

    Raises:
        UserError: the index of the data set is absent or damaged.
    """
    cases = read_index(DataFolder(grid.runs[0].planned.data_id).index)
    diagonals = [math.hypot(*np.multiply(case.original_shape, case.spacing or 1.0)) for case in cases]
    return float(np.mean(diagonals)) / 100
