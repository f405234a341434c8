"""What is written in bulk is what MLflow's own calls would write."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from seggrid.scoring.grid import read_grid
from seggrid.tracking.children import result_tags, run_metrics, run_params, run_tags
from seggrid.tracking.database import import_into_database
from seggrid.tracking.finished import FinishedRun, finished_runs

NAME = "tiny"
#: Tables of MLflow that hold what a run logs.
TABLES = ("metrics", "latest_metrics", "params", "tags")


def by_mlflow(client: MlflowClient, experiment_id: str, run: FinishedRun) -> str:
    tags = {**run_tags(run.planned, "parent"), **result_tags(run)}
    child: str = client.create_run(experiment_id, run.started, tags, run.planned.run_id).info.run_id
    client.log_batch(child, run_metrics(run, run.started), run_params(run))
    client.set_terminated(child, run.outcome, run.ended)
    return child


def rows(database: Path, table: str, run: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(database) as connection:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        kept = ", ".join(column for column in columns if column != "run_uuid")
        found = connection.execute(f"SELECT {kept} FROM {table} WHERE run_uuid = ?", (run,)).fetchall()  # noqa: S608
    return sorted(found, key=repr)


def info(client: MlflowClient, run: str) -> tuple[Any, ...]:
    found = client.get_run(run).info
    return found.run_name, found.status, found.start_time, found.end_time, found.lifecycle_stage


def test_bulk_rows_are_those_of_mlflow(client: MlflowClient, results: Path) -> None:
    experiment_id = client.create_experiment("bulk")
    found = finished_runs(read_grid(NAME))
    in_bulk = import_into_database(client, experiment_id, "parent", found)
    assert len(in_bulk) == 4
    for run, child in zip(found, in_bulk, strict=True):
        other = by_mlflow(client, experiment_id, run)
        assert info(client, child) == info(client, other)
        for table in TABLES:
            expected = rows(results / "mlflow" / "mlflow.db", table, other)
            assert expected
            assert rows(results / "mlflow" / "mlflow.db", table, child) == expected, table
