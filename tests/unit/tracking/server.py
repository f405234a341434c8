"""Real servers of MLflow on the loopback interface, ended by their process ids."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

#: Long, for the machine may be busy with other tests.
START_SECONDS = 300


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
    """``mlflow server`` on one port, which can be stopped and started again.

    Args:
        database: its address; by default sqlite in the folder.
        workers: processes that answer requests.
        web: what they are.
    """

    def __init__(
        self,
        folder: Path,
        database: str | None = None,
        workers: int = 1,
        web: Literal["uvicorn", "gunicorn"] = "uvicorn",
    ) -> None:
        self.folder, self.port, self.workers, self.web = folder, free_port(), workers, web
        self.database = database or f"sqlite:///{folder / 'mlflow.db'}"
        self.uri = f"http://127.0.0.1:{self.port}"
        self._life: contextlib.ExitStack | None = None
        folder.mkdir(exist_ok=True)

    def start(self) -> None:
        """Start it unless it runs."""
        if self._life is not None:
            return
        command = [
            "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", str(self.workers),
            "--backend-store-uri", self.database,
            "--artifacts-destination", str(self.folder / "artifacts"),
            # On a busy machine workers start slowly, and five seconds on they would be killed and started again.
            f"--{self.web}-opts", "--timeout 120" if self.web == "gunicorn" else "--timeout-worker-healthcheck 120",
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


class Gate:
    """A port that leads to a server, and can be closed: to who comes by it the server is then down.

    To close it costs nothing, and what is under way is cut off, as by a kill; the server itself takes long to start.
    """

    def __init__(self, port: int) -> None:
        self._server, self.port = port, free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self._listener: socket.socket | None = None
        self._open: list[socket.socket] = []

    def start(self) -> None:
        """Open it unless it is open."""
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Close it, if it is open, and cut off what is under way."""
        if self._listener is not None:
            _cut(self._listener)
        self._listener = None
        while self._open:
            _cut(self._open.pop())

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                if self._listener is not listener:  # closed meanwhile
                    _cut(client)
                    return
                self._open += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=_forward, args=(source, target), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    _cut(target)


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    request = urllib.request.Request(url, body, dict(headers))  # noqa: S310 (loopback)
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310 (loopback)
        return bytes(response.read())
