"""An experiment to plan, and what its plan names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seggrid.catalogue import LOSSES, METRICS, NETWORKS, STEPS
from seggrid.config import parse_experiment
from seggrid.plan import Plan, make_plan

MIXTURE = {"terms": [{"loss": "dice", "weight": 0.5}, {"loss": "ce", "weight": 0.5}], "label": "mixed"}


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Files of a data set; planning reads them as bytes only."""
    folder = tmp_path / "raw"
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
        for name in ("a", "b"):
            (folder / part / f"{name}.png").write_bytes(f"{part} {name}".encode())
    return folder


@dataclass
class Study:
    """An experiment that a test changes, as a user would."""

    raw: dict[str, Any]
    data: Path
    monkeypatch: pytest.MonkeyPatch

    def plan(self) -> Plan:
        return make_plan(parse_experiment(self.raw, "study.yaml"), [Path("config")])

    def set(self, path: str, value: Any) -> None:
        *outer, last = path.split(".")
        section = self.raw
        for key in outer:
            section = section.setdefault(key, {})
        section[last] = value

    def use_phantom(self) -> None:
        self.raw["data"] = {"source": "phantom"}

    def row(self, table: dict[str, Any], name: str, **changes: Any) -> None:
        self.monkeypatch.setitem(table, name, dataclasses.replace(table[name], **changes))

    def add(self, table: dict[str, Any], like: str) -> None:
        """Put a new row at the head of a table of the catalogue, until the test ends."""
        rows = {"new": table[like], **table}
        table.clear()
        table.update(rows)


@pytest.fixture
def study(images: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Study]:
    raw = {
        "name": "study",
        "data": {"source": "folder", "path": str(images), "classes": {"femur": 1, "tibia": 2}},
        "preprocessing": ["percentile_clip", "z_score"],
        "splits": {"folds": 3},
        "folds": [0],
        "networks": [{"name": "mine", "architecture": "Unet", "encoder": "resnet18"}],
        "mixtures": [MIXTURE],
        "training": {"epochs": 5},
    }
    tables: list[dict[str, Any]] = [LOSSES, METRICS, STEPS, NETWORKS]
    before = [dict(table) for table in tables]
    yield Study(raw, images, monkeypatch)
    for table, rows in zip(tables, before, strict=True):
        table.clear()
        table.update(rows)


def ids(planned: Plan) -> dict[str, tuple[str, ...]]:
    return {
        "data": (planned.data_id,),
        "run": tuple(run.run_id for run in planned.runs),
        "eval": tuple(run.eval_id for run in planned.runs),
    }
