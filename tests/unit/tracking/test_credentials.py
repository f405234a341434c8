"""Credentials come from the environment, reach the server, and stand in no file, log or message."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mlflow.store.db.utils
import pytest
import yaml

from seggrid import cli
from seggrid.config.evaluation import without_credentials
from seggrid.paths import ExperimentFolder, RunFolder, results_root
from seggrid.provenance import environment
from seggrid.records import read_json, write_json
from seggrid.report.stage import write_report
from seggrid.specification import PlannedRun
from seggrid.tracking.stage import track
from tests.conftest import TINY
from tests.unit.tracking.conftest import use

NAME, USER, PASSWORD, TOKEN = "tiny", "user-5b1c", "password-93fe", "token-77aa"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SECRETS = (USER, PASSWORD, TOKEN, BASIC)
SERVER = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the environment"
POSTGRESQL = "set PGUSER and PGPASSWORD in the environment"


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
    ("address", "cure"),
    [
        (f"https://{USER}:{PASSWORD}@tracking.invalid/mlflow", SERVER),
        (f"https://tracking.invalid/?token={TOKEN}", SERVER),
        (f"postgresql://{USER}:{PASSWORD}@tracking.invalid/mlflow", POSTGRESQL),
        (f"postgresql://tracking.invalid/mlflow?user={USER}&password={PASSWORD}", POSTGRESQL),
        (f"postgresql://tracking.invalid/mlflow?sslpassword={PASSWORD}", POSTGRESQL),
        (f"https://tracking.invalid/?api_key={TOKEN}", SERVER),
        (f"https://tracking.invalid/?accessKeyId={TOKEN}", SERVER),
        (f"https://tracking.invalid/?key={TOKEN}", SERVER),
        (f"https://tracking.invalid/?Authorization={TOKEN}", SERVER),
        (f"https://tracking.invalid/#token={TOKEN}", SERVER),
        (f"https://tracking.invalid/?sv=1&sig={TOKEN}", SERVER),
        (f"postgresql+psycopg2://tracking.invalid/mlflow?PASSWORD={PASSWORD}", POSTGRESQL),
        (f"mysql+pymysql://tracking.invalid/mlflow?user={USER}", "name an option file of MySQL"),
        (
            f"mssql+pyodbc:///?odbc_connect=SERVER%3Dh%3BPWD%3D{PASSWORD}",
            "leave them to the configuration of its driver",
        ),
    ],
)
def test_an_address_with_credentials_is_refused_before_it_is_written(
    address: str, cure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({**TINY, "tracking": {"uri": address}}))
    assert cli.main(["plan", str(tmp_path / "study.yaml")]) == 2
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert cli.main(["predict", "--model", "models:/study@champion", ".", str(tmp_path / "out")]) == 2
    printed = "".join(capfd.readouterr())
    assert f"tracking.uri: holds credentials; take them out and {cure}" in printed
    assert "MLFLOW_TRACKING_URI: holds credentials" in printed
    assert not [secret for secret in SECRETS if secret in printed]
    assert not find_secrets(tmp_path / "results")


def test_a_query_is_not_repeated_in_a_message(
    plan: list[PlannedRun], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its keys may have a meaning that nobody here knows."""
    use(f"http://127.0.0.1:1/?tenant={TOKEN}")
    assert "http://127.0.0.1:1/ does not answer" in track(NAME)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert cli.main(["predict", "--model", f"models:/{NAME}@champion", ".", "masks"]) == 2
    monkeypatch.setattr(mlflow.store.db.utils, "MAX_RETRY_COUNT", 1)
    use(f"postgresql://127.0.0.1:1/mlflow?connect_timeout=1&application_name={TOKEN}")
    assert cli.main(["track", NAME]) == 2
    assert cli.main(["predict", "--model", f"models:/{NAME}@champion", ".", "masks"]) == 2
    told = capfd.readouterr().err
    assert "MLflow cannot use postgresql://127.0.0.1:1/mlflow (" in told
    assert "not to be had from postgresql://127.0.0.1:1/mlflow (" in told
    assert TOKEN not in told


@pytest.mark.parametrize(
    "address",
    [
        "https://tracking.invalid/mlflow?workspace=knees",
        "postgresql://tracking.invalid/mlflow?sslmode=verify-full&sslkey=/etc/k&passfile=/home/me/.pgpass",
        "mysql://tracking.invalid/mlflow?ssl_key=/etc/k&read_default_file=/home/me/.my.cnf&auth_plugin=sha2",
        "mssql+pyodbc:///?odbc_connect=SERVER%3Dh%3BUID%3D%3BAuthentication%3DActiveDirectoryMsi",
    ],
)
def test_files_that_hold_credentials_may_be_named(address: str) -> None:
    assert without_credentials(address) == address
