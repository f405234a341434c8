"""The rule ``track`` where the server was down: the next call of the workflow sends what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient

from seggrid.paths import ExperimentFolder
from seggrid.records import read_json
from seggrid.tracking.stage import track
from tests.conftest import REPOSITORY
from tests.unit.tracking.server import Gate

NAME = "tiny"


@pytest.mark.workflow
def test_the_next_call_of_the_workflow_sends_what_a_server_missed(
    server: Gate, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    tracked = ExperimentFolder(NAME).tracked
    server.stop()
    track(NAME)  # as the rule calls it; it ends without an error
    assert read_json(tracked)["pending"]
    server.start()
    path = tmp_path / f"{NAME}.yaml"
    path.write_text(yaml.safe_dump(read_json(ExperimentFolder(NAME).experiment)))
    command = [sys.executable, "-m", "snakemake", "-c1", "-s", str(REPOSITORY / "Snakefile"), str(tracked)]
    done = subprocess.run(
        [*command, "--config", f"experiment={path}"], cwd=tmp_path, env=os.environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(read_json(tracked)["runs"]) == 4
    (found,) = MlflowClient(server.uri).search_experiments(filter_string=f"name = '{NAME}'")
    assert len(MlflowClient(server.uri).search_runs([found.experiment_id])) == 5
