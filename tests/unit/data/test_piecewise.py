"""Piece by piece, the numbers are those of numpy."""

from __future__ import annotations

import numpy as np
import pytest

from seggrid.data import piecewise
from seggrid.data.piecewise import count_labels, flat, percentiles, pieces


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64])
def test_percentiles_are_those_in_double_precision(kind: type) -> None:
    generator = np.random.default_rng(0)
    for size in (1, 2, 3, 10, 997, 5000):
        values = np.abs(generator.normal(0, 60, size)).astype(kind)
        wanted = (0.5, 5, 50, 95, 99.5)
        assert percentiles(values, wanted) == tuple(np.percentile(values.astype(np.float64), wanted).tolist())


def test_labels_are_counted_over_all_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piecewise, "_PIECE", 7)
    labels = np.random.default_rng(0).integers(0, 4, (5, 6, 3)).astype(np.uint8)
    assert count_labels(labels.transpose(), 6) == (*np.bincount(labels.ravel()).tolist(), 0, 0)
    assert sum(flat(labels)[piece].size for piece in pieces(labels.size)) == labels.size
