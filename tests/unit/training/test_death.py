"""A training ends with the parent that holds its lease."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.conftest import Workplace

CHILD = """
import os, sys, time
from seggrid.training.death import die_with_parent
die_with_parent(os.getppid())
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(600)
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1], sys.argv[2]])"


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD, str(marker)])
    while not (marker.is_file() and marker.read_text()):
        assert parent.poll() is None
        time.sleep(0.01)
    child = psutil.Process(int(marker.read_text()))
    parent.kill()
    parent.wait()
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert gone
    assert not alive


def test_a_training_whose_parent_died_during_the_imports_writes_nothing(preprocessed: Workplace) -> None:
    run = preprocessed.run_ids()[0]
    dead = subprocess.Popen(["true"])
    dead.wait()
    command = [sys.executable, "-m", "seggrid.training.run", run, "cpu", str(dead.pid)]
    assert subprocess.run(command, env=preprocessed.environment).returncode == -signal.SIGKILL
    assert [path.name for path in (preprocessed.results / "runs" / run).iterdir()] == ["spec.json"]
