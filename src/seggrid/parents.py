"""The weights that ``training.init_from`` names."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from seggrid.config import Experiment, Mixture, Network, find_experiment, load_experiment
from seggrid.config.data import PhantomData
from seggrid.errors import UserError
from seggrid.paths import DataFolder, RunFolder
from seggrid.records import AnyModel, digest, read_model
from seggrid.specification import DataSpec, Parent, PlannedRun

if TYPE_CHECKING:
    from seggrid.plan import Plan

_Relation = Literal["apart", "same folds", "overlapping"]


def file_digest(path: Path, key: str) -> str:
    """Return 12 hex digits for the content of a file.

    Raises:
        UserError: it cannot be read; names ``key``.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:12]
    except OSError as error:
        raise UserError(f"{key}: {path} cannot be read ({error.strerror}); give a file that exists") from error


class _Trained(BaseModel):
    """What of a run's ``spec.json`` says which cases its weights have seen; a part of it reads many times faster."""

    data_id: str
    fold: int | str
    parent: Parent | None


class Parents:
    """Finds the run or file that each run of an experiment starts from.

    Args:
        data: the experiment's data set.
        folders: where experiments are looked up by name.
        ancestors: experiments that start from this one, to find circles.
        make_plan: plans the experiment that ``init_from`` names.

    Attributes:
        specifications: of the planned runs that were found, of those that they descend from, and of their data.

    Raises:
        UserError: ``init_from`` leads nowhere or round in a circle.
    """

    def __init__(
        self,
        experiment: Experiment,
        data: DataSpec,
        folders: list[Path],
        ancestors: tuple[str, ...],
        make_plan: Callable[[Experiment, list[Path], tuple[str, ...]], Plan],
    ) -> None:
        self.name = experiment.training.init_from
        self._data = data
        self.specifications: dict[Path, str] = {}
        self._fixed: Parent | None = None
        self._plan: Plan | None = None
        self._alike: dict[str, dict[tuple[str, str, int], PlannedRun]] = {}
        self._relations: dict[str, _Relation] = {}
        self._safe: set[tuple[str, int]] = set()
        if self.name is None:
            return
        if self.name.endswith(".safetensors"):
            path = Path(self.name)
            self._fixed = Parent(file=path, digest=file_digest(path, "training.init_from"))
        elif RunFolder(self.name).spec.is_file():
            self._fixed = Parent(run_id=self.name, digest=self.name.rpartition("-")[2])
        else:
            parent = self._load(self.name, folders, (*ancestors, experiment.name))
            self._plan = make_plan(parent, folders, (*ancestors, experiment.name))

    @staticmethod
    def _load(name: str, folders: list[Path], ancestors: tuple[str, ...]) -> Experiment:
        try:
            path = find_experiment(name, folders)
        except UserError as error:
            raise UserError(f"training.init_from: {name} is no run, file or experiment; {error}") from None
        experiment = load_experiment(path)
        if experiment.name in ancestors:
            raise UserError(f"training.init_from: {' -> '.join((*ancestors, experiment.name))} goes round in a circle")
        return experiment

    def find(self, network: Network, mixture: Mixture, fold: int, seed: int) -> Parent | None:
        """The parent of one run: of the same network; where there are several, of the nearest mixture, fold, seed."""
        return self._nearest(network, mixture.name, fold, seed)

    def all_possible(
        self, networks: Iterable[Network], folds: Iterable[int], seeds: Iterable[int]
    ) -> tuple[Parent, ...]:
        """Every parent that runs may have whose mixtures are not known yet, each once, in the order of the grid."""
        found: dict[Parent, None] = {}
        for network, fold, seed in itertools.product(networks, folds, seeds):
            # No mixture is called nothing: what is nearest to it is so to every mixture that the parents do not train.
            losses = dict.fromkeys(["", *(loss for loss, _, _ in self._runs_alike(network))])
            found |= {p: None for loss in losses if (p := self._nearest(network, loss, fold, seed)) is not None}
        return tuple(found)

    def _nearest(self, network: Network, loss: str, fold: int, seed: int) -> Parent | None:
        if self._plan is None:
            if self._fixed is not None and self._fixed.run_id is not None:
                self._refuse_leak(self._fixed.run_id, fold)
            return self._fixed
        same = self._runs_alike(network)
        if not same:
            raise UserError(f"training.init_from: experiment {self.name} trains no {network.name}; add it there")
        wanted = (loss, str(fold), seed)
        nearest = (
            wanted if wanted in same else max(same, key=lambda key: [a == b for a, b in zip(key, wanted, strict=True)])
        )
        best = same[nearest]
        self._refuse_leak(best.run_id, fold)
        return Parent(run_id=best.run_id, digest=best.run_id.rpartition("-")[2])

    def _runs_alike(self, network: Network) -> dict[tuple[str, str, int], PlannedRun]:
        """Planned runs of the same network, by loss, fold and seed."""
        if self._plan is None:
            return {}
        found = self._alike.get(network.name)
        if found is None:
            shape = (network.architecture, network.encoder, network.parameters)
            networks = self._plan.experiment.networks
            alike = {n.name for n in networks if (n.architecture, n.encoder, n.parameters) == shape}
            runs = (run for run in self._plan.runs if run.network in alike)
            found = self._alike[network.name] = {(run.loss, run.fold, run.seed): run for run in runs}
        return found

    def _refuse_leak(self, run_id: str, fold: int) -> None:
        """Weights that have seen the test cases of a fold must not be tested on them.

        Raises:
            UserError: the run, or one that it descends from, may have been trained on test cases of the fold.
        """
        ancestor: str | None = run_id
        while ancestor is not None and (ancestor, fold) not in self._safe:
            run = self._read(RunFolder(ancestor).spec, _Trained)
            if self._may_have_seen(run, fold):
                through = "" if ancestor == run_id else f", which {run_id} descends from,"
                raise UserError(
                    f"training.init_from: {ancestor}{through} may have been trained on test cases of fold {fold}, "
                    "for its images are the same; start from a run of the same data, splits and fold, or of other data"
                )
            self._safe.add((ancestor, fold))
            ancestor = run.parent.run_id if run.parent is not None else None

    def _may_have_seen(self, run: _Trained, fold: int) -> bool:
        relation = self._relations.get(run.data_id)
        if relation is None:
            data = self._read(DataFolder(run.data_id).spec, DataSpec)
            relation = self._relations[run.data_id] = _relation(data, self._data)
        return relation == "overlapping" or (relation == "same folds" and run.fold != fold)

    def _read(self, path: Path, model: type[AnyModel]) -> AnyModel:
        """Read a specification; one of the parents' plan may not be on disk yet, and is kept to be written."""
        text = self._plan.specifications.get(path) if self._plan is not None else None
        if text is None:
            return read_model(path, model)
        self.specifications[path] = text
        return model.model_validate_json(text)


def _relation(first: DataSpec, second: DataSpec) -> _Relation:
    """Whether two data sets may share images, and if so whether their folds hold out the same ones."""
    if not _overlap(first, second):
        return "apart"
    return "same folds" if _folding(first) == _folding(second) else "overlapping"


def _overlap(first: DataSpec, second: DataSpec) -> bool:
    one, other = first.data, second.data
    if isinstance(one, PhantomData) or isinstance(other, PhantomData):
        # Neither more subjects nor other settings make another knee or wrist of a subject.
        return (
            isinstance(one, PhantomData)
            and isinstance(other, PhantomData)
            and (one.kind, one.settings.seed) == (other.kind, other.settings.seed)
        )
    return first.identity["manifest"] == second.identity["manifest"] or one.path.resolve() == other.path.resolve()


def _folding(data: DataSpec) -> str:
    """A digest of what decides which cases a fold holds out: all of the identity but the preprocessing."""
    return digest({key: value for key, value in data.identity.items() if key != "preprocessing"})
