"""Finished runs as their files tell them: what is imported, and a digest of it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from seggrid.paths import RunFolder
from seggrid.records import RunStatus, digest, read_json
from seggrid.scoring.aggregate import aggregate
from seggrid.scoring.cases import collect_cases
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.grid import Grid, GridRun
from seggrid.specification import EnsembleSpec, PlannedRun, RunSpec, read_any_run


@dataclass(frozen=True)
class FinishedRun:
    """A run that completed, with what it measured, or failed.

    Attributes:
        measured: mean of each metric, overlap O and distance D, named ``test/dice``; empty for a failed run.
        files: what it left.
        content: digest of the results, of what defines the run and of the definitions of O and D.
        commit: of the code that trained it; empty where unknown.
    """

    planned: PlannedRun
    spec: RunSpec | EnsembleSpec
    status: RunStatus
    measured: dict[str, float]
    files: tuple[Path, ...]
    content: str
    commit: str

    @property
    def ended(self) -> int:
        """When it ended, in ms since 1970."""
        folder = RunFolder(self.planned.run_id)
        # The status that is declared is written anew where Snakemake has deleted it.
        path = folder.finished if folder.finished.is_file() else folder.status
        return int(path.stat().st_mtime * 1000)

    @property
    def started(self) -> int:
        """When it would have begun had it been trained in one go, in ms since 1970."""
        return self.ended - int(self.status.seconds * 1000)

    @property
    def outcome(self) -> str:
        """How MLflow calls the way it ended."""
        return "FINISHED" if self.status.state == "completed" else "FAILED"

    @property
    def artifacts(self) -> tuple[Path, ...]:
        """The files that MLflow keeps; what the others hold are its metrics and tags."""
        folder = RunFolder(self.planned.run_id)
        return tuple(path for path in self.files if path != folder.history)

    def history(self) -> pd.DataFrame:
        """A row per epoch; empty for a failed run."""
        path = RunFolder(self.planned.run_id).history
        return pd.read_csv(path) if path in self.files else pd.DataFrame()


def finished_runs(grid: Grid) -> list[FinishedRun]:
    """Read the completed and failed runs of an experiment, in the order of the plan.

    Raises:
        UserError: a file is damaged.
    """
    measured = _measured(grid)
    scoring = grid.experiment.scoring
    definitions = (scoring.overlap.mean, scoring.distance.mean)
    return [
        _finished(run, run.status, measured.get(number, {}), definitions)
        for number, run in enumerate(grid.runs)
        if run.status is not None and run.state in ("completed", "failed")
    ]


def _finished(
    run: GridRun, status: RunStatus, measured: dict[str, float], definitions: tuple[tuple[str, ...], ...]
) -> FinishedRun:
    folder = RunFolder(run.planned.run_id)
    # What a failed run left of an earlier attempt is not its result.
    own = [folder.environment, folder.weights, folder.history, run.cases] if run.state == "completed" else []
    files = tuple(path for path in (folder.spec, *own) if path.is_file())
    # The specification carries labels too, which another experiment that shares the run may write differently.
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path != folder.spec]
    commit = read_json(folder.environment).get("commit") if folder.environment in files else None
    spec = read_any_run(run.planned.run_id)
    content = digest([hashes, status.model_dump(mode="json"), spec.identity, definitions])
    return FinishedRun(run.planned, spec, status, measured, files, content, commit or "")


def _measured(grid: Grid) -> dict[int, dict[str, float]]:
    """The means of every completed run, by its position in the grid."""
    metrics = grid.experiment.evaluation.metrics
    means = aggregate(collect_cases(grid.runs, metrics), metrics).runs
    table = means.join(comprehensive(means, grid.experiment.scoring))
    found: dict[int, dict[str, float]] = {}
    for key, row in zip(table.index.to_list(), table.to_dict("records"), strict=True):
        values = {f"{key[1]}/{name}": float(value) for name, value in row.items() if math.isfinite(value)}
        found.setdefault(int(key[0]), {}).update(values)
    return found
