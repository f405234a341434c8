"""Runs into a database that no server stands before: several in one transaction, the points of curves in bulk.

``log_batch`` of MLflow makes an object of every point and a transaction of every call: 60 ms of processor time a run of
450 points and six waits for the disk. What is written here is what it would write; the runs are made and ended, and
their parameters logged, by MLflow itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mlflow import MlflowClient
from mlflow.entities import Metric, RunStatus, RunTag
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import insert
from sqlalchemy.orm import Session

from seggrid.paths import tracking_store
from seggrid.tracking.children import result_tags, run_metrics, run_params, run_tags
from seggrid.tracking.finished import FinishedRun

#: Runs in one transaction.
TOGETHER = 20


def import_into_database(
    client: MlflowClient, experiment_id: str, parent_id: str, runs: Sequence[FinishedRun]
) -> list[str]:
    """Import runs one after the other, for a database takes one writer; return their MLflow run ids."""
    store = SqlAlchemyStore(client.tracking_uri, tracking_store().resolve().as_uri())
    children: list[str] = []
    for start in range(0, len(runs), TOGETHER):
        children += _import_together(store, experiment_id, parent_id, runs[start : start + TOGETHER])
    return children


def _import_together(
    store: SqlAlchemyStore, experiment_id: str, parent_id: str, runs: Sequence[FinishedRun]
) -> list[str]:
    # In a transaction of their own, so that the files of a killed import belong to a run.
    with _transaction(store):
        created = [_create(store, experiment_id, parent_id, run) for run in runs]
    with _transaction(store) as session:
        for run, (child, place) in zip(runs, created, strict=True):
            # First, for MLflow reads all that a run has to end it. The transaction makes all of it count at once.
            store.update_run_info(child, RunStatus.from_string(run.outcome), run.ended, None)
            store.log_batch(child, [], run_params(run), [])
            _insert(store, session, child, run_metrics(run, run.started))
            artifacts = get_artifact_repository(place)
            for path in run.artifacts:
                artifacts.log_artifact(str(path))
    return [child for child, _ in created]


def _create(store: SqlAlchemyStore, experiment_id: str, parent_id: str, run: FinishedRun) -> tuple[str, str]:
    """Make a run; return its MLflow run id and the place of its artifacts."""
    tags = {**run_tags(run.planned, parent_id), **result_tags(run)}
    rows = [RunTag(key, value) for key, value in tags.items()]
    info = store.create_run(experiment_id, "unknown", run.started, rows, run.planned.run_id).info
    return str(info.run_id), str(info.artifact_uri)


def _insert(store: SqlAlchemyStore, session: Session, child: str, metrics: Sequence[Metric]) -> None:
    """Insert the metrics of a run that has none."""
    rows, latest = [], {}
    for metric in sorted(metrics, key=lambda metric: (metric.step, metric.timestamp)):
        is_nan, value = store.sanitize_metric_value(metric.value)
        row = {"key": metric.key, "value": value, "timestamp": metric.timestamp, "step": metric.step, "is_nan": is_nan}
        rows.append({**row, "run_uuid": child})
        latest[metric.key] = rows[-1]
    if rows:
        session.execute(insert(SqlMetric), rows)
        session.execute(insert(SqlLatestMetric), list(latest.values()))


@contextmanager
def _transaction(store: SqlAlchemyStore) -> Iterator[Session]:
    """Let all that the store does in the block be one transaction of its database."""
    own = store.ManagedSessionMaker
    with store.engine.begin() as connection, Session(connection, join_transaction_mode="rollback_only") as session:

        @contextmanager
        def joined(read_only: bool = True) -> Iterator[Session]:  # noqa: ARG001 (as MLflow calls it)
            yield session
            session.flush()

        store.ManagedSessionMaker = joined
        try:
            yield session
        finally:
            store.ManagedSessionMaker = own
