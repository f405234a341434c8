"""The store: views, folds, areas, and clear words for a damaged folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seggrid.data.index import CaseEntry
from seggrid.data.store import Fold, Store
from seggrid.errors import UserError
from seggrid.paths import DataFolder


@pytest.fixture
def store(folder: Path, build: Callable[..., Store], classes: dict[str, int]) -> Store:
    return build({"source": "folder", "path": str(folder), "classes": classes, "spacing": [0.5, 0.5]})


def test_views_are_memory_maps_that_cannot_be_written(store: Store) -> None:
    for array in (store.image(2), store.labels(2), store.truth(2), store.original(2)):
        assert isinstance(array, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_folds_hold_every_case_once_and_are_tested_once(store: Store) -> None:
    tested: list[int] = []
    for number in range(4):
        fold = store.fold(number)
        assert sorted((*fold.train, *fold.val, *fold.test)) == list(range(8))
        tested += fold.test
    assert sorted(tested) == list(range(8))
    assert store.fold("all") == Fold(tuple(range(8)), (), ())
    with pytest.raises(UserError, match="fold 4: data set built has folds 0 to 3"):
        store.fold(4)


def test_areas_are_those_of_the_given_cases(store: Store) -> None:
    expected = sum(np.bincount(store.labels(index).ravel(), minlength=3) for index in (1, 5))
    assert np.array_equal(store.class_areas([1, 5]), expected)
    assert store.class_areas([]).tolist() == [0, 0, 0]


def test_an_absent_folder_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"index.csv: no such file; run `seggrid preprocess`"):
        Store.open(DataFolder("nowhere", tmp_path))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (".index.csv", lambda path: path.write_text("case,group\nc0,c0\n")),
        (".index.csv", lambda path: path.write_text("")),
        ("images.npy", _cut),
        ("labels.npy", lambda path: path.unlink()),
        ("truths.npy", lambda path: np.save(path, np.zeros(5, np.uint8))),
        ("borders.npy", lambda path: np.save(path, np.zeros(5, np.int64))),
        ("originals.npy", lambda path: path.write_bytes(b"")),
        ("card.json", lambda path: path.write_text("{}")),
        ("splits.json", lambda path: path.write_text('{"folds": [{"train": ["nobody"], "val": [], "test": []}]}')),
    ],
)
def test_damage_is_named(store: Store, tmp_path: Path, name: str, damage: Callable[[Path], Any]) -> None:
    target = DataFolder("built", tmp_path)
    damage(target.folder / name)
    with pytest.raises(UserError, match="preprocess"):
        Store.open(target)


@pytest.mark.parametrize(
    ("spacing", "resized", "expected"),
    [
        (None, None, None),
        ((0.3, 0.3), (64, 64), None),
        ((3.0, 0.5), None, (6.0, 1.0)),
        (None, (32, 64), (2.0, 1.0)),
        ((0.5, 1.0), (32, 64), None),
    ],
)
def test_the_sides_of_preprocessed_pixels(
    spacing: tuple[float, float] | None, resized: tuple[int, int] | None, expected: tuple[float, float] | None
) -> None:
    geometry = ({"op": "resize", "shape": [64, 64], "size": list(resized)},) if resized else ()
    entry = CaseEntry("a", "a", 1, resized or (64, 64), (64, 64), spacing, 0, 0, 0, 0, geometry, (1, 1), (0,))
    store = Store.__new__(Store)
    store.cases = (entry, entry)
    assert store.spacing_ratio([0, 1]) == (pytest.approx(expected) if expected else None)
