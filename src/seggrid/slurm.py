"""Batch jobs that a killed Snakemake left in the queue: cancelled before the next one submits theirs anew.

Snakemake's executor names every job of a call by the run ID that it logs. Each call leaves a record of its run ID and
process; where the process is gone, its jobs are nobody's.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from pydantic import BaseModel

from seggrid.errors import UserError
from seggrid.paths import controllers
from seggrid.provenance import is_running
from seggrid.records import read_model, write_json

_RUN_ID = re.compile(r"^SLURM run ID: (\S+)$", re.MULTILINE)
#: Longer than KillWait, Slurm's default pause between the two signals that end a job.
CANCEL_SECONDS = 90.0


class Controller(BaseModel):
    """A Snakemake that submits batch jobs; the content of ``results/controllers/<run ID>.json``."""

    run_id: str
    host: str
    pid: int
    started: float

    def is_gone(self) -> bool:
        """Whether its process has ended; false also where that cannot be seen from this machine."""
        return self.host == socket.gethostname() and not is_running(self.pid, self.started)


def take_over_queue(log: Path) -> list[str]:
    """Cancel the jobs of controllers that are gone, and record this process as one; return sentences for the user.

    Args:
        log: of this Snakemake; without a run ID of Slurm in it, nothing is done.

    Raises:
        UserError: cancelled jobs do not end, or Slurm does not answer.
    """
    found = _RUN_ID.search(log.read_text(encoding="utf-8"))
    if found is None:
        return []
    told = [sentence for path in sorted(controllers().glob("*.json")) for sentence in _settle(path)]
    process = psutil.Process()
    mine = Controller(run_id=found[1], host=socket.gethostname(), pid=process.pid, started=process.create_time())
    controllers().mkdir(parents=True, exist_ok=True)
    write_json(controllers() / f"{mine.run_id}.json", mine.model_dump())
    return told


def _settle(path: Path) -> Iterator[str]:
    controller = read_model(path, Controller)
    jobs = _jobs(controller.run_id)
    if jobs and controller.is_gone():
        _ask("scancel", f"--name={controller.run_id}")
        deadline = time.monotonic() + CANCEL_SECONDS
        while _jobs(controller.run_id):
            if time.monotonic() > deadline:
                raise UserError(f"jobs {', '.join(jobs)} were cancelled, but still run; ask squeue, and try again")
            time.sleep(1)
        yield f"cancelled jobs {', '.join(jobs)} of a Snakemake that was killed (process {controller.pid})"
    elif jobs and controller.host != socket.gethostname():
        yield (
            f"jobs {', '.join(jobs)} belong to process {controller.pid} on {controller.host}, which cannot be seen "
            f"from here; if it is gone, run: scancel --name={controller.run_id}"
        )
    if controller.is_gone():
        path.unlink(missing_ok=True)


def _jobs(run_id: str) -> list[str]:
    """The jobs of a run ID that are queued, running or ending."""
    return _ask("squeue", "--noheader", f"--name={run_id}", f"--user={os.geteuid()}", "--format=%i").split()


def _ask(*command: str) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError as error:
        raise UserError(f"{command[0]}: cannot be started ({error.strerror}); put Slurm's commands on PATH") from None
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        raise UserError(
            f"{command[0]}: Slurm does not answer ({said}); wait until it does, and run the same command again"
        )
    return done.stdout
