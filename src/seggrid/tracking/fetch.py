"""A registered model as a folder."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import mlflow.artifacts
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from seggrid.config import Experiment
from seggrid.config.evaluation import Tracking, hide_query, without_credentials, without_query
from seggrid.errors import UserError
from seggrid.paths import ExperimentFolder, tracking_store
from seggrid.records import digest, read_model
from seggrid.tracking.store import tracking_uri

_MODEL = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")


def fetch_model(address: str) -> Path:
    """Return the folder of ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION``, downloaded once from a server.

    The server is that of ``MLFLOW_TRACKING_URI``, else that of the experiment called ``NAME``, else the local store.

    Raises:
        UserError: the address is not of this form, or there is no such model, or no such store.
    """
    match = _MODEL.fullmatch(address)
    if match is None:
        raise UserError(f"--model {address}: write models:/NAME@champion or models:/NAME/VERSION")
    name = match["name"]
    uri = _address_of(name)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        raise UserError(f"--model {address}: there is no MLflow store here; run `seggrid track {name}` first")
    try:
        client = MlflowClient(uri, registry_uri=uri)
        version = match["version"] or client.get_model_version_by_alias(name, match["alias"]).version
        source = client.get_model_version_download_uri(name, str(version))
        parts = urlsplit(source)
        if parts.scheme in ("", "file"):
            return Path(url2pathname(parts.path))
        # Another server, or one that was set up anew, has a version of this number too.
        place = f"{version}-{digest([uri, source])}"
        return _downloaded(client, source, tracking_store() / "models" / name / place)
    except (MlflowException, SQLAlchemyError) as error:
        said = hide_query(str(error), uri)[:400]
        raise UserError(
            f"--model {address}: not to be had from {without_query(uri)} ({said}); see `seggrid track`"
        ) from error


def _address_of(name: str) -> str:
    if uri := os.environ.get("MLFLOW_TRACKING_URI"):
        try:
            return without_credentials(uri)
        except ValueError as error:
            raise UserError(f"MLFLOW_TRACKING_URI: {error}") from None
    path = ExperimentFolder(name).experiment
    return tracking_uri(read_model(path, Experiment).tracking if path.is_file() else Tracking())


def _downloaded(client: MlflowClient, source: str, target: Path) -> Path:
    """Download into ``target`` unless it is there: a version never changes."""
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=folder, tracking_uri=client.tracking_uri)
            (found,) = (path.parent for path in Path(folder).rglob("MLmodel"))
            try:
                found.rename(target)
            except OSError:
                if not target.is_dir():  # else another process was faster
                    raise
    return target
