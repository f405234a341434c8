"""A small server for a reader on this machine: loopback only, and a secret in the address."""

from __future__ import annotations

import gzip
import json
import secrets
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from seggrid.errors import UserError
from seggrid.report.page import document

HTML = "text/html; charset=utf-8"
LOOPBACK = "127.0.0.1"
#: Names under which a browser may reach this server, also through a tunnel and so on another port. A page of elsewhere
#: whose name was made to point here carries its own name.
_OWN_NAMES = (LOOPBACK, "localhost")
_POLICY = (
    "default-src 'none'; connect-src 'self'; frame-src 'self'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        kind: its media type.
        compressed: whether ``content`` is gzip.
        policy: what a browser lets it do; a page may have a stricter one of its own.
    """

    kind: str
    content: bytes
    compressed: bool = False
    policy: str = "frame-ancestors 'self'"

    @classmethod
    def json(cls, value: Any) -> Reply:
        """An answer in JSON."""
        return cls("application/json", json.dumps(value).encode())


class Server:
    """Answers in threads of its own while the block runs.

    Args:
        title: shown in the frame around the page.
        reply: answers a path behind the secret; ``None`` for what is not there.

    Raises:
        UserError: the port cannot be had.
    """

    def __init__(self, title: str, port: int, reply: Callable[[str], Reply | None]) -> None:
        # Others on this machine reach the port as well: what they do not have is the address.
        secret = secrets.token_urlsafe(12)
        frame = Reply(HTML, document("live.html.j2", (), folder="", title=title).encode(), policy=_POLICY)

        class Handler(_Handler):
            prefix = f"/{secret}/"

            def find(self, path: str) -> Reply | None:
                return frame if path == "" else reply(path)

        try:
            self._server = _Quiet((LOOPBACK, port), Handler)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or "no port"
            raise UserError(f"--port {port}: {why}; choose another one, or leave it out for a free one") from None
        self.address = f"http://{LOOPBACK}:{self._server.server_port}/{secret}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader who leaves while he is answered is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


class _Handler(BaseHTTPRequestHandler):
    prefix: str
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "seggrid", ""

    def find(self, path: str) -> Reply | None:
        raise NotImplementedError

    def do_GET(self) -> None:
        if _hostname(self.headers.get("Host", "")) not in _OWN_NAMES:
            return self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "It answers to 127.0.0.1 and localhost only")
        path = urlsplit(self.path).path
        found = self.find(path.removeprefix(self.prefix)) if path.startswith(self.prefix) else None
        if found is None:
            return self.send_error(HTTPStatus.NOT_FOUND)
        return self._send(found)

    def _send(self, reply: Reply) -> None:
        content, packed = reply.content, reply.compressed
        if packed and "gzip" not in self.headers.get("Accept-Encoding", ""):
            content, packed = gzip.decompress(content), False
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(content)))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        for name, value in (
            ("Content-Security-Policy", reply.policy),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing: a reader asks every two seconds."""
