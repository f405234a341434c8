"""A data set is made by one process at a time, and stays complete whatever Snakemake deletes meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seggrid.data import preprocess as module
from seggrid.data.preprocess import preprocess
from seggrid.data.splits import make_splits
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.paths import DataFolder
from tests.unit.data.conftest import described, make_spec

Build = Callable[..., Store]


def test_who_waited_for_a_data_set_does_not_make_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two experiments on one new data set that are started together."""
    folder, begun, go_on, made = DataFolder("built", tmp_path), threading.Event(), threading.Event(), []

    def slow(*_: object) -> None:
        begun.set()
        assert go_on.wait(60)
        folder.folder.mkdir(exist_ok=True)
        made.append(folder.index.write_text("a row"))

    monkeypatch.setattr(module, "_preprocess", slow)
    spec = make_spec({"source": "phantom"}, ("z_score",), {"folds": 4})
    both = [threading.Thread(target=preprocess, args=(spec, folder, 1)) for _ in range(2)]
    both[0].start()
    assert begun.wait(60)
    both[1].start()
    time.sleep(0.2)
    assert both[1].is_alive()
    go_on.set()
    for thread in both:
        thread.join(60)
    assert len(made) == 1
    preprocess(spec, folder, 1)
    assert len(made) == 2, "a call of its own makes it anew"


def test_of_two_that_find_the_index_deleted_none_makes_the_data_set(
    folder: Path, build: Build, classes: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = described(folder, classes)
    build(data)
    made, spec = DataFolder("built", folder.parent), make_spec(data, ("z_score",), {"folds": 4})
    before = made.declared_index.stat().st_mtime_ns
    made.declared_index.unlink()
    begun, go_on, checked = threading.Event(), threading.Event(), []

    def slow(_: object) -> None:
        begun.set()
        assert go_on.wait(60)
        checked.append(True)

    monkeypatch.setattr(module, "_refuse_changed", slow)
    monkeypatch.setattr(module, "_record", lambda *_: pytest.fail("made again"))
    both = [threading.Thread(target=preprocess, args=(spec, made, 1)) for _ in range(2)]
    both[0].start()
    assert begun.wait(60)
    both[1].start()
    time.sleep(0.2)
    go_on.set()
    for thread in both:
        thread.join(60)
    assert len(checked) == 1
    assert made.declared_index.stat().st_mtime_ns <= before, "what was made of it is newer"


def test_an_index_that_snakemake_deletes_is_put_back_and_missed_by_nobody(
    folder: Path, build: Build, classes: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does before the job of a second experiment, which was planned while the first one preprocessed."""
    data = described(folder, classes)
    build(data)
    path = folder.parent / "data" / "built" / "index.csv"
    content = path.read_bytes()
    path.unlink()
    assert len(Store.open(DataFolder("built", folder.parent)).cases) == 8
    monkeypatch.setattr(module, "_record", lambda *_: pytest.fail("made again"))
    build(data)
    assert path.read_bytes() == content
    path.unlink()
    spec = make_spec(data, ("z_score",), {"folds": 4})
    spec.identity["manifest"] = "that of other files"
    with pytest.raises(UserError, match="changed since it was planned"):
        preprocess(spec, DataFolder("built", folder.parent), 1)
    assert not path.exists()


def test_a_damaged_data_set_is_made_again(folder: Path, build: Build, classes: dict[str, int]) -> None:
    data = described(folder, classes)
    build(data)
    made = DataFolder("built", folder.parent)
    whole = made.images.read_bytes()
    made.declared_index.unlink()
    made.images.unlink()
    build(data)
    assert made.images.read_bytes() == whole
    assert made.declared_index.is_file()


def test_a_data_set_that_is_made_again_can_be_read_all_the_time(
    folder: Path, build: Build, classes: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    build(described(folder, classes))
    seen = []

    def read(*arguments: Any) -> Any:
        seen.append(len(Store.open(DataFolder("built", folder.parent)).cases))
        return make_splits(*arguments)

    monkeypatch.setattr(module, "make_splits", read)
    build(described(folder, classes))
    assert seen == [8]
