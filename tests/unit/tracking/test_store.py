"""The store: made whole, one writer, no credentials in files."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from seggrid.config.evaluation import Tracking
from seggrid.errors import UserError
from seggrid.paths import tracking_store
from seggrid.tracking.store import find_experiment, open_store


def test_a_second_writer_waits(results: Path) -> None:
    entered = threading.Event()

    def second() -> None:
        with open_store(Tracking()):
            entered.set()

    thread = threading.Thread(target=second)
    with open_store(Tracking()):
        thread.start()
        assert not entered.wait(0.5)
    thread.join(30)
    assert entered.is_set()


def test_a_killed_creation_leaves_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))

    def killed(uri: str, artifacts: str) -> SqlAlchemyStore:
        Path(uri.removeprefix("sqlite:///")).write_bytes(b"half a schema")
        raise KeyboardInterrupt

    monkeypatch.setattr("seggrid.tracking.store.SqlAlchemyStore", killed)
    with pytest.raises(KeyboardInterrupt), open_store(Tracking()):
        pass
    assert not (tracking_store() / "mlflow.db").exists()


def test_a_database_that_mlflow_refuses_is_a_clear_error(results: Path) -> None:
    (tracking_store() / "mlflow.db").write_bytes(b"no database" * 100)
    with pytest.raises(UserError, match=r"mlflow.db"), open_store(Tracking()) as client:
        client.search_experiments()


def test_a_deleted_experiment_says_how_to_get_it_back(results: Path) -> None:
    with open_store(Tracking()) as client:
        client.delete_experiment(find_experiment(client, "gone", local=True))
        with pytest.raises(UserError, match="mlflow experiments restore --experiment-id"):
            find_experiment(client, "gone", local=True)
