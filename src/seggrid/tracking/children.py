"""One MLflow run per finished run, nested in the MLflow run of the experiment.

A child that ended (``FINISHED`` or ``FAILED``) and carries the digest of the files as they are now is done. Any other
was left by a killed import, or tells of an earlier attempt of its run: it is deleted and imported anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID
from mlflow.utils.validation import MAX_METRICS_PER_BATCH, MAX_PARAMS_TAGS_PER_BATCH

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

    runs: dict[str, str] = field(default_factory=dict)
    added: int = 0


def import_runs(client: MlflowClient, experiment_id: str, parent_id: str, finished: Sequence[FinishedRun]) -> Imported:
    """Bring the children up to date with the finished runs; runs that are no longer planned stay."""
    existing: dict[tuple[str | None, str | None], list[Run]] = {}
    for run in _all_runs(client, experiment_id):
        tags = run.data.tags
        existing.setdefault((tags.get("seggrid.run_id"), tags.get("seggrid.eval_id")), []).append(run)
    imported = Imported()
    for run in finished:
        kept = None
        for child in existing.get((run.planned.run_id, run.planned.eval_id), []):
            if kept is None and child.info.status in _ENDED and child.data.tags.get("seggrid.content") == run.content:
                kept = child
            else:
                client.delete_run(child.info.run_id)
        if kept is None:
            imported.runs[run.planned.run_id] = _import_run(client, experiment_id, parent_id, run)
            imported.added += 1
        else:
            if kept.data.tags.get(MLFLOW_PARENT_RUN_ID) != parent_id:
                client.set_tag(kept.info.run_id, MLFLOW_PARENT_RUN_ID, parent_id)
            imported.runs[run.planned.run_id] = kept.info.run_id
    return imported


def _all_runs(client: MlflowClient, experiment_id: str) -> Iterator[Run]:
    """Yield every MLflow run of an experiment that is not deleted."""
    token = None
    while True:
        page = client.search_runs([experiment_id], max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def log_params(client: MlflowClient, run: Run, params: dict[str, str]) -> None:
    """Log the parameters that the run has not got yet, in as few calls as MLflow allows."""
    keys = legal_keys(params)
    rows = [Param(keys[name], value) for name, value in params.items() if keys[name] not in run.data.params]
    for start in range(0, len(rows), MAX_PARAMS_TAGS_PER_BATCH):
        client.log_batch(run.info.run_id, params=rows[start : start + MAX_PARAMS_TAGS_PER_BATCH])


def _import_run(client: MlflowClient, experiment_id: str, parent_id: str, run: FinishedRun) -> str:
    started = run.ended - int(run.status.seconds * 1000)
    created = client.create_run(experiment_id, started, _tags(run, parent_id), run.planned.run_id)
    log_params(client, created, _params(run))
    child = str(created.info.run_id)
    metrics = [*_epoch_metrics(run, started), *_final_metrics(run)]
    for start in range(0, len(metrics), MAX_METRICS_PER_BATCH):
        client.log_batch(child, metrics=metrics[start : start + MAX_METRICS_PER_BATCH])
    for path in run.files:
        client.log_artifact(child, str(path))
    # Last, for this is what makes the child count.
    client.set_terminated(child, "FINISHED" if run.status.state == "completed" else "FAILED", run.ended)
    return child


def _tags(run: FinishedRun, parent_id: str) -> dict[str, str]:
    planned = run.planned
    tags = {
        MLFLOW_PARENT_RUN_ID: parent_id,
        "seggrid.run_id": planned.run_id,
        "seggrid.eval_id": planned.eval_id,
        "seggrid.data_id": planned.data_id,
        "seggrid.network": planned.network,
        "seggrid.mixture": planned.loss,
        "seggrid.state": run.status.state,
        "seggrid.content": run.content,
    }
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


def _epoch_metrics(run: FinishedRun, started: int) -> list[Metric]:
    """A metric per epoch and column of history, at the time when the epoch ended; empty cells are left out."""
    history = run.history()
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
