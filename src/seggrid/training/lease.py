"""One writer per run folder: a lease that ends with its holder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from seggrid.provenance import is_running
from seggrid.records import atomic

#: A holder on another machine is taken for dead after this many seconds without a sign of life.
STALE_SECONDS = 120.0
HEARTBEAT_SECONDS = 10.0


@contextlib.contextmanager
def lease(path: Path, waiting: Callable[[str], None], poll: float = 0.5) -> Iterator[None]:
    """Hold ``path`` while the block runs; wait for another holder that is alive, take over from a dead one.

    A holder on this machine is dead when its process is gone; one on another machine when its heartbeat is old.

    Args:
        waiting: called once with a sentence that names the holder, if there is a wait.
        poll: seconds between two looks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    nonce = uuid.uuid4().hex
    told = False
    while (holder := _try(path, nonce)) is not None:
        if not told:
            waiting(
                f"{path.parent.parent.name} is being trained by process {holder['pid']} on {holder['host']}; waiting"
            )
            told = True
        time.sleep(poll)
    stop = threading.Event()
    heart = threading.Thread(target=_beat, args=(path, nonce, stop), daemon=True)
    heart.start()
    try:
        yield
    finally:
        stop.set()
        heart.join()
        with _mutex(path):
            if (_read(path) or {}).get("nonce") == nonce:
                path.unlink()


def holder_of(path: Path) -> dict[str, Any] | None:
    """Return who holds the lease, or ``None`` where nobody alive does."""
    content = _read(path)
    return content if content is not None and _alive(path, content) else None


def _try(path: Path, nonce: str) -> dict[str, Any] | None:
    """Take the lease, or return its living holder."""
    with _mutex(path):
        content = _read(path)
        if content is not None and _alive(path, content):
            return content
        process = psutil.Process()
        mine = {
            "nonce": nonce,
            "host": socket.gethostname(),
            "pid": process.pid,
            "started": process.create_time(),
            "job": os.environ.get("SLURM_JOB_ID"),
        }
        with atomic(path) as temporary:
            temporary.write_text(json.dumps(mine), encoding="utf-8")
        return None


@contextlib.contextmanager
def _mutex(path: Path) -> Iterator[None]:
    # Held for the moment of looking and writing only; the kernel frees it when the process dies.
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _alive(path: Path, content: dict[str, Any]) -> bool:
    if content["host"] == socket.gethostname():
        return is_running(content["pid"], content["started"])
    try:
        return _now(path) - path.stat().st_mtime < STALE_SECONDS
    except FileNotFoundError:
        return False


def _now(path: Path) -> float:
    """The time by the clock of the file system, which may differ from this machine's."""
    lock = path.with_suffix(".lock")
    os.utime(lock)
    return lock.stat().st_mtime


def _beat(path: Path, nonce: str, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_SECONDS):
        if (_read(path) or {}).get("nonce", nonce) != nonce:
            # Another machine took this one for dead, as it may be after a suspension: never two writers.
            os.kill(os.getpid(), signal.SIGKILL)
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
