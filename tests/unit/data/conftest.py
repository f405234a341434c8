"""A small folder data set that a test may damage, and a way to preprocess it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seggrid.data.preprocess import preprocess
from seggrid.data.store import Store
from seggrid.manifest import manifest_hash
from seggrid.paths import DataFolder, manifest_cache
from seggrid.specification import DataSpec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight cases of 40 x 48 pixels, a disc (1) and a box (2) on noise, each a group of its own."""
    root = tmp_path / "raw"
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    rows, columns = np.mgrid[:40, :48]
    for number in range(8):
        mask = np.zeros((40, 48), np.uint8)
        mask[20 : 30 + number % 3, 5:20] = 2
        mask[(rows - 15) ** 2 + (columns - 30 - number % 4) ** 2 < 64] = 1
        noise = np.random.default_rng(number).integers(0, 30, mask.shape)
        save(root / "images" / f"c{number}.png", (80 * mask + noise).astype(np.uint8))
        save(root / "masks" / f"c{number}.png", mask)
    return root


def save(path: Path, array: np.ndarray, mode: str | None = None) -> None:
    """Write an array as an image file."""
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path)


def make_spec(data: dict[str, Any], steps: tuple[Any, ...], splits: dict[str, Any], name: str = "built") -> DataSpec:
    """The specification of a data set as its files are now."""
    found = {"data_id": name, "data": data, "preprocessing": steps, "splits": splits, "identity": {}}
    spec = DataSpec.model_validate(found)
    spec.identity["manifest"] = manifest_hash(spec.data, manifest_cache())
    return spec


def described(folder: Path, classes: dict[str, int], **settings: Any) -> dict[str, Any]:
    """How an experiment names a folder."""
    return {"source": "folder", "path": str(folder), "classes": classes, **settings}


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Store]:
    """Preprocess a data set and open its store."""

    def run(
        data: dict[str, Any],
        steps: tuple[Any, ...] = ("z_score",),
        splits: dict[str, Any] | None = None,
        name: str = "built",
        processes: int = 1,
    ) -> Store:
        target = DataFolder(name, tmp_path)
        preprocess(make_spec(data, steps, splits or {"folds": 4}, name), target, processes)
        return Store.open(target)

    return run


@pytest.fixture
def classes() -> dict[str, int]:
    """The objects of ``folder``."""
    return {"disc": 1, "box": 2}
