"""What MLflow is told of a run: one MLflow run per run, nested in the MLflow run of the experiment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID
from mlflow.utils.rest_utils import http_request, verify_rest_response
from mlflow.utils.validation import MAX_ENTITIES_PER_BATCH, MAX_METRICS_PER_BATCH, MAX_PARAMS_TAGS_PER_BATCH

from seggrid.specification import EnsembleSpec, PlannedRun, RunSpec
from seggrid.tracking.finished import FinishedRun
from seggrid.tracking.names import flatten, legal_keys
from seggrid.tracking.store import is_server

#: Columns of history that are not measurements of an epoch.
_NOT_METRICS = ("epoch", "seconds", "step_seconds", "device")
_LOG_BATCH = "/api/2.0/mlflow/runs/log-batch"


def all_runs(client: MlflowClient, experiment_id: str, which: str = "") -> Iterator[Run]:
    """Yield every MLflow run of an experiment that is not deleted, or those of a filter of MLflow."""
    token = None
    while True:
        page = client.search_runs([experiment_id], which, max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def log_batches(client: MlflowClient, run_id: str, metrics: Sequence[Metric], params: Sequence[Param]) -> None:
    """Log metrics and parameters in as few calls as MLflow allows: a call costs a server more than what it carries."""
    room = min(MAX_METRICS_PER_BATCH, MAX_ENTITIES_PER_BATCH - MAX_PARAMS_TAGS_PER_BATCH)
    log = _post_batch if is_server(client.tracking_uri) else MlflowClient.log_batch
    while metrics or params:
        log(client, run_id, metrics[:room], params[:MAX_PARAMS_TAGS_PER_BATCH])
        metrics, params = metrics[room:], params[MAX_PARAMS_TAGS_PER_BATCH:]


def _post_batch(client: MlflowClient, run_id: str, metrics: Sequence[Metric], params: Sequence[Param]) -> None:
    """Say by REST what ``MlflowClient.log_batch`` does, which copies and converts every number three times."""
    body = {
        "run_id": run_id,
        "metrics": [
            {"key": m.key, "value": _number(m.value), "timestamp": m.timestamp, "step": m.step} for m in metrics
        ],
        "params": [{"key": param.key, "value": param.value} for param in params],
    }
    response = http_request(get_default_host_creds(client.tracking_uri), _LOG_BATCH, "POST", json=body)
    verify_rest_response(response, _LOG_BATCH)


def _number(value: float) -> float | str:
    """A number in JSON, which knows no infinities; MLflow reads them as texts."""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def log_params(client: MlflowClient, run: Run, params: dict[str, str]) -> None:
    """Log the parameters that a run has not got yet."""
    log_batches(client, run.info.run_id, [], [row for row in _rows(params) if row.key not in run.data.params])


def _rows(params: dict[str, str]) -> list[Param]:
    keys = legal_keys(params)
    return [Param(keys[name], value) for name, value in params.items()]


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


def result_tags(run: FinishedRun) -> dict[str, str]:
    """What a child says of a run that has ended."""
    tags = {"seggrid.state": run.status.state, "seggrid.content": run.content}
    if run.commit:
        tags |= {"seggrid.commit": run.commit, MLFLOW_GIT_COMMIT: run.commit.partition("+")[0]}
    if run.status.reason:
        tags["seggrid.reason"] = run.status.reason
    return tags


def run_params(run: FinishedRun) -> list[Param]:
    """What defines a run."""
    planned, spec = run.planned, run.spec
    return _rows(
        {
            "network": planned.network,
            "loss": planned.loss,
            "fold": planned.fold,
            "seed": str(planned.seed),
            "parent": planned.parent,
            **flatten(_made_of(spec)),
            **flatten({"training": spec.training.model_dump(mode="json")}),
        }
    )


def _made_of(spec: RunSpec | EnsembleSpec) -> dict[str, Any]:
    if isinstance(spec, RunSpec):
        return {"network": spec.network.model_dump(mode="json", exclude={"name"})}
    return {"ensemble": {"weights": spec.weights, "members": len(spec.members)}}


def run_metrics(run: FinishedRun, started: int) -> list[Metric]:
    """The curves of a run, with the ends of level stretches only, and what it measured in the end."""
    return [*level_ends(epoch_metrics(run.history(), started)), *_final_metrics(run)]


def epoch_metrics(history: pd.DataFrame, started: int) -> list[Metric]:
    """A metric per epoch and column of a history, at the time when the epoch ended; empty cells are left out.

    Args:
        started: when the run began, in ms since 1970.
    """
    if history.empty:
        return []
    steps = history["epoch"].to_list()
    times = [started + int(1000 * seconds) for seconds in history["seconds"].cumsum()]
    keys = legal_keys(column for column in history.columns if column not in _NOT_METRICS)
    return [
        Metric(key, float(value), time, int(step))
        for column, key in keys.items()
        for value, time, step in zip(history[column], times, steps, strict=True)
        if not math.isnan(value)
    ]


def level_ends(metrics: Sequence[Metric]) -> list[Metric]:
    """Leave out the points between equal neighbours of their curve: the line stays, and weights are often constant."""
    values = [(metric.key, metric.value) for metric in metrics]
    inner = range(1, len(values) - 1)
    level = {place for place in inner if values[place - 1] == values[place] == values[place + 1]}
    return [metric for place, metric in enumerate(metrics) if place not in level]


def _final_metrics(run: FinishedRun) -> list[Metric]:
    status = run.status
    names = ("epochs", "best_epoch", "best_dice", "parameters", "seconds", "step_seconds")
    outcome = {name: getattr(status, name) for name in names}
    values = {**run.measured, **{name: value for name, value in outcome.items() if value is not None}}
    return [Metric(key, float(values[name]), run.ended, status.epochs) for name, key in legal_keys(values).items()]
