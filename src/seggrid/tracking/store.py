"""The MLflow store: the local one is created once, and one process at a time writes."""

from __future__ import annotations

import contextlib
import fcntl
import logging
from collections.abc import Iterator
from urllib.parse import urlsplit

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy.exc import SQLAlchemyError

from seggrid.config.evaluation import Tracking
from seggrid.errors import UserError
from seggrid.paths import tracking_store
from seggrid.records import atomic


def tracking_uri(settings: Tracking) -> str:
    """Return the address of the tracking server, or of the local store where none is set.

    Raises:
        UserError: the address holds a user or password, which would end up in files.
    """
    if settings.uri is None:
        return f"sqlite:///{(tracking_store() / 'mlflow.db').resolve()}"
    parts = urlsplit(settings.uri)
    if parts.username or parts.password:
        raise UserError(
            "tracking.uri: holds credentials; take them out and set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD in the environment"
        )
    return settings.uri


@contextlib.contextmanager
def open_store(settings: Tracking) -> Iterator[MlflowClient]:
    """Hold the tracking lock of this results folder and give a client; a second process waits.

    Raises:
        UserError: the store cannot be used.
    """
    uri = tracking_uri(settings)
    folder = tracking_store()
    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    # Held by the kernel: it ends with the process, however that ends.
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            if settings.uri is None:
                _create_local_store()
            yield MlflowClient(uri, registry_uri=uri)
        except (MlflowException, SQLAlchemyError) as error:
            said = " ".join(str(error).split())[:400]
            cure = (
                "delete it, and `seggrid track` rebuilds it from files"
                if settings.uri is None
                else "check the address and the server"
            )
            raise UserError(f"tracking.uri: MLflow cannot use {uri} ({said}); {cure}") from error


def _create_local_store() -> None:
    """Create the database beside its place: a killed migration must not leave half a schema."""
    database = tracking_store() / "mlflow.db"
    if database.is_file():
        return
    with atomic(database) as temporary:
        artifacts = (tracking_store() / "artifacts").resolve().as_uri()
        SqlAlchemyStore(f"sqlite:///{temporary.resolve()}", artifacts).engine.dispose()


def find_experiment(client: MlflowClient, name: str, local: bool) -> str:
    """Return the id of the MLflow experiment of that name, created where there is none.

    Raises:
        UserError: it was deleted in MLflow, which keeps its name.
    """
    found = client.get_experiment_by_name(name)
    if found is None:
        location = (tracking_store() / "artifacts" / name).resolve().as_uri() if local else None
        return str(client.create_experiment(name, artifact_location=location))
    if found.lifecycle_stage != "active":
        raise UserError(
            f"MLflow experiment {name} is deleted; restore it with `mlflow experiments restore "
            f"--experiment-id {found.experiment_id}` or purge it with `mlflow gc`"
        )
    return str(found.experiment_id)
