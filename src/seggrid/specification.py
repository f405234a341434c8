"""What the jobs read: the specifications of data, run and evaluation, and the table of an experiment's runs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from seggrid.config import Mixture, Network, Training
from seggrid.config.base import Section
from seggrid.config.data import Data, Splits
from seggrid.config.ensemble import ENSEMBLE
from seggrid.config.evaluation import Evaluation
from seggrid.config.preprocessing import Step
from seggrid.errors import UserError
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder, evaluation_file
from seggrid.records import read_model

ALL_CASES: Literal["all"] = "all"


class DataSpec(Section):
    """Everything that preprocessing needs; the content of ``spec.json`` of a data set."""

    data_id: str
    data: Data
    preprocessing: tuple[Step, ...]
    splits: Splits
    identity: dict[str, Any]
    """What was hashed to the data id."""


class Parent(Section):
    """Where initial weights come from: a run, or a file with the digest of its content."""

    run_id: str | None = None
    file: Path | None = None
    digest: str | None = None


class RunSpec(Section):
    """Everything a training job needs; the content of ``spec.json``."""

    run_id: str
    data_id: str
    network: Network
    mixture: Mixture
    training: Training
    fold: int | Literal["all"]
    """Test fold, or ``all``: trained on every case, nothing held out."""
    seed: int
    parent: Parent | None = None
    identity: dict[str, Any]
    """What was hashed to the run id."""

    @property
    def candidate(self) -> tuple[str, str]:
        """Names of network and mixture."""
        return self.network.name, self.mixture.name


class EnsembleSpec(Section):
    """A run that trains nothing but joins others; the content of its ``spec.json``."""

    run_id: str
    data_id: str
    members: tuple[str, ...]
    """Run ids."""
    weights: Literal["mean", "learned"]
    loss: str
    """What stands for the mixture in tables."""
    training: Training
    """What the members were trained with; of it, device, threads and determinism are used."""
    fold: int | Literal["all"]
    seed: int
    parent: None = None
    identity: dict[str, Any]
    """What was hashed to the run id."""

    @property
    def candidate(self) -> tuple[str, str]:
        """What stands for network and mixture in tables."""
        return ENSEMBLE, self.loss


class EvaluationSpec(Section):
    """What is measured on runs; the content of ``results/evaluations/<eval_id>.json``."""

    eval_id: str
    class_names: tuple[str, ...]
    evaluation: Evaluation


class PlannedRun(Section):
    """A row of ``plan.csv``.

    Attributes:
        stopped: whether a search has stopped it before its end, so that nothing waits for it.
    """

    run_id: str
    eval_id: str
    data_id: str
    network: str
    loss: str
    label: str
    fold: str
    seed: int
    parent: str
    stopped: bool


def read_plan(experiment: str, with_stopped: bool = False) -> list[PlannedRun]:
    """Read the runs of a planned experiment.

    Args:
        with_stopped: also those that a search has stopped.

    Raises:
        UserError: it was never planned, or its table is damaged.
    """
    path = ExperimentFolder(experiment).plan
    if not path.is_file():
        raise UserError(f"{path}: no such file; run `seggrid plan {experiment}` first")
    with path.open(newline="", encoding="utf-8") as file:
        try:
            runs = [PlannedRun.model_validate(row) for row in csv.DictReader(file)]
        except ValidationError:
            raise UserError(
                f"{path}: damaged or of another version of seggrid; run `seggrid plan {experiment}`"
            ) from None
    return [run for run in runs if with_stopped or not run.stopped]


def read_data(data_id: str) -> DataSpec:
    """Read a data set's specification.

    Raises:
        UserError: there is no such data set, or its file is damaged.
    """
    return read_model(DataFolder(data_id).spec, DataSpec)


def read_run(run_id: str) -> RunSpec:
    """Read a run's specification.

    Raises:
        UserError: there is no such run, its file is damaged, or it is an ensemble.
    """
    if is_ensemble(run_id):
        raise UserError(f"{run_id}: is an ensemble, which is not trained; `seggrid ensemble {run_id}` makes it")
    return read_model(RunFolder(run_id).spec, RunSpec)


def is_ensemble(run_id: str) -> bool:
    """Whether a run joins others; the names of trained runs begin with an architecture."""
    return run_id.startswith(f"{ENSEMBLE}-")


def read_ensemble(run_id: str) -> EnsembleSpec:
    """Read an ensemble's specification.

    Raises:
        UserError: there is no such run, its file is damaged, or it is no ensemble.
    """
    if not is_ensemble(run_id):
        raise UserError(f"{run_id}: is no ensemble; `seggrid train {run_id}` trains it")
    return read_model(RunFolder(run_id).spec, EnsembleSpec)


def read_any_run(run_id: str) -> RunSpec | EnsembleSpec:
    """Read the specification of a run, trained or joined of others.

    Raises:
        UserError: there is no such run, or its file is damaged.
    """
    return read_ensemble(run_id) if is_ensemble(run_id) else read_run(run_id)


def read_evaluation(eval_id: str) -> EvaluationSpec:
    """Read what an evaluation measures.

    Raises:
        UserError: there is no such evaluation, or its file is damaged.
    """
    return read_model(evaluation_file(eval_id), EvaluationSpec)
