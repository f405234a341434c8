"""The weights that ``training.init_from`` names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seggrid.config import Experiment, Mixture, Network, find_experiment, load_experiment
from seggrid.errors import UserError
from seggrid.paths import DataFolder, RunFolder
from seggrid.records import read_json
from seggrid.specification import Parent, PlannedRun, read_run

if TYPE_CHECKING:
    from seggrid.plan import Plan


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


class Parents:
    """Finds the run or file that each run of an experiment starts from.

    Args:
        data: identity of the experiment's data set.
        folders: where experiments are looked up by name.
        ancestors: experiments that start from this one, to find circles.
        make_plan: plans the experiment that ``init_from`` names.

    Attributes:
        specifications: of the runs that were found and of their data.

    Raises:
        UserError: ``init_from`` leads nowhere or round in a circle.
    """

    def __init__(
        self,
        experiment: Experiment,
        data: Mapping[str, Any],
        folders: list[Path],
        ancestors: tuple[str, ...],
        make_plan: Callable[[Experiment, list[Path], tuple[str, ...]], Plan],
    ) -> None:
        self.name = experiment.training.init_from
        self._data = data
        self.specifications: dict[Path, str] = {}
        self._fixed: Parent | None = None
        self._plan: Plan | None = None
        self._alike: dict[str, list[PlannedRun]] = {}
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
        if self._plan is None:
            if self._fixed is not None and self._fixed.run_id is not None:
                run = read_run(self._fixed.run_id)
                data = read_json(DataFolder(run.data_id).spec)["identity"]
                self._refuse_leak(run.run_id, data, str(run.fold), str(fold))
            return self._fixed
        plan = self._plan
        same = self._alike.get(network.name)
        if same is None:
            shape = (network.architecture, network.encoder, network.parameters)
            alike = {n.name for n in plan.experiment.networks if (n.architecture, n.encoder, n.parameters) == shape}
            same = self._alike[network.name] = [run for run in plan.runs if run.network in alike]
        if not same:
            raise UserError(f"training.init_from: experiment {self.name} trains no {network.name}; add it there")
        wanted = (mixture.name, str(fold), seed)
        best = max(same, key=lambda run: [(run.loss, run.fold, run.seed)[i] == wanted[i] for i in range(3)])
        for folder in (RunFolder(best.run_id).spec, DataFolder(best.data_id).spec):
            self.specifications[folder] = plan.specifications[folder]
        data = json.loads(plan.specifications[DataFolder(best.data_id).spec])["identity"]
        self._refuse_leak(best.run_id, data, best.fold, str(fold))
        if best.parent:
            self.specifications.update(plan.specifications)
        return Parent(run_id=best.run_id, digest=best.run_id.rpartition("-")[2])

    def _refuse_leak(self, run_id: str, data: Mapping[str, Any], parent_fold: str, fold: str) -> None:
        """Weights that have seen the test cases of a fold must not be tested on them.

        Raises:
            UserError: the parent was trained on the same raw data with another fold held out.
        """
        same = data["manifest"] == self._data["manifest"] and (
            data["data"].get("source") != "phantom" or data["data"] == self._data["data"]
        )
        if same and (data["splits"] != self._data["splits"] or parent_fold != fold):
            raise UserError(
                f"training.init_from: {run_id} was trained on test cases of fold {fold} of this data; "
                "start from a run of the same splits and the same fold, or from other data"
            )
