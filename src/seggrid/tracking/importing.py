"""Finished runs into MLflow, each once.

A child that ended (``FINISHED`` or ``FAILED``) and carries the digest of the files as they are now is done. Any other
was left by a killed import, or tells of an earlier attempt of its run: it is deleted and imported anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from seggrid.tracking.children import log_batches, result_tags, run_metrics, run_params, run_tags
from seggrid.tracking.database import import_into_database
from seggrid.tracking.finished import FinishedRun
from seggrid.tracking.known import Child, forget, known_children, remember, unfinished_children
from seggrid.tracking.store import is_database

#: Imports at a time: a server has workers of its own, and the requests of one run wait for each other.
THREADS = 8


@dataclass
class Imported:
    """What an import came to.

    Attributes:
        runs: run id -> MLflow run id, in the order of the plan.
        added: runs that were not there before, or have changed since.
    """

    runs: dict[str, str]
    added: int


def import_runs(client: MlflowClient, experiment_id: str, parent_id: str, finished: Sequence[FinishedRun]) -> Imported:
    """Bring the children up to date with the finished runs; runs that are no longer planned stay."""
    known = known_children(client, experiment_id)
    fresh, stale = _sort(known.children, finished)
    moved = [child for child in fresh.values() if child.parent != parent_id]
    new = [run for run in finished if run.planned.run_id not in fresh]
    if stale or moved or new:
        # From here to the end the record of the last import is not what MLflow holds.
        forget(client, experiment_id)
    for child in stale:
        client.delete_run(child.child)
    for child in moved:
        client.set_tag(child.child, MLFLOW_PARENT_RUN_ID, parent_id)
    write = import_into_database if is_database(client.tracking_uri) else _by_requests
    for run, made in zip(new, write(client, experiment_id, parent_id, new), strict=True):
        fresh[run.planned.run_id] = Child(made, run.planned.run_id, run.planned.eval_id, run.content, parent_id, True)
    if stale or moved or new or not known.remembered:
        gone = {child.child for child in stale}
        others = [child for child in known.children if child.run_id not in fresh and child.child not in gone]
        current = [replace(child, parent=parent_id) for child in fresh.values()]
        remember(client, experiment_id, [*others, *current])
    return Imported({run.planned.run_id: fresh[run.planned.run_id].child for run in finished}, len(new))


def _sort(children: Sequence[Child], finished: Sequence[FinishedRun]) -> tuple[dict[str, Child], list[Child]]:
    """The child of each run that is done, by its run id, and the children to delete."""
    by_run: dict[tuple[str, str], list[Child]] = {}
    for child in children:
        by_run.setdefault((child.run_id, child.eval_id), []).append(child)
    fresh: dict[str, Child] = {}
    stale = []
    for run in finished:
        for child in by_run.get((run.planned.run_id, run.planned.eval_id), []):
            if child.ended and child.content == run.content and run.planned.run_id not in fresh:
                fresh[run.planned.run_id] = child
            else:
                stale.append(child)
    return fresh, stale


def _by_requests(client: MlflowClient, experiment_id: str, parent_id: str, runs: Sequence[FinishedRun]) -> list[str]:
    """Import runs into a server, several at a time; return their MLflow run ids."""
    pool = ThreadPoolExecutor(THREADS)
    try:
        made = list(pool.map(partial(_send_run, client, experiment_id, parent_id), runs))
    finally:
        pool.shutdown(cancel_futures=True)
    # Where the answer of a server is lost, MLflow asks again, and a run is created twice.
    sent = {run.planned.run_id for run in runs}
    for child in unfinished_children(client, experiment_id) if runs else ():
        if child.run_id in sent:
            client.delete_run(child.child)
    return made


def _send_run(client: MlflowClient, experiment_id: str, parent_id: str, run: FinishedRun) -> str:
    tags = {**run_tags(run.planned, parent_id), **result_tags(run)}
    created = client.create_run(experiment_id, run.started, tags, run.planned.run_id)
    child = str(created.info.run_id)
    log_batches(client, child, run_metrics(run, run.started), run_params(run))
    artifacts = get_artifact_repository(created.info.artifact_uri, tracking_uri=client.tracking_uri)
    for path in run.artifacts:
        artifacts.log_artifact(str(path))
    # Last, for this is what makes the child count.
    client.set_terminated(child, run.outcome, run.ended)
    return child
