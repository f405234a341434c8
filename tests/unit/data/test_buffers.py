"""Flat files: readable by plain numpy, whole or not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seggrid.data.buffers import flat_writer, open_flat


def test_plain_numpy_reads_what_was_appended(tmp_path: Path) -> None:
    parts = [np.arange(n, dtype=np.float32).reshape(shape) for n, shape in ((6, (2, 3)), (4, (4,)), (1000, (10, 100)))]
    with flat_writer(tmp_path / "a.npy", np.float32) as writer:
        assert [writer.append(part) for part in parts] == [0, 6, 10]
    expected = np.concatenate([part.ravel() for part in parts])
    assert np.array_equal(np.load(tmp_path / "a.npy"), expected)
    assert np.array_equal(open_flat(tmp_path / "a.npy", np.float32, 1010), expected)


def test_views_in_another_order_are_written_in_c_order(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4).transpose(2, 0, 1)
    with flat_writer(tmp_path / "a.npy", np.uint8) as writer:
        writer.append(array)
    assert np.array_equal(np.load(tmp_path / "a.npy").reshape(array.shape), array)


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), flat_writer(tmp_path / "a.npy", np.uint8) as writer:
        writer.append(np.zeros(10, np.uint8))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
