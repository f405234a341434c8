"""Credentials come from the environment, reach the server, and stand in no file, log or message."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from seggrid import cli
from seggrid.paths import ExperimentFolder, RunFolder, results_root
from seggrid.provenance import environment
from seggrid.records import read_json, write_json
from seggrid.report.stage import write_report
from seggrid.specification import PlannedRun
from tests.conftest import TINY

NAME, USER, PASSWORD, TOKEN = "tiny", "user-5b1c", "password-93fe", "token-77aa"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SECRETS = (USER, PASSWORD, TOKEN, BASIC)


class Refusing(BaseHTTPRequestHandler):
    """Is there, notes what it is shown, and refuses every request."""

    shown: list[str | None] = []  # noqa: RUF012 (one server at a time)

    def _answer(self) -> None:
        if self.path != "/health":
            self.shown.append(self.headers.get("Authorization"))
        self.send_response(200 if self.path == "/health" else 403)
        self.end_headers()

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def refusing() -> Iterator[str]:
    Refusing.shown.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", USER)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", TOKEN)


def find_secrets(*folders: Path) -> list[str]:
    """The files below some folders that hold a secret."""
    found = []
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        found += [str(path) for secret in SECRETS if secret.encode() in content]
    return found


def test_no_file_or_message_holds_credentials(
    secrets: None, refusing: str, plan: list[PlannedRun], capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["score", NAME]) == 0
    assert cli.main(["track", NAME]) == 0  # into the local store
    assert cli.main(["report", NAME]) == 0
    path = ExperimentFolder(NAME).experiment
    write_json(path, {**read_json(path), "tracking": {"uri": refusing, "register": "best_fold"}})
    assert cli.main(["track", NAME]) == 2
    assert cli.main(["track", "--follow", NAME]) == 2
    assert cli.main(["predict", "--model", f"models:/{NAME}@champion", ".", "masks"]) == 2
    assert {shown.removeprefix("Basic ") for shown in Refusing.shown if shown} == {BASIC}, "they reach the server"
    write_json(RunFolder(plan[0].run_id).environment, environment())
    write_report(NAME)
    printed = capfd.readouterr()
    assert "MLflow cannot use" in printed.err
    assert not [secret for secret in SECRETS if secret in printed.out + printed.err]
    assert find_secrets(results_root(), Path.cwd()) == []


def test_a_token_is_taken_from_the_environment_too(
    refusing: str, plan: list[PlannedRun], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    path = ExperimentFolder(NAME).experiment
    write_json(path, {**read_json(path), "tracking": {"uri": refusing, "register": "best_fold"}})
    assert cli.main(["track", NAME]) == 2
    assert set(filter(None, Refusing.shown)) == {f"Bearer {TOKEN}"}
    assert TOKEN not in "".join(capfd.readouterr())
    assert find_secrets(results_root()) == []


@pytest.mark.parametrize(
    ("address", "names"),
    [
        (f"https://{USER}:{PASSWORD}@tracking.invalid/mlflow", "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        (f"https://tracking.invalid/?token={TOKEN}", "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        (f"postgresql://{USER}:{PASSWORD}@tracking.invalid/mlflow", "PGUSER and PGPASSWORD"),
        (f"postgresql://tracking.invalid/mlflow?user={USER}&password={PASSWORD}", "PGUSER and PGPASSWORD"),
        (f"postgresql://tracking.invalid/mlflow?sslpassword={PASSWORD}", "PGUSER and PGPASSWORD"),
    ],
)
def test_an_address_with_credentials_is_refused_before_it_is_written(
    address: str, names: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({**TINY, "tracking": {"uri": address}}))
    assert cli.main(["plan", str(tmp_path / "study.yaml")]) == 2
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert cli.main(["predict", "--model", "models:/study@champion", ".", str(tmp_path / "out")]) == 2
    printed = "".join(capfd.readouterr())
    assert f"tracking.uri: holds credentials; take them out and set {names} in the environment" in printed
    assert "MLFLOW_TRACKING_URI: holds credentials" in printed
    assert not [secret for secret in SECRETS if secret in printed]
    assert not find_secrets(tmp_path / "results")
