"""What is hashed to the names of data sets, evaluations and runs.

An identity holds only what differs from the defaults, plus the version of each loss, network and step: see
``docs/explanation/identity.md``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from seggrid.catalogue import DATA_VERSION, INFERENCE_VERSION, METRICS, TRAINING_VERSION
from seggrid.config import Experiment, Mixture, Network, Training
from seggrid.config.base import identity
from seggrid.config.data import CocoData, Data, NnunetData, PhantomData, nnunet_classes
from seggrid.config.phantom import PHANTOM_CLASSES
from seggrid.errors import UserError
from seggrid.manifest import holds_dicom, holds_volumes, manifest_hash, raw_files
from seggrid.parents import file_digest
from seggrid.paths import manifest_cache
from seggrid.records import digest, read_json
from seggrid.specification import DataSpec


def class_names(data: Data) -> tuple[str, ...]:
    """Names of the objects, in the order of their labels 1, 2, ...

    Raises:
        UserError: dataset.json of an nnU-Net folder names none.
    """
    if isinstance(data, PhantomData):
        return PHANTOM_CLASSES[data.kind]
    if isinstance(data, NnunetData) and not data.classes:
        header = read_json(data.path / "dataset.json")
        try:
            return tuple(nnunet_classes(header.get("labels") if isinstance(header, dict) else None))
        except ValueError as error:
            raise UserError(f"{data.path / 'dataset.json'}: {error}") from None
    return tuple(data.classes)


def data_spec(experiment: Experiment) -> DataSpec:
    data = experiment.data
    defining, files = identity(data), raw_files(data)
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
        **({"version": DATA_VERSION} if DATA_VERSION != 1 else {}),
        # How volumes lie changed with them: the axes of NIfTI were those of the file before.
        **({"volumes": 2} if holds_volumes(data, files) else {}),
        # Padding is dark, and film has its own spacing.
        **({"dicom": 2} if holds_dicom(data, files) else {}),
    }
    return DataSpec(
        data_id=f"{data.source}-{digest(defining)}",
        data=data,
        preprocessing=experiment.preprocessing,
        splits=experiment.splits,
        identity=defining,
    )


def evaluation_identity(experiment: Experiment, names: tuple[str, ...]) -> dict[str, Any]:
    measured = experiment.evaluation
    chains = [[step.identity() for step in chain] for chain in measured.postprocessing]
    return {
        "metrics": [[name, METRICS[name.partition("@")[0]].version] for name in measured.metrics],
        "both_empty": measured.both_empty,
        "inference": INFERENCE_VERSION,
        "class_names": list(names),
        **({"postprocessing": chains} if chains else {}),
    }


def training_identity(training: Training) -> dict[str, Any]:
    # The parent stands for init_from: by content, not by name.
    settings = {key: value for key, value in identity(training).items() if key != "init_from"}
    # Patches of images that are smaller are padded by the whole image, since version 2.
    patches = {"patches": 2} if training.patch_size else {}
    return {"version": TRAINING_VERSION, **patches, **settings}


def network_identity(network: Network) -> dict[str, Any]:
    found = network.identity()
    weights = network.encoder_weights
    if weights and Path(weights).suffix:
        found["encoder_weights"] = file_digest(Path(weights), "networks.encoder_weights")
    return found


def run_slug(network: Network, mixture: Mixture, fold: int | str, seed: int) -> str:
    """At most 60 characters, made of what defines the run only: a label must not move a folder."""
    end = f"-f{fold}-s{seed}"
    body = "_".join(filter(None, (network.architecture, network.encoder)))
    text = f"{body}-{mixture.name}"
    text = re.sub(r"[^A-Za-z0-9._+-]+", "", text.replace(" + ", "+"))
    return text[: 60 - len(end)].rstrip("-+.") + end
