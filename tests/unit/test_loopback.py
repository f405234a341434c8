"""The guard around all tests: what stays on this machine passes, what would leave it is an error."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loopback import BeyondLoopbackError

#: Kept for documentation: no machine has it.
FAR = ("192.0.2.1", 9)


def datagram(connection: socket.socket) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        return other.sendto(b"", FAR)


@pytest.mark.parametrize(
    "reach",
    [
        lambda connection: connection.connect(FAR),
        lambda connection: connection.connect_ex(FAR),
        datagram,
        lambda _: socket.create_connection(("tracking.invalid", 80), timeout=0.1),
        lambda _: socket.getaddrinfo("tracking.invalid", 80),
        lambda _: socket.gethostbyname("tracking.invalid"),
    ],
)
def test_what_would_leave_the_machine_is_an_error(reach: Callable[[socket.socket], object]) -> None:
    with socket.socket() as connection, pytest.raises(BeyondLoopbackError, match="beyond loopback"):
        connection.settimeout(0.1)
        reach(connection)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_allowed(host: str) -> None:
    with socket.create_server((host, 0)) as server, socket.create_connection(server.getsockname()):
        pass


def test_sockets_of_files_are_allowed(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))
