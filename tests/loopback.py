"""No test sends traffic beyond loopback.

What Python's sockets of this process do is seen before it happens. Child processes, and libraries that open sockets
themselves (such as that of PostgreSQL), are not covered.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Iterator
from typing import Any


class BeyondLoopbackError(AssertionError):
    """A test wanted to reach another machine; no ``OSError``, which is taken for a server that is down."""


_watching = False
_installed = False


@contextlib.contextmanager
def loopback_only() -> Iterator[None]:
    """Let connections and look-ups beyond loopback raise ``BeyondLoopbackError`` while the block runs."""
    global _watching, _installed
    if not _installed:
        sys.addaudithook(_watch)  # for good: Python takes none back
        _installed = True
    _watching = True
    try:
        yield
    finally:
        _watching = False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching or not event.startswith("socket."):
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        connection, address = arguments[:2]
        # Without an address it goes where it is connected to.
        if connection.family in (socket.AF_INET, socket.AF_INET6) and address is not None:
            _require_near(event, address[0])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        _require_near(event, arguments[0])


def _require_near(event: str, host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    # Without a name it is this machine.
    if not name or name.lower() == "localhost":
        return
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(name.partition("%")[0])
        if address.is_loopback or address.is_unspecified:
            return
    raise BeyondLoopbackError(f"{event}: a test wants to reach {name}, which is beyond loopback")
