"""The champion in the model registry: one version per content, the alias on the current one."""

from __future__ import annotations

import importlib.metadata
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import numpy.typing as npt
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelStatus
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import DataType, ParamSchema, ParamSpec, Schema, TensorSpec

import seggrid
from seggrid.data.preprocessing.geometry import Place
from seggrid.data.preprocessing.pipeline import Pipeline
from seggrid.inference.model import CHAMPION, Model
from seggrid.tracking.champion import Champion, why_not

ALIAS = "champion"
#: What the model needs to predict; the package itself travels with it.
_REQUIREMENTS = (
    "connected-components-3d", "edt", "mlflow", "numpy", "opencv-python-headless", "pandas", "psutil", "pydantic",
    "pyyaml", "safetensors", "scikit-image", "scipy", "segmentation-models-pytorch", "timm", "torch",
)  # fmt: skip
#: What networks for volumes, and their prediction in windows, need besides.
_OF_VOLUMES = ("einops", "monai")
_EXAMPLE_SIDE = 64


@dataclass(frozen=True)
class Registered:
    """Where a champion stands in the registry.

    Attributes:
        version: of the registered model.
        holder: the version that carries the alias, this one or another.
        hindrance: why the alias is not, or would not be, on this one; ``None`` where it is by right.
    """

    version: int
    holder: int
    hindrance: str | None


def register(
    client: MlflowClient, experiment_id: str, parent_id: str, name: str, champion: Champion, force: bool
) -> Registered:
    """Register the champion under ``name`` unless a version of the same content exists.

    It takes the alias from another version only where it is not worse by the same measure. A registration that was
    killed is taken up where it was left.

    Args:
        force: take the alias all the same.
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
    return _settle(client, name, version, tags, force)


def _settle(client: MlflowClient, name: str, version: int, tags: dict[str, str], force: bool) -> Registered:
    """Decide which version carries the alias."""
    held = client.get_registered_model(name).aliases.get(ALIAS)
    hindrance = None
    if held is not None and int(held) != version:
        hindrance = why_not(tags, client.get_model_version(name, str(held)).tags)
        if hindrance and not force:
            return Registered(version, int(held), hindrance)
    if hindrance:
        client.set_model_version_tag(name, str(version), "seggrid.forced", hindrance)
    if held is None or int(held) != version:
        client.set_registered_model_alias(name, ALIAS, str(version))
    return Registered(version, version, hindrance)


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
    logged = client.create_logged_model(experiment_id, ALIAS, parent_id, tags, model_type="segmentation")
    with tempfile.TemporaryDirectory() as folder:
        model = Model.of_runs(
            champion.members, class_names=champion.class_names, postprocessing=champion.postprocessing
        )
        save_served(model, Path(folder), mlflow.models.Model(run_id=parent_id, model_id=logged.model_id))
        client.log_model_artifacts(logged.model_id, folder)
    return client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)


def save_served(model: Model, folder: Path, logged: mlflow.models.Model) -> None:
    """Write a model as MLflow serves it, into a folder that is empty."""
    package = Path(seggrid.__file__).parent
    # An object tensor: MLflow would refuse every number type and number of axes but one, and the model takes any.
    images = Schema([TensorSpec(np.dtype("O"), (-1,))])
    masks = Schema([TensorSpec(np.dtype(np.uint8), (-1,) * (1 + model.axes))])
    needed = (*_REQUIREMENTS, *(_OF_VOLUMES if model.axes == 3 else ()))
    spacing = ParamSchema([ParamSpec("spacing", DataType.double, [], (-1,))])
    with tempfile.TemporaryDirectory() as parts:
        model.write(Path(parts) / CHAMPION)
        mlflow.pyfunc.save_model(
            folder,
            python_model=package / "tracking" / "served.py",
            artifacts={CHAMPION: str(Path(parts) / CHAMPION)},
            code_paths=[str(package)],
            signature=ModelSignature(images, masks, spacing),
            input_example=(draw_example(model), {"spacing": [1.0] * model.axes}),
            pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in needed],
            mlflow_model=logged,
        )


def draw_example(model: Model) -> npt.NDArray[np.uint8]:
    """Draw an input ``(1, *S)`` or ``(1, *S, C)`` of the model: an image of a patient has no place in a registry."""
    shape = (_EXAMPLE_SIDE,) * model.axes
    distance = np.linalg.norm(np.indices(shape) - _EXAMPLE_SIDE / 2, axis=0)
    noise = np.random.default_rng(0).normal(0, 4, shape)
    image = np.clip(220 - 5 * distance + noise, 0, 255).astype(np.uint8)
    prepared, _, _ = Pipeline(model.steps)(image[None], np.zeros(shape, np.uint8), Place((1.0,) * model.axes))
    # Steps may append channels to those of the files.
    channels = model.in_channels - len(prepared) + 1
    return np.stack([image] * channels, axis=-1)[None] if channels > 1 else image[None]
