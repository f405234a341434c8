"""A model in files: the networks, the preprocessing before them, and the names of what they find."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from seggrid.catalogue import INFERENCE_VERSION
from seggrid.config.base import Section
from seggrid.config.postprocessing import Chain
from seggrid.config.preprocessing import Step
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.inference.choice import Choice
from seggrid.inference.members import ClassWeights, Network, networks_of
from seggrid.paths import DataFolder, EvaluationFolder, RunFolder
from seggrid.records import digest, read_model, write_json
from seggrid.specification import DataSpec, EnsembleSpec, RunSpec, is_ensemble

#: What a folder with a model is called inside of a model of MLflow.
CHAMPION = "champion"
_EVALUATION = re.compile(r"eval-[0-9a-f]{12}")


class _Description(Section):
    """The content of ``model.json``."""

    members: tuple[str, ...] = Field(min_length=1)
    class_names: tuple[str, ...]
    in_channels: int
    axes: int
    postprocessing: tuple[Chain, ...] = ()
    weights: ClassWeights | None = None


@dataclass(frozen=True)
class Model:
    """Networks whose mean softmax, or a weighted one, segments images of one data set.

    Attributes:
        members: the specification of each network's run, and its weights.
        data: how the images were preprocessed.
        class_names: of the objects 1 to K.
        in_channels: of the preprocessed images.
        axes: of the images, without channels.
        postprocessing: steps of the objects 1 to K; none: masks stay as the networks give them.
        weights: of each network for background and objects; ``None``: every one counts the same.
    """

    members: tuple[Network, ...]
    data: DataSpec
    class_names: tuple[str, ...]
    in_channels: int
    axes: int
    postprocessing: tuple[Chain, ...] = ()
    weights: ClassWeights | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The preprocessing, in order."""
        return self.data.preprocessing

    @property
    def content(self) -> str:
        """Stands for all that a mask depends on; reads the weights."""
        weights = []
        for _, path in self.members:
            with path.open("rb") as file:
                weights.append(hashlib.file_digest(file, "sha256").hexdigest())
        networks = [spec.identity for spec, _ in self.members]
        steps = [step.identity() for step in self.steps]
        # The names stand in masks that are DICOM segmentations.
        parts: list[object] = [weights, networks, steps, list(self.class_names), INFERENCE_VERSION]
        chains = [[step.identity() for step in chain] for chain in self.postprocessing]
        return digest([*parts, *([chains] if any(chains) else []), *([self.weights] if self.weights else [])])

    def write(self, folder: Path) -> None:
        """Lay the model out in a folder that ``read`` understands."""
        for spec, weights in self.members:
            write_json(folder / spec.run_id / "spec.json", spec.model_dump(mode="json"))
            shutil.copyfile(weights, folder / spec.run_id / "model.safetensors")
        write_json(folder / "data.json", self.data.model_dump(mode="json"))
        description = _Description(
            members=tuple(spec.run_id for spec, _ in self.members),
            class_names=self.class_names,
            in_channels=self.in_channels,
            axes=self.axes,
            postprocessing=self.postprocessing,
            weights=self.weights,
        )
        write_json(folder / "model.json", description.model_dump(mode="json"))

    @classmethod
    def read(cls, folder: Path) -> Model:
        """Read what ``write`` wrote.

        Raises:
            UserError: a file is absent or damaged.
        """
        found = read_model(folder / "model.json", _Description)
        members = []
        for run_id in found.members:
            place = folder / run_id
            members.append((read_model(place / "spec.json", RunSpec), place / "model.safetensors"))
        data = read_model(folder / "data.json", DataSpec)
        settings = (found.in_channels, found.axes, found.postprocessing, found.weights)
        return cls(tuple(members), data, found.class_names, *settings)

    @classmethod
    def of_runs(
        cls,
        runs: Sequence[RunSpec | EnsembleSpec],
        root: Path | None = None,
        class_names: tuple[str, ...] = (),
        postprocessing: tuple[Chain, ...] = (),
    ) -> Model:
        """The mean of runs on one data set, each trained or an ensemble of trained ones.

        Args:
            root: the results folder that they lie in, where it is another one.
            class_names: of the objects, where others than those of the data set are wanted.
            postprocessing: steps of the objects 1 to K.

        Raises:
            UserError: the data set, or what an ensemble is made of, is absent or damaged.
        """
        folder = DataFolder(runs[0].data_id, root)
        store = Store.open(folder)
        networks, weights = networks_of(runs, root)
        return cls(
            networks,
            read_model(folder.spec, DataSpec),
            class_names or store.class_names,
            store.in_channels,
            len(store.cases[0].original_shape),
            postprocessing,
            weights,
        )


def open_model(name: str) -> Model:
    """Open a run by its id, or by a path: the folder of a run or of one of its evaluations, or a downloaded model.

    A run has the post-processing that its evaluations chose.

    Raises:
        UserError: there is none, a file of it is absent or damaged, or evaluations of the run chose differently.
    """
    path = Path(name)
    for folder in (path, path / "artifacts" / CHAMPION):
        if (folder / "model.json").is_file():
            return Model.read(folder)
    place = RunFolder(name).folder if RunFolder(name).spec.is_file() else path.absolute()
    run = place.parent if _EVALUATION.fullmatch(place.name) else place
    if not (run / "spec.json").is_file() or not place.is_dir():
        raise UserError(f"--model {name}: no such run or folder; give a run id, models:/NAME@champion, or a path")
    joined = is_ensemble(run.name)
    made = run / ("weights.json" if joined else "model.safetensors")
    if not made.is_file():
        raise UserError(f"{made}: no such file; run `seggrid {'ensemble' if joined else 'train'} {run.name}` first")
    chains = _chosen([place] if place != run else sorted(run.glob("eval-*")), name)
    spec = read_model(run / "spec.json", EnsembleSpec) if joined else read_model(run / "spec.json", RunSpec)
    return Model.of_runs([spec], run.parents[1], postprocessing=chains)


def _chosen(evaluations: Sequence[Path], name: str) -> tuple[Chain, ...]:
    """The post-processing that evaluations of a run chose, none where none asked for it."""
    found: dict[str, tuple[Chain, ...]] = {}
    for folder in map(EvaluationFolder, evaluations):
        if folder.cases.is_file():
            chains = read_model(folder.choice, Choice).chains if folder.choice.is_file() else ()
            found[folder.folder.name] = chains if any(chains) else ()
    first = next(iter(found.values()), ())
    if any(chains != first for chains in found.values()):
        raise UserError(
            f"--model {name}: its evaluations chose different post-processing; give the folder of one of them, "
            f"{name.rstrip('/')}/{min(found)} as a path"
        )
    return first
