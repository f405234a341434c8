"""Which version carries the alias: a challenger is compared with the champion by the same measure."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient

from seggrid.paths import ExperimentFolder
from seggrid.records import read_json, write_json
from seggrid.tracking import registry
from seggrid.tracking.stage import track
from tests.unit.tracking.conftest import current, set_mode

NAME = "tiny"


@pytest.fixture(autouse=True)
def empty_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a model consists of does not decide here, and takes long to write."""

    def save(_: object, folder: Path, *__: object) -> None:
        (folder / "MLmodel").touch()

    monkeypatch.setattr(registry, "save_served", save)


def rescore(**changes: float) -> None:
    """Change what the winner reached on val."""
    path = ExperimentFolder(NAME).scores
    scores = read_json(path)
    scores["validation_winner"] |= changes
    write_json(path, scores)


def versions(client: MlflowClient) -> tuple[int, int]:
    """The latest version, and the one with the alias."""
    return max(int(found.version) for found in client.search_model_versions(f"name = '{NAME}'")), int(
        current(client).version
    )


def test_a_worse_challenger_gets_a_version_but_no_alias(client: MlflowClient, results: Path) -> None:
    track(NAME)
    first = current(client).tags["seggrid.score"]
    set_mode("best_fold")
    rescore(overlap_val=0.001)
    text = track(NAME)
    assert versions(client) == (2, 1)
    assert "models:/tiny/2: tiny, " in text
    assert "models:/tiny@champion stays version 1: its S on val is " in text
    assert f", the champion's {first}; `seggrid track --force tiny` moves it" in text
    record = read_json(ExperimentFolder(NAME).tracked)
    assert (record["version"], record["champion"]) == (2, 1)
    assert "models:/tiny@champion is version 2" in track(NAME, force=True)
    assert versions(client) == (2, 2)
    assert current(client).tags["seggrid.forced"].endswith(f"the champion's {first}")


def test_a_better_challenger_takes_the_alias(client: MlflowClient, results: Path) -> None:
    track(NAME)
    set_mode("best_fold")
    rescore(overlap_val=0.999)
    track(NAME)
    assert versions(client) == (2, 2)
    assert "seggrid.forced" not in current(client).tags


@pytest.mark.parametrize(
    ("tag", "value"), [("data_id", "folder-0123456789ab"), ("folds", "0, 1, 2"), ("split", "test"), ("overlap", "dice")]
)
def test_a_champion_of_another_measure_keeps_the_alias(
    client: MlflowClient, results: Path, tag: str, value: str
) -> None:
    track(NAME)
    client.set_model_version_tag(NAME, "1", f"seggrid.{tag}", value)
    set_mode("best_fold")
    rescore(overlap_val=0.999)
    text = track(NAME)
    assert f"stays version 1: their scores cannot be compared ({tag}: " in text
    assert f"the champion's {value})" in text
    assert versions(client) == (2, 1)
