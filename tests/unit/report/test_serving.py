"""The server of the live page answers its reader only."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from seggrid.errors import UserError
from seggrid.report.serving import HTML, Reply, Server


@pytest.fixture
def server() -> Iterator[Server]:
    replies = {
        "state": Reply.json({"version": "1"}),
        "report": Reply(HTML, gzip.compress(b"<p>page</p>"), compressed=True),
    }
    with Server("a <b>name</b>", 0, replies.get) as server:
        yield server


def ask(
    server: Server, path: str = "", method: str = "GET", **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    address = urlsplit(server.address)
    connection = http.client.HTTPConnection("127.0.0.1", address.port or 0, timeout=10)
    connection.request(method, path if path.startswith("/") else address.path + path, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content, answer.headers


def test_the_frame_the_page_and_the_state_are_served(server: Server) -> None:
    status, content, headers = ask(server)
    assert status == 200 and b"a &lt;b&gt;name&lt;/b&gt;" in content
    assert "connect-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert json.loads(ask(server, "state?x")[1]) == {"version": "1"}
    assert ask(server, "report")[1] == b"<p>page</p>"
    _, packed, headers = ask(server, "report", **{"Accept-Encoding": "gzip, br"})
    assert headers["Content-Encoding"] == "gzip" and gzip.decompress(packed) == b"<p>page</p>"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::", "localhost.evil"]
)
def test_a_name_of_elsewhere_is_refused(server: Server, host: str) -> None:
    status, content, _ = ask(server, Host=host)
    assert status == 421
    assert b"name" not in content


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1:9000"])
def test_a_tunnel_from_another_port_is_served(server: Server, host: str) -> None:
    assert ask(server, Host=host)[0] == 200


@pytest.mark.parametrize("path", ["/", "/state", "/report", "/wrong/report", "nothing", "../state", "/etc/passwd"])
def test_without_the_secret_there_is_nothing(server: Server, path: str) -> None:
    assert ask(server, path)[0] == 404


def test_nothing_but_reading_is_answered(server: Server) -> None:
    assert ask(server, "state", "POST")[0] == 501


def test_it_listens_on_loopback_only(server: Server) -> None:
    assert server._server.server_address[0] == "127.0.0.1"


def test_a_port_that_cannot_be_had(server: Server) -> None:
    taken = urlsplit(server.address).port or 0
    with pytest.raises(UserError, match=rf"--port {taken}: Address already in use; choose another one"):
        Server("x", taken, lambda _: None)
    with pytest.raises(UserError, match=r"--port 70000: .*choose another one"):
        Server("x", 70000, lambda _: None)
