"""Real servers of MLflow on the loopback interface, ended by their process ids."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

#: Long, for the machine may be busy with other tests.
START_SECONDS = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 (loopback)
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def process(command: Sequence[str], log: Path, url: str, **environment: str) -> Iterator[None]:
    """Run ``python -m mlflow COMMAND`` until the block ends; enter it when ``url`` answers."""
    # It starts programs that are installed beside Python.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with log.open("ab") as file:
        running = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command],
            stdout=file, stderr=file, env={**os.environ, "PATH": path, **environment}, start_new_session=True,
        )  # fmt: skip
    try:
        end = time.monotonic() + START_SECONDS
        while not answers(url):
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


class Server:
    """``mlflow server`` on one port, with sqlite behind it; it can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self._life: contextlib.ExitStack | None = None
        folder.mkdir(exist_ok=True)

    def start(self) -> None:
        """Start it unless it runs."""
        if self._life is not None:
            return
        command = [
            "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1",
            "--backend-store-uri", f"sqlite:///{self.folder / 'mlflow.db'}",
            "--artifacts-destination", str(self.folder / "artifacts"),
        ]  # fmt: skip
        life = contextlib.ExitStack()
        # Its seven further processes are for work that nobody asks for here.
        calm = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        life.enter_context(process(command, self.folder / "server.log", f"{self.uri}/health", **calm))
        self._life = life

    def stop(self) -> None:
        """Kill it, if it runs."""
        if self._life is not None:
            self._life.close()
        self._life = None


def post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    request = urllib.request.Request(url, body, dict(headers))  # noqa: S310 (loopback)
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310 (loopback)
        return bytes(response.read())
