"""A model of a server is downloaded once, and never taken for that of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from seggrid.paths import tracking_store
from seggrid.tracking import fetch
from seggrid.tracking.fetch import fetch_model


class Registry:
    """A server whose version 1 lies where its address says."""

    def __init__(self, uri: str, **_: str) -> None:
        self.tracking_uri = uri

    def get_model_version_download_uri(self, *_: str) -> str:
        return f"mlflow-artifacts:/{self.tracking_uri[-1]}/models/m-0/artifacts"


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sources that were downloaded; a model holds its own."""
    found: list[str] = []

    def download(artifact_uri: str, dst_path: str, tracking_uri: str) -> None:
        found.append(artifact_uri)
        (Path(dst_path) / "artifacts").mkdir()
        (Path(dst_path) / "artifacts" / "MLmodel").write_text(artifact_uri)

    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(fetch, "MlflowClient", Registry)
    monkeypatch.setattr(fetch.mlflow.artifacts, "download_artifacts", download)
    return found


def test_the_same_version_of_another_server_is_another_model(
    downloads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for server in ("a", "b", "a"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://tracking.invalid/{server}")
        text = (fetch_model("models:/knees/1") / "MLmodel").read_text()
        assert text == f"mlflow-artifacts:/{server}/models/m-0/artifacts"
    assert len(downloads) == 2, "a version never changes"


def test_a_model_that_another_process_has_downloaded_meanwhile_stays(
    downloads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.invalid/a")
    target = fetch_model("models:/knees/1")
    looks = iter([False])  # once, it is not there yet
    monkeypatch.setattr(Path, "is_dir", lambda self: self.exists() and next(looks, True))
    assert fetch_model("models:/knees/1") == target
    assert len(downloads) == 2
    assert [path.name for path in (tracking_store() / "models" / "knees").iterdir()] == [target.name]
    assert [path.name for path in target.iterdir()] == ["MLmodel"]
