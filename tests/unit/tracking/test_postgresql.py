"""A real ``mlflow server`` on a real PostgreSQL, killed in the middle of an import and started again."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient

from seggrid.paths import ExperimentFolder
from seggrid.records import read_json
from seggrid.specification import PlannedRun
from seggrid.tracking import importing
from seggrid.tracking.stage import track
from tests.unit.tracking.conftest import use
from tests.unit.tracking.postgresql import cluster
from tests.unit.tracking.server import Server

NAME = "tiny"


def test_a_server_on_postgresql_that_restarts_gets_the_rest(
    plan: list[PlannedRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setattr(importing, "THREADS", 1)
    original, calls = importing.log_batches, []
    with cluster() as database:
        server = Server(tmp_path / "server", database)
        try:
            server.start()
            use(server.uri)

            def stopping(*arguments: object) -> None:
                calls.append(arguments)
                if len(calls) == 3:
                    server.stop()
                original(*arguments)

            with monkeypatch.context() as patch:
                patch.setattr(importing, "log_batches", stopping)
                assert "does not answer; nothing is lost" in track(NAME)
            server.start()
            assert "4 runs in MLflow, 2 of them new" in track(NAME)
            assert "4 runs in MLflow, 0 of them new" in track(NAME)
            client = MlflowClient(server.uri)
            record = read_json(ExperimentFolder(NAME).tracked)
            children = client.search_runs([record["experiment_id"]], "tags.`seggrid.run_id` LIKE '%'")
            assert {child.info.run_id for child in children} == set(record["runs"].values())
            for child in children:
                assert child.info.status == "FINISHED"
                assert len(client.get_metric_history(child.info.run_id, "loss")) == 4
                assert len(client.list_artifacts(child.info.run_id)) == 3
            assert client.get_model_version_by_alias(NAME, "champion").version == "1"
        finally:
            server.stop()
