"""What numpy would copy a whole volume for, piece by piece; the numbers are the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

#: Pixels of a piece.
_PIECE = 1 << 20


def pieces(size: int) -> Iterator[slice]:
    """Yield the pieces of a flat array in order."""
    return (slice(start, start + _PIECE) for start in range(0, size, _PIECE))


def flat(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array as one axis, without a copy where it lies in order."""
    return np.ascontiguousarray(array).reshape(-1)


def count_labels(labels: npt.NDArray[np.uint8], classes: int) -> tuple[int, ...]:
    """Return the pixels of each label below ``classes``."""
    line, counts = flat(labels), np.zeros(classes, np.int64)
    for piece in pieces(line.size):
        counts += np.bincount(line[piece], minlength=classes)
    return tuple(counts.tolist())


def percentiles(values: npt.NDArray[Any], wanted: Sequence[float]) -> tuple[float, ...]:
    """Return percentiles as ``np.percentile`` has them of the values in double precision."""
    lows, highs = (np.percentile(values, wanted, method=end).astype(np.float64) for end in ("lower", "higher"))
    place = np.array(wanted) / 100 * (values.size - 1)
    share, span = place - np.floor(place), highs - lows
    # numpy interpolates from the nearer end.
    found = np.where(share < 0.5, lows + span * share, highs - span * (1 - share))
    return tuple(found.tolist())
