"""One MLflow run per finished run, nested in the MLflow run of the experiment.

A child that ended (``FINISHED`` or ``FAILED``) and carries the digest of the files as they are now is done. Any other
was left by a killed import, or tells of an earlier attempt of its run: it is deleted and imported anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID
from mlflow.utils.validation import MAX_ENTITIES_PER_BATCH, MAX_METRICS_PER_BATCH, MAX_PARAMS_TAGS_PER_BATCH

from seggrid.specification import PlannedRun
from seggrid.tracking.finished import FinishedRun
from seggrid.tracking.names import flatten, legal_keys

_ENDED = ("FINISHED", "FAILED")
#: Columns of history that are not measurements of an epoch.
_CLOCKS = ("epoch", "seconds", "step_seconds")


@dataclass
class Imported:
    """What an import came to.

    Attributes:
        runs: run id -> MLflow run id, in the order of the plan.
        added: runs that were not there before, or have changed since.
    """

    runs: dict[str, str]
    added: int


def import_runs(
    client: MlflowClient, experiment_id: str, parent_id: str, finished: Sequence[FinishedRun], threads: int
) -> Imported:
    """Bring the children up to date with the finished runs; runs that are no longer planned stay.

    Args:
        threads: imports at a time; a database takes one.
    """
    existing: dict[tuple[str | None, str | None], list[Run]] = {}
    for run in all_runs(client, experiment_id):
        tags = run.data.tags
        existing.setdefault((tags.get("seggrid.run_id"), tags.get("seggrid.eval_id")), []).append(run)
    known: dict[str, str] = {}
    for run in finished:
        for child in existing.get((run.planned.run_id, run.planned.eval_id), []):
            fresh = child.info.status in _ENDED and child.data.tags.get("seggrid.content") == run.content
            if fresh and run.planned.run_id not in known:
                known[run.planned.run_id] = child.info.run_id
                if child.data.tags.get(MLFLOW_PARENT_RUN_ID) != parent_id:
                    client.set_tag(child.info.run_id, MLFLOW_PARENT_RUN_ID, parent_id)
            else:
                client.delete_run(child.info.run_id)
    new = [run for run in finished if run.planned.run_id not in known]
    pool = ThreadPoolExecutor(threads)
    try:
        children = list(pool.map(partial(_import_run, client, experiment_id, parent_id), new))
    finally:
        pool.shutdown(cancel_futures=True)
    known |= {run.planned.run_id: child for run, child in zip(new, children, strict=True)}
    return Imported({run.planned.run_id: known[run.planned.run_id] for run in finished}, len(new))


def all_runs(client: MlflowClient, experiment_id: str, which: str = "") -> Iterator[Run]:
    """Yield every MLflow run of an experiment that is not deleted, or those of a filter of MLflow."""
    token = None
    while True:
        page = client.search_runs([experiment_id], which, max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def log_batches(client: MlflowClient, run_id: str, metrics: list[Metric], params: list[Param]) -> None:
    """Log metrics and parameters in as few calls as MLflow allows: a call costs a server more than what it carries."""
    room = min(MAX_METRICS_PER_BATCH, MAX_ENTITIES_PER_BATCH - MAX_PARAMS_TAGS_PER_BATCH)
    while metrics or params:
        client.log_batch(run_id, metrics=metrics[:room], params=params[:MAX_PARAMS_TAGS_PER_BATCH])
        metrics, params = metrics[room:], params[MAX_PARAMS_TAGS_PER_BATCH:]


def log_params(client: MlflowClient, run: Run, params: dict[str, str]) -> None:
    """Log the parameters that a run has not got yet."""
    log_batches(client, run.info.run_id, [], [row for row in _rows(params) if row.key not in run.data.params])


def _rows(params: dict[str, str]) -> list[Param]:
    keys = legal_keys(params)
    return [Param(keys[name], value) for name, value in params.items()]


def _import_run(client: MlflowClient, experiment_id: str, parent_id: str, run: FinishedRun) -> str:
    started = run.ended - int(run.status.seconds * 1000)
    tags = {**run_tags(run.planned, parent_id), **_result_tags(run)}
    created = client.create_run(experiment_id, started, tags, run.planned.run_id)
    child = str(created.info.run_id)
    log_batches(client, child, [*epoch_metrics(run.history(), started), *_final_metrics(run)], _rows(_params(run)))
    artifacts = get_artifact_repository(created.info.artifact_uri, tracking_uri=client.tracking_uri)
    for path in run.files:
        artifacts.log_artifact(str(path))
    # Last, for this is what makes the child count.
    client.set_terminated(child, "FINISHED" if run.status.state == "completed" else "FAILED", run.ended)
    return child


def run_tags(planned: PlannedRun, parent_id: str) -> dict[str, str]:
    """What a child says of its run, ended or not."""
    return {
        MLFLOW_PARENT_RUN_ID: parent_id,
        "seggrid.run_id": planned.run_id,
        "seggrid.eval_id": planned.eval_id,
        "seggrid.data_id": planned.data_id,
        "seggrid.network": planned.network,
        "seggrid.mixture": planned.loss,
    }


def _result_tags(run: FinishedRun) -> dict[str, str]:
    tags = {"seggrid.state": run.status.state, "seggrid.content": run.content}
    if run.commit:
        tags |= {"seggrid.commit": run.commit, MLFLOW_GIT_COMMIT: run.commit.partition("+")[0]}
    if run.status.reason:
        tags["seggrid.reason"] = run.status.reason
    return tags


def _params(run: FinishedRun) -> dict[str, str]:
    planned, spec = run.planned, run.spec
    return {
        "network": planned.network,
        "loss": planned.loss,
        "fold": planned.fold,
        "seed": str(planned.seed),
        "parent": planned.parent,
        **flatten({"network": spec.network.model_dump(mode="json", exclude={"name"})}),
        **flatten({"training": spec.training.model_dump(mode="json")}),
    }


def epoch_metrics(history: pd.DataFrame, started: int) -> list[Metric]:
    """A metric per epoch and column of a history, at the time when the epoch ended; empty cells are left out.

    Args:
        started: when the run began, in ms since 1970.
    """
    if history.empty:
        return []
    steps = history["epoch"].to_list()
    times = [started + int(1000 * seconds) for seconds in history["seconds"].cumsum()]
    keys = legal_keys(column for column in history.columns if column not in _CLOCKS)
    return [
        Metric(key, float(value), time, int(step))
        for column, key in keys.items()
        for value, time, step in zip(history[column], times, steps, strict=True)
        if not math.isnan(value)
    ]


def _final_metrics(run: FinishedRun) -> list[Metric]:
    status = run.status
    outcome = {name: getattr(status, name) for name in ("best_epoch", "best_dice", "parameters", "seconds")}
    values = {**run.measured, **{name: value for name, value in outcome.items() if value is not None}}
    return [Metric(key, float(values[name]), run.ended, status.epochs) for name, key in legal_keys(values).items()]
