"""The MLflow store: the local one is created once, and one process at a time writes."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import re
from collections.abc import Iterator

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.db.db_types import DATABASE_ENGINES
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request
from requests.exceptions import RequestException
from sqlalchemy.exc import SQLAlchemyError

from seggrid.config.evaluation import Tracking, hide_query, without_query
from seggrid.errors import UserError
from seggrid.paths import tracking_store
from seggrid.records import atomic

#: Seconds in which a server says that it is there.
_PATIENCE = 5


def tracking_uri(settings: Tracking) -> str:
    """Return the address of the tracking server, or of the local store where none is set."""
    return settings.uri or f"sqlite:///{(tracking_store() / 'mlflow.db').resolve()}"


class ServerDownError(Exception):
    """The tracking server does not answer; what was not sent stands in the files."""


def is_server(uri: str) -> bool:
    """Whether the store is behind HTTP."""
    return uri.startswith(("http://", "https://"))


def is_database(uri: str) -> bool:
    """Whether MLflow writes into a database itself."""
    return re.split("[+:]", uri)[0] in DATABASE_ENGINES


@contextlib.contextmanager
def open_store(settings: Tracking) -> Iterator[MlflowClient]:
    """Hold the tracking lock of this results folder and give a client; a second process waits.

    Raises:
        UserError: the store cannot be used.
        ServerDownError: the server does not answer, or no longer.
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
            if is_server(uri):
                _require_answer(uri)
            yield MlflowClient(uri, registry_uri=uri)
        except (MlflowException, SQLAlchemyError, RequestException) as error:
            if is_server(uri) and _is_of_transport(error):
                raise ServerDownError(f"{without_query(uri)} does not answer") from error
            said = hide_query(str(error), uri)[:400]
            cure = (
                "delete it, and `seggrid track` rebuilds it from files"
                if settings.uri is None
                else "check the address and the server"
            )
            raise UserError(f"tracking.uri: MLflow cannot use {without_query(uri)} ({said}); {cure}") from error


def _require_answer(uri: str) -> None:
    """Ask the server once whether it is there, so that a dead one costs seconds only."""
    http_request(get_default_host_creds(uri), "/health", "GET", max_retries=0, timeout=_PATIENCE, raise_on_status=False)


def _is_of_transport(error: Exception) -> bool:
    """Whether a request was never answered, or by a proxy or server that is not itself."""
    if isinstance(error, RequestException):
        return error.response is None or error.response.status_code >= 500
    # What MLflow makes of a refused connection, of a timeout, and of 5xx again and again.
    return isinstance(error, MlflowException) and bool(
        re.match(r"API request to .* failed with (exc|timeout)", str(error))
    )


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
