"""From an experiment to its runs: layered content identity, and the specifications that the jobs read.

``data_id`` stands for the raw files, preprocessing and splits; ``run_id`` for data, network, mixture, training, fold
and seed; ``eval_id`` for what is measured. An identity holds only what differs from the defaults, plus the version of
each loss, network and step: see ``docs/explanation/identity.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seggrid.catalogue import INFERENCE_VERSION, METRICS, TRAINING_VERSION
from seggrid.config import Experiment, Mixture, Network, Training
from seggrid.config.base import identity
from seggrid.config.data import CocoData, Data, NnunetData, PhantomData, nnunet_classes
from seggrid.config.phantom import CLASS_NAMES
from seggrid.errors import UserError
from seggrid.manifest import manifest_hash
from seggrid.parents import Parents, file_digest
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder, evaluation_file, manifest_cache
from seggrid.records import digest, read_json, to_csv, to_json, to_json_lines, write_if_changed
from seggrid.specification import ALL_CASES, PlannedRun, RunSpec


@dataclass(frozen=True)
class Plan:
    """An experiment with its runs and the text of every specification."""

    experiment: Experiment
    data_id: str
    runs: tuple[PlannedRun, ...]
    specifications: dict[Path, str]

    @property
    def table(self) -> str:
        """The runs as CSV."""
        columns = tuple(PlannedRun.model_fields)
        return to_csv(columns, ([getattr(run, name) for name in columns] for run in self.runs))

    def write(self) -> None:
        """Write specifications, the resolved experiment and ``plan.csv``; untouched where nothing changed."""
        for path, text in self.specifications.items():
            write_if_changed(path, text)
        folder = ExperimentFolder(self.experiment.name)
        resolved = self.experiment.model_dump(mode="json", by_alias=True)
        write_if_changed(folder.experiment, to_json(resolved))
        write_if_changed(folder.plan, self.table)


def class_names(data: Data) -> tuple[str, ...]:
    """Names of the objects, in the order of their labels 1, 2, ...

    Raises:
        UserError: dataset.json of an nnU-Net folder names none.
    """
    if isinstance(data, PhantomData):
        return CLASS_NAMES
    if isinstance(data, NnunetData) and not data.classes:
        header = read_json(data.path / "dataset.json")
        try:
            return tuple(nnunet_classes(header.get("labels") if isinstance(header, dict) else None))
        except ValueError as error:
            raise UserError(f"{data.path / 'dataset.json'}: {error}") from None
    return tuple(data.classes)


def make_plan(experiment: Experiment, experiment_folders: list[Path], ancestors: tuple[str, ...] = ()) -> Plan:
    """Expand the grid; reads the raw files' hashes, writes nothing but their cache.

    Args:
        experiment_folders: where ``init_from`` looks for experiments by name.
        ancestors: experiments that start from this one, to find circles.

    Raises:
        UserError: raw files are missing, or ``init_from`` leads nowhere or round in a circle.
    """
    data_spec = _data_spec(experiment)
    data_id = data_spec["data_id"]
    specifications = {DataFolder(data_id).spec: to_json(data_spec)}
    parents = Parents(experiment, data_spec["identity"], experiment_folders, ancestors, make_plan)
    names = class_names(experiment.data)
    eval_id = digest(_evaluation_identity(experiment, names))
    specifications[evaluation_file(eval_id)] = to_json(
        {
            "eval_id": eval_id,
            "class_names": list(names),
            "evaluation": experiment.evaluation.model_dump(mode="json"),
        }
    )
    runs = []
    for spec, label in _specifications(experiment, data_id, parents):
        run_id = spec["run_id"]
        specifications[RunFolder(run_id).spec] = to_json_lines(spec)
        parent = (spec["parent"] or {}).get("run_id") or ""
        runs.append(
            PlannedRun(
                run_id=run_id,
                eval_id=eval_id,
                data_id=data_id,
                network=spec["network"]["name"],
                loss=label[0],
                label=label[1],
                fold=str(spec["fold"]),
                seed=spec["seed"],
                parent=parent,
            )
        )
    return Plan(experiment, data_id, tuple(runs), {**parents.specifications, **specifications})


def refit_run(run: RunSpec) -> RunSpec:
    """The same candidate trained on all cases: no validation, so the last epoch's weights are kept."""
    training = run.training.model_copy(update={"select": "last", "early_stopping": None})
    defining = {**run.identity, "fold": ALL_CASES, "training": _training_identity(training)}
    return run.model_copy(
        update={
            "run_id": f"{_slug(run.network, run.mixture, ALL_CASES, run.seed)}-{digest(defining)}",
            "training": training,
            "fold": ALL_CASES,
            "identity": defining,
        }
    )


def _data_spec(experiment: Experiment) -> dict[str, Any]:
    data = experiment.data
    defining = identity(data)
    if not isinstance(data, PhantomData):
        # The names of the classes are labels; which values they stand for, and in which order, is not.
        defining["classes"] = [
            value if isinstance(value, int | str) else list(value) for value in data.classes.values()
        ]
    if isinstance(data, CocoData) and data.on_top:
        defining["on_top"] = [list(data.classes).index(name) for name in data.on_top]
    defining = {
        "manifest": manifest_hash(data, manifest_cache()),
        "data": defining,
        "preprocessing": [step.identity() for step in experiment.preprocessing],
        "splits": identity(experiment.splits),
    }
    return {
        "data_id": f"{data.source}-{digest(defining)}",
        "data": data.model_dump(mode="json"),
        "preprocessing": [step.model_dump(mode="json") for step in experiment.preprocessing],
        "splits": experiment.splits.model_dump(mode="json"),
        "identity": defining,
    }


def _evaluation_identity(experiment: Experiment, names: tuple[str, ...]) -> dict[str, Any]:
    measured = experiment.evaluation
    return {
        "metrics": [[name, METRICS[name.partition("@")[0]].version] for name in measured.metrics],
        "both_empty": measured.both_empty,
        "inference": INFERENCE_VERSION,
        "class_names": list(names),
    }


def _training_identity(training: Training) -> dict[str, Any]:
    # The parent stands for init_from: by content, not by name.
    settings = {key: value for key, value in identity(training).items() if key != "init_from"}
    return {"version": TRAINING_VERSION, **settings}


def _network_identity(network: Network) -> dict[str, Any]:
    found = identity(network)
    weights = network.encoder_weights
    if weights and Path(weights).suffix:
        found["encoder_weights"] = file_digest(Path(weights), "networks.encoder_weights")
    return found


def _specifications(
    experiment: Experiment, data_id: str, parents: Parents
) -> Iterator[tuple[dict[str, Any], tuple[str, str]]]:
    """Yield every run's specification with the mixture's name and label; the parts are dumped once, not per run."""
    training = experiment.training.model_dump(mode="json")
    training_identity = _training_identity(experiment.training)
    mixtures = [(m, m.model_dump(mode="json"), m.identity()) for m in experiment.all_mixtures()]
    for network in experiment.networks:
        network_dump, network_identity = network.model_dump(mode="json"), _network_identity(network)
        for mixture, mixture_dump, mixture_identity in mixtures:
            for fold in experiment.all_folds():
                for seed in experiment.seeds:
                    parent = parents.find(network, mixture, fold, seed)
                    defining = {
                        "data": data_id.rpartition("-")[2],
                        "network": network_identity,
                        "mixture": mixture_identity,
                        "training": training_identity,
                        "fold": fold,
                        "seed": seed,
                        **({"parent": parent.digest} if parent else {}),
                    }
                    spec = {
                        "run_id": f"{_slug(network, mixture, fold, seed)}-{digest(defining)}",
                        "data_id": data_id,
                        "network": network_dump,
                        "mixture": mixture_dump,
                        "training": training,
                        "fold": fold,
                        "seed": seed,
                        "parent": parent.model_dump(mode="json") if parent else None,
                        "identity": defining,
                    }
                    yield spec, (mixture.name, mixture.label or mixture.name)


def _slug(network: Network, mixture: Mixture, fold: int | str, seed: int) -> str:
    """At most 60 characters, made of what defines the run only: a label must not move a folder."""
    end = f"-f{fold}-s{seed}"
    text = f"{network.architecture}_{network.encoder}-{mixture.name}"
    text = re.sub(r"[^A-Za-z0-9._+-]+", "", text.replace(" + ", "+"))
    return text[: 60 - len(end)].rstrip("-+.") + end
