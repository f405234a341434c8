"""A model in files: the networks, the preprocessing before them, and the names of what they find."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from seggrid.catalogue import INFERENCE_VERSION
from seggrid.config.base import Section
from seggrid.config.preprocessing import Step
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.paths import DataFolder, RunFolder
from seggrid.records import digest, read_model, write_json
from seggrid.specification import DataSpec, RunSpec

#: What a folder with a model is called inside of a model of MLflow.
CHAMPION = "champion"


class _Description(Section):
    """The content of ``model.json``."""

    members: tuple[str, ...] = Field(min_length=1)
    class_names: tuple[str, ...]
    in_channels: int
    axes: int


@dataclass(frozen=True)
class Model:
    """Networks whose mean softmax segments images of one data set.

    Attributes:
        members: the specification of each network's run, and its weights.
        data: how the images were preprocessed.
        class_names: of the objects 1 to K.
        in_channels: of the preprocessed images.
        axes: of the images, without channels.
    """

    members: tuple[tuple[RunSpec, Path], ...]
    data: DataSpec
    class_names: tuple[str, ...]
    in_channels: int
    axes: int

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
        return digest([weights, networks, [step.identity() for step in self.steps], INFERENCE_VERSION])

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
        return cls(tuple(members), data, found.class_names, found.in_channels, found.axes)

    @classmethod
    def of_runs(cls, runs: Sequence[RunSpec], root: Path | None = None, class_names: tuple[str, ...] = ()) -> Model:
        """The mean of trained runs on one data set.

        Args:
            root: the results folder that they lie in, where it is another one.
            class_names: of the objects, where others than those of the data set are wanted.

        Raises:
            UserError: the data set is absent or damaged.
        """
        folder = DataFolder(runs[0].data_id, root)
        store = Store.open(folder)
        return cls(
            tuple((spec, RunFolder(spec.run_id, root).model) for spec in runs),
            read_model(folder.spec, DataSpec),
            class_names or store.class_names,
            store.in_channels,
            len(store.cases[0].original_shape),
        )


def open_model(name: str) -> Model:
    """Open a run by its id, or by a path: the folder of a run, or a model that was downloaded from MLflow.

    Raises:
        UserError: there is none, or a file of it is absent or damaged.
    """
    path = Path(name)
    for folder in (path, path / "artifacts" / CHAMPION):
        if (folder / "model.json").is_file():
            return Model.read(folder)
    run = RunFolder(name).folder if RunFolder(name).spec.is_file() else path.absolute()
    if not (run / "spec.json").is_file():
        raise UserError(f"--model {name}: no such run or folder; give a run id, models:/NAME@champion, or a path")
    if not (run / "model.safetensors").is_file():
        raise UserError(f"{run / 'model.safetensors'}: no such file; run `seggrid train {run.name}` first")
    return Model.of_runs([read_model(run / "spec.json", RunSpec)], run.parents[1])
