"""What a grid has come to: its candidates, and the state of every planned run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from seggrid.config import Experiment
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder
from seggrid.records import CASE_KEYS, RunStatus, digest, read_json, read_model, read_status
from seggrid.specification import PlannedRun, read_evaluation, read_plan

#: What is told first of a data set that is cut out of one patient.
DEMONSTRATION = "1 patient: technical demonstration"
State = Literal["completed", "failed", "missing", "unevaluated"]
STATES: tuple[State, ...] = ("completed", "failed", "missing", "unevaluated")


@dataclass(frozen=True)
class GridRun:
    """A planned run and what has become of it.

    Attributes:
        state: ``completed`` (trained and evaluated), ``failed``, ``missing`` (not trained yet) or
            ``unevaluated`` (trained, without rows). Only completed runs are scored.
        status: how its training ended; ``None`` while it has not.
        cases: its evaluation's ``cases.csv``, whether it exists or not.
    """

    planned: PlannedRun
    state: State
    status: RunStatus | None
    cases: Path

    @property
    def reason(self) -> str:
        """Why it is not completed, in a sentence; empty where it is."""
        if self.state == "failed":
            return (self.status.reason if self.status else None) or "no reason given"
        return {"missing": "not trained yet", "unevaluated": "not evaluated yet"}.get(self.state, "")


class Candidate(NamedTuple):
    """What competes: a network trained with a mixture, over all folds and seeds."""

    network: str
    loss: str
    label: str


@dataclass(frozen=True)
class Grid:
    """An experiment and its runs, each once, in the order of the plan."""

    experiment: Experiment
    runs: tuple[GridRun, ...]

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The candidates in the order of the plan."""
        rows = (run.planned for run in self.runs)
        return tuple(dict.fromkeys(Candidate(row.network, row.loss, row.label) for row in rows))

    @cached_property
    def candidate_of(self) -> npt.NDArray[np.int64]:
        """Position of each run's candidate, shape ``(runs,)``."""
        position = {candidate: index for index, candidate in enumerate(self.candidates)}
        rows = (run.planned for run in self.runs)
        return np.array([position[Candidate(row.network, row.loss, row.label)] for row in rows], dtype=np.int64)

    @cached_property
    def baseline(self) -> str:
        """The mixture that the others are compared with: the configured one, else the first."""
        return self.experiment.scoring.baseline or self.candidates[0].loss

    @cached_property
    def one_patient(self) -> bool:
        """Whether the data set is cut out of a single patient: then nothing is claimed of others."""
        card = DataFolder(self.runs[0].planned.data_id).card if self.runs else None
        return card is not None and card.is_file() and read_json(card).get("patients") == 1

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """Names of the objects as the experiment has them now; the data set may have been made under others."""
        return read_evaluation(self.runs[0].planned.eval_id).class_names

    @cached_property
    def plan_digest(self) -> str:
        """Stands for the plan, and for how it is measured and scored."""
        settings = (self.experiment.evaluation, self.experiment.scoring, self.experiment.motion)
        return digest(
            [[vars(run.planned) for run in self.runs], [part.model_dump(mode="json") for part in settings if part]]
        )

    def states(self) -> Counter[State]:
        """Number of runs in each state."""
        return Counter(run.state for run in self.runs)


def read_grid(experiment: str) -> Grid:
    """Read a planned experiment and look how far its runs are.

    Raises:
        UserError: it was never planned, or one of its files is damaged.
    """
    runs = read_plan(experiment)
    resolved = read_model(ExperimentFolder(experiment).experiment, Experiment)
    empty = len(header(resolved.evaluation.metrics).encode())
    return Grid(resolved, tuple(_look(planned, empty) for planned in dict.fromkeys(runs)))


def _look(planned: PlannedRun, empty: int) -> GridRun:
    folder = RunFolder(planned.run_id)
    status, cases = read_status(folder), folder.evaluation(planned.eval_id).cases
    state: State = status.state if status else "missing"
    if state == "completed" and not (cases.is_file() and cases.stat().st_size > empty):
        state = "unevaluated"
    return GridRun(planned, state, status, cases)


def header(metrics: Sequence[str]) -> str:
    """The first line of ``cases.csv``."""
    return ",".join([*CASE_KEYS, *metrics, "unit"]) + "\n"
