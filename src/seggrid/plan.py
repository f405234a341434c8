"""From an experiment to its runs: layered content identity, and the specifications that the jobs read.

``data_id`` stands for the raw files, preprocessing and splits; ``run_id`` for data, network, mixture, training, fold
and seed; ``eval_id`` for what is measured. An identity holds only what differs from the defaults, plus the version of
each loss, network and step: see ``docs/explanation/identity.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seggrid.config import Experiment, Mixture, Network, Training
from seggrid.config.forms import load_form
from seggrid.config.published import load_published
from seggrid.ensembles import planned_ensembles
from seggrid.errors import UserError
from seggrid.identities import (
    class_names,
    data_spec,
    evaluation_identity,
    network_identity,
    run_slug,
    training_identity,
)
from seggrid.parents import Parents
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder, SearchFolder, evaluation_file
from seggrid.records import digest, to_csv, to_json, to_json_lines, write_if_changed
from seggrid.specification import ALL_CASES, PlannedRun, RunSpec, is_ensemble
from seggrid.trials import Trial, asked_trials, plan_search


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


def make_plan(experiment: Experiment, experiment_folders: list[Path], ancestors: tuple[str, ...] = ()) -> Plan:
    """Expand the grid; reads the raw files' hashes, writes nothing but their cache.

    Args:
        experiment_folders: where ``init_from`` looks for experiments by name.
        ancestors: experiments that start from this one, to find circles.

    Raises:
        UserError: raw files are missing, ``init_from`` leads nowhere or round in a circle, a publication is unknown, or
            a search was changed after its first round.
    """
    data = data_spec(experiment)
    data_id = data.data_id
    specifications = {DataFolder(data_id).spec: to_json(data.model_dump(mode="json"))}
    parents = Parents(experiment, data, experiment_folders, ancestors, make_plan)
    names = class_names(experiment.data)
    _refuse_what_does_not_fit(experiment, names)
    eval_id = digest(evaluation_identity(experiment, names))
    specifications[evaluation_file(eval_id)] = to_json(
        {
            "eval_id": eval_id,
            "class_names": list(names),
            "evaluation": experiment.evaluation.model_dump(mode="json"),
        }
    )
    search = plan_search(experiment, data_id, eval_id, parents)
    trials = asked_trials(experiment.name, search) if search else []
    runs = []
    for spec, label, stopped in _specifications(experiment, data_id, parents, trials):
        specifications[RunFolder(spec["run_id"]).spec] = to_json_lines(spec)
        runs.append(_planned(spec, eval_id, label, stopped))
    for ensemble, planned in planned_ensembles(experiment, runs):
        specifications[RunFolder(ensemble.run_id).spec] = to_json_lines(ensemble.model_dump(mode="json"))
        runs.append(planned)
    if search is not None:
        search = search.model_copy(update={"baselines": _baselines(experiment, runs)})
        specifications[SearchFolder(experiment.name).spec] = to_json(search.model_dump(mode="json"))
    return Plan(experiment, data_id, tuple(runs), {**parents.specifications, **specifications})


def _planned(spec: dict[str, Any], eval_id: str, label: tuple[str, str], stopped: bool) -> PlannedRun:
    return PlannedRun(
        run_id=spec["run_id"],
        eval_id=eval_id,
        data_id=spec["data_id"],
        network=spec["network"]["name"],
        loss=label[0],
        label=label[1],
        fold=str(spec["fold"]),
        seed=spec["seed"],
        parent=(spec["parent"] or {}).get("run_id") or "",
        stopped=stopped,
    )


def _refuse_what_does_not_fit(experiment: Experiment, names: tuple[str, ...]) -> None:
    """Names of files that are not there, of objects that the data do not have, interfaces of a single object."""
    for name in experiment.published:
        load_published(name)
    for name in experiment.tables:
        load_form(name)
    if experiment.motion is not None:
        experiment.motion.labels(names)
    terms = [term for mixture in experiment.all_mixtures() for term in mixture.terms]
    reads = [term.name for term in terms if term.parameters.get("region") == "interface"]
    reads += ["training.patch_sampling.interface"] if experiment.training.patch_sampling.interface else []
    if len(names) < 2 and reads:
        raise UserError(f"{reads[0]}: an interface lies between two objects, but the data have one ({names[0]})")


def refit_run(run: RunSpec) -> RunSpec:
    """The same candidate trained on all cases: no validation, so the last epoch's weights are kept."""
    training = run.training.model_copy(update={"select": "last", "early_stopping": None})
    defining = {**run.identity, "fold": ALL_CASES, "training": training_identity(training)}
    return run.model_copy(
        update={
            "run_id": f"{run_slug(run.network, run.mixture, ALL_CASES, run.seed)}-{digest(defining)}",
            "training": training,
            "fold": ALL_CASES,
            "identity": defining,
        }
    )


def _baselines(experiment: Experiment, runs: list[PlannedRun]) -> tuple[tuple[str, str], ...]:
    """The runs beside those of a search's trials, as (run id, evaluation id)."""
    grid = {mixture.name for mixture in experiment.all_mixtures()}
    return tuple((run.run_id, run.eval_id) for run in runs if run.loss in grid or is_ensemble(run.run_id))


@dataclass(frozen=True)
class _Candidate:
    """A network with a mixture and the training's settings, and its names in tables."""

    network: Network
    mixture: Mixture
    training: Training
    loss: str
    label: str
    stopped: bool = False


def _candidates(experiment: Experiment, trials: list[tuple[Trial, bool]]) -> Iterator[_Candidate]:
    """Yield the candidates of the grid, then those of the search that the grid does not hold."""
    for network, mixture in experiment.pairs():
        yield _Candidate(network, mixture, experiment.training, mixture.name, mixture.label or mixture.name)
    grid = {mixture.name for mixture in experiment.all_mixtures()}
    networks = {network.name: network for network in experiment.networks}
    for trial, stopped in trials:
        if trial.loss not in grid:
            rate = {} if trial.learning_rate is None else {"learning_rate": trial.learning_rate}
            optimiser = experiment.training.optimiser.model_copy(update=rate)
            training = experiment.training.model_copy(update={"optimiser": optimiser})
            yield _Candidate(networks[trial.network], trial.mixture, training, trial.loss, trial.loss, stopped)


def _specifications(
    experiment: Experiment, data_id: str, parents: Parents, trials: list[tuple[Trial, bool]]
) -> Iterator[tuple[dict[str, Any], tuple[str, str], bool]]:
    """Yield every run's specification, the candidate's name and label, and whether a search has stopped it.

    The parts are dumped once, not per run.
    """
    networks = {n.name: (n.model_dump(mode="json"), network_identity(n)) for n in experiment.networks}
    for candidate in _candidates(experiment, trials):
        network, mixture = candidate.network, candidate.mixture
        network_dump, network_hashed = networks[network.name]
        mixture_dump, mixture_identity = mixture.model_dump(mode="json"), mixture.identity()
        training, training_hashed = candidate.training.model_dump(mode="json"), training_identity(candidate.training)
        for fold in experiment.all_folds():
            for seed in experiment.seeds:
                parent = parents.find(network, mixture, fold, seed)
                defining = {
                    "data": data_id.rpartition("-")[2],
                    "network": network_hashed,
                    "mixture": mixture_identity,
                    "training": training_hashed,
                    "fold": fold,
                    "seed": seed,
                    **({"parent": parent.digest} if parent else {}),
                }
                spec = {
                    "run_id": f"{run_slug(network, mixture, fold, seed)}-{digest(defining)}",
                    "data_id": data_id,
                    "network": network_dump,
                    "mixture": mixture_dump,
                    "training": training,
                    "fold": fold,
                    "seed": seed,
                    "parent": parent.model_dump(mode="json") if parent else None,
                    "identity": defining,
                }
                yield spec, (candidate.loss, candidate.label), candidate.stopped
