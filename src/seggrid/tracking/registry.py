"""The champion in the model registry: one version per content, the alias on the current one."""

from __future__ import annotations

import importlib.metadata
import tempfile
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import numpy.typing as npt
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelStatus
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema, TensorSpec

import seggrid
from seggrid.config.preprocessing import Step
from seggrid.data.preprocessing.pipeline import Pipeline
from seggrid.data.store import Store
from seggrid.paths import DataFolder, RunFolder
from seggrid.records import read_json, write_json
from seggrid.tracking import segmenter
from seggrid.tracking.champion import Champion

ALIAS = "champion"
#: What the model needs to predict; the package itself travels with it.
_REQUIREMENTS = (
    "edt", "mlflow", "numpy", "opencv-python-headless", "pandas", "psutil", "pydantic", "pyyaml", "safetensors",
    "scikit-image", "scipy", "segmentation-models-pytorch", "timm", "torch",
)  # fmt: skip
_EXAMPLE_SIDE = 64


def register(client: MlflowClient, experiment_id: str, parent_id: str, name: str, champion: Champion) -> int:
    """Register the champion under ``name`` unless a version of the same content exists; return the version.

    A registration that was killed is taken up where it was left.
    """
    tags = {**champion.tags, "seggrid.digest": champion.digest}
    version = _find_version(client, name, champion.digest)
    if version is None:
        model = _find_model(client, experiment_id, champion.digest) or _log_model(
            client, experiment_id, parent_id, champion, tags
        )
        _ensure_name(client, name)
        # The place, not models:/ID: that one MLflow looks up in the store of its global settings, not in this one.
        created = client.create_model_version(name, model.artifact_location, parent_id, tags, model_id=model.model_id)
        version = int(created.version)
    else:
        known = client.get_model_version(name, str(version)).tags
        for key, value in tags.items():
            if known.get(key) != value:
                client.set_model_version_tag(name, str(version), key, value)
    if str(client.get_registered_model(name).aliases.get(ALIAS)) != str(version):
        client.set_registered_model_alias(name, ALIAS, str(version))
    return version


def _find_version(client: MlflowClient, name: str, digest: str) -> int | None:
    for version in client.search_model_versions(f"name = '{name}'", max_results=1000):
        if version.tags.get("seggrid.digest") == digest:
            return int(version.version)
    return None


def _find_model(client: MlflowClient, experiment_id: str, digest: str) -> LoggedModel | None:
    """A model that was logged whole and not yet registered; halves are deleted."""
    whole = None
    for model in client.search_logged_models([experiment_id]):
        if model.status != LoggedModelStatus.READY:
            client.delete_logged_model(model.model_id)
        elif model.tags.get("seggrid.digest") == digest:
            whole = model
    return whole


def _ensure_name(client: MlflowClient, name: str) -> None:
    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        client.create_registered_model(name, {"seggrid.experiment": name})


def _log_model(
    client: MlflowClient, experiment_id: str, parent_id: str, champion: Champion, tags: dict[str, str]
) -> LoggedModel:
    model = client.create_logged_model(experiment_id, ALIAS, parent_id, tags, model_type="segmentation")
    with tempfile.TemporaryDirectory() as folder:
        parts, saved = Path(folder) / "champion", Path(folder) / "model"
        data = DataFolder(champion.members[0].data_id)
        store = Store.open(data)
        _collect(champion, store, data, parts)
        _save(parts, saved, Model(run_id=parent_id, model_id=model.model_id), draw_example(store, data))
        client.log_model_artifacts(model.model_id, str(saved))
    return client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)


def _collect(champion: Champion, store: Store, data: DataFolder, folder: Path) -> None:
    """Lay out what ``Segmenter`` reads; linked, for MLflow copies it anyway."""
    members = [spec.run_id for spec in champion.members]
    for run_id in members:
        source, target = RunFolder(run_id), folder / run_id
        target.mkdir(parents=True)
        for path in (source.spec, source.model):
            (target / path.name).symlink_to(path.resolve())
    (folder / "data.json").symlink_to(data.spec.resolve())
    description = {
        "members": members,
        "class_names": champion.class_names,
        "in_channels": store.in_channels,
        "axes": len(store.cases[0].original_shape),
    }
    write_json(folder / "model.json", description)


def _save(parts: Path, folder: Path, model: Model, example: npt.NDArray[np.uint8]) -> None:
    package = Path(seggrid.__file__).parent
    # An object tensor: MLflow would refuse every number type and number of axes but one, and the model takes any.
    signature = ModelSignature(Schema([TensorSpec(np.dtype("O"), (-1,))]))
    mlflow.pyfunc.save_model(
        folder,
        loader_module=segmenter.__name__,
        data_path=str(parts),
        code_paths=[str(package)],
        signature=signature,
        input_example=example,
        pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in _REQUIREMENTS],
        mlflow_model=model,
    )


def draw_example(store: Store, data: DataFolder) -> npt.NDArray[np.uint8]:
    """Draw an input ``(1, *S)`` or ``(1, *S, C)`` of the model: an image of a patient has no place in a registry."""
    shape = (_EXAMPLE_SIDE,) * len(store.cases[0].original_shape)
    distance = np.linalg.norm(np.indices(shape) - _EXAMPLE_SIDE / 2, axis=0)
    noise = np.random.default_rng(0).normal(0, 4, shape)
    image = np.clip(220 - 5 * distance + noise, 0, 255).astype(np.uint8)
    steps = [Step.model_validate(step) for step in read_json(data.spec)["preprocessing"]]
    prepared, _, _ = Pipeline(steps)(image[None], np.zeros(shape, np.uint8))
    # Steps may append channels to those of the files.
    channels = store.in_channels - len(prepared) + 1
    return np.stack([image] * channels, axis=-1)[None] if channels > 1 else image[None]
