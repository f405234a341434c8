"""One writer per run folder."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seggrid.training import lease as module
from seggrid.training.lease import holder_of, lease

HOLD = """
import sys, time
from pathlib import Path
from seggrid.training.lease import lease
with lease(Path(sys.argv[1]), waiting=print):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "ckpt" / "lease.json"


def start_holder(path: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_it_is_held_inside_the_block_only(path: Path) -> None:
    with lease(path, waiting=print):
        holder = holder_of(path)
        assert holder is not None
        assert holder["pid"] == os.getpid()
    assert holder_of(path) is None
    assert not path.exists()


def test_a_living_holder_is_waited_for_and_named(path: Path) -> None:
    holder = start_holder(path)
    told: list[str] = []

    def waiting(text: str) -> None:
        told.append(text)
        holder.terminate()
        holder.wait()

    with lease(path, waiting, poll=0.05):
        assert len(told) == 1
        assert str(holder.pid) in told[0]


def test_the_lease_of_a_killed_holder_is_taken_at_once(path: Path) -> None:
    holder = start_holder(path)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert path.exists()
    started = time.monotonic()
    with lease(path, waiting=lambda text: pytest.fail(text)):
        assert time.monotonic() - started < 5


def test_a_number_that_went_to_another_process_is_no_holder(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.with_suffix(".lock").touch()
    content = {"nonce": "x", "host": socket.gethostname(), "pid": os.getpid(), "started": 0.0, "job": None}
    path.write_text(json.dumps(content))
    assert holder_of(path) is None


def test_a_holder_on_another_machine_lives_by_its_heartbeat(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.with_suffix(".lock").touch()
    path.write_text(json.dumps({"nonce": "x", "host": "elsewhere", "pid": 1, "started": 0.0, "job": "7"}))
    assert holder_of(path) is not None
    old = time.time() - module.STALE_SECONDS - 1
    os.utime(path, (old, old))
    assert holder_of(path) is None


def test_a_damaged_lease_is_no_lease(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with lease(path, waiting=lambda text: pytest.fail(text)):
        assert holder_of(path) is not None


def _count_up(path: Path, counter: Path) -> None:
    for _ in range(5):
        with lease(path, waiting=lambda _: None, poll=0.001):
            value = int(counter.read_text())
            time.sleep(0.002)
            counter.write_text(str(value + 1))


def test_many_processes_never_hold_it_together(path: Path, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_count_up, args=(path, counter)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert counter.read_text() == "20"


def test_a_holder_that_was_replaced_ends_itself(path: Path) -> None:
    """Suspended longer than its heartbeat allows, it finds another's lease when it wakes up."""
    holder = subprocess.Popen(
        [sys.executable, "-c", "import seggrid.training.lease as m; m.HEARTBEAT_SECONDS = 0.05\n" + HOLD, str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    path.write_text(json.dumps({**json.loads(path.read_text()), "nonce": "another"}))
    assert holder.wait(timeout=20) == -signal.SIGKILL
