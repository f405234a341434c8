"""Which jobs the next Snakemake cancels; the queue is a file."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import psutil
import pytest

from seggrid import slurm
from seggrid.errors import UserError
from seggrid.slurm import take_over_queue

GONE = 2**22 + 1


class Queue:
    """Slurm's commands as scripts: a file a run ID, which holds its jobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.script("squeue", 'for word; do case $word in --name=*) cat "$0.${word#*=}" 2>/dev/null; esac; done; :')
        self.script("scancel", 'rm "${0%scancel}squeue.${1#--name=}"')

    def script(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def jobs(self, run_id: str) -> Path:
        return self.folder / f"squeue.{run_id}"


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Queue:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return Queue(tmp_path / "bin")


def log(tmp_path: Path, run_id: str) -> Path:
    path = tmp_path / f"{run_id}.log"
    path.write_text(f"Building DAG of jobs...\nSLURM run ID: {run_id}\nUsing shell: /usr/bin/bash\n")
    return path


def record(tmp_path: Path, run_id: str) -> Path:
    return tmp_path / "results" / "controllers" / f"{run_id}.json"


def leave(tmp_path: Path, queue: Queue, run_id: str, pid: int, host: str) -> None:
    """A Snakemake of before, with two jobs in the queue."""
    take_over_queue(log(tmp_path, run_id))
    path = record(tmp_path, run_id)
    text = path.read_text().replace(f'"pid": {os.getpid()}', f'"pid": {pid}').replace(socket.gethostname(), host)
    path.write_text(text)
    queue.jobs(run_id).write_text("7\n8\n")


def test_jobs_of_a_killed_snakemake_are_cancelled(tmp_path: Path, queue: Queue) -> None:
    leave(tmp_path, queue, "old", GONE, socket.gethostname())
    assert take_over_queue(log(tmp_path, "new")) == [
        f"cancelled jobs 7, 8 of a Snakemake that was killed (process {GONE})"
    ]
    assert not queue.jobs("old").exists()
    assert not record(tmp_path, "old").exists()
    assert record(tmp_path, "new").is_file()
    assert take_over_queue(log(tmp_path, "newer")) == []


def test_a_snakemake_beside_this_one_keeps_its_jobs(tmp_path: Path, queue: Queue) -> None:
    leave(tmp_path, queue, "other", os.getpid(), socket.gethostname())
    assert take_over_queue(log(tmp_path, "new")) == []
    assert queue.jobs("other").exists()
    queue.jobs("other").unlink()
    assert take_over_queue(log(tmp_path, "newer")) == []
    assert record(tmp_path, "other").is_file(), "it may submit others"


def test_a_process_that_took_the_number_of_a_dead_one_is_not_it(tmp_path: Path, queue: Queue) -> None:
    leave(tmp_path, queue, "old", os.getpid(), socket.gethostname())
    started = psutil.Process().create_time()
    path = record(tmp_path, "old")
    path.write_text(path.read_text().replace(str(started), str(started - 60)))
    assert take_over_queue(log(tmp_path, "new"))
    assert not queue.jobs("old").exists()


def test_what_cannot_be_seen_from_here_is_told(tmp_path: Path, queue: Queue) -> None:
    leave(tmp_path, queue, "far", GONE, "login2")
    (sentence,) = take_over_queue(log(tmp_path, "new"))
    assert "process 4194305 on login2" in sentence
    assert sentence.endswith("scancel --name=far")
    assert queue.jobs("far").exists()
    queue.jobs("far").unlink()
    assert take_over_queue(log(tmp_path, "newer")) == []


def test_jobs_that_do_not_end_are_an_error(tmp_path: Path, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(tmp_path, queue, "old", GONE, socket.gethostname())
    queue.script("scancel", "true")
    monkeypatch.setattr(slurm, "CANCEL_SECONDS", 0.0)
    with pytest.raises(UserError, match="jobs 7, 8 were cancelled, but still run"):
        take_over_queue(log(tmp_path, "new"))


def test_without_slurm_nothing_is_done(tmp_path: Path, queue: Queue) -> None:
    path = tmp_path / "local.log"
    path.write_text("Building DAG of jobs...\n")
    assert take_over_queue(path) == []
    assert not (tmp_path / "results").exists()


def test_a_clock_that_was_set_makes_no_controller_gone(tmp_path: Path, queue: Queue) -> None:
    take_over_queue(log(tmp_path, "mine"))
    path = record(tmp_path, "mine")
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "started": told["started"] - 10}))
    queue.jobs("mine").write_text("7\n")
    assert take_over_queue(log(tmp_path, "next")) == []
    assert queue.jobs("mine").is_file()


def test_a_slurm_whose_commands_are_missing_is_told_in_a_sentence(
    tmp_path: Path, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(tmp_path, queue, "old", GONE, socket.gethostname())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"^squeue: cannot be started \(No such file or directory\); put Slurm's"):
        take_over_queue(log(tmp_path, "next"))


@pytest.mark.parametrize("command", ["squeue", "scancel"])
def test_a_slurm_that_does_not_answer_is_told_in_a_sentence(tmp_path: Path, queue: Queue, command: str) -> None:
    leave(tmp_path, queue, "old", GONE, socket.gethostname())
    queue.script(command, "echo 'Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(
        UserError, match=rf"{command}: Slurm does not answer \(Unable to contact slurm controller\); wait"
    ):
        take_over_queue(log(tmp_path, "next"))
    assert record(tmp_path, "old").is_file()
