"""From the values of a mask to the labels 0 to K."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from seggrid.config.data import ClassValue, members
from seggrid.errors import UserError

#: Pixels that are looked at at a time.
_PIECE = 1 << 20


class LabelMap:
    """Numbers the declared mask values 1 to K in the order of the classes; ignored values become 0.

    Raises:
        UserError: a value belongs to two classes, or to a class and to those ignored.
    """

    def __init__(self, classes: Mapping[str, ClassValue], ignore: tuple[int | str, ...]) -> None:
        self.names = tuple(classes)
        ignored = {int(value) for value in ignore}
        self._labels = dict.fromkeys((0, *ignored), 0)
        seen: dict[int, str] = {}
        for label, (name, value) in enumerate(classes.items(), start=1):
            for number in map(int, members(value)):
                if number in ignored:
                    raise UserError(f"data.ignore: {number} is the mask value of {name}; leave it in one of them")
                if number in seen:
                    raise UserError(f"data.classes: the mask value {number} belongs to {seen[number]} and to {name}")
                seen[number] = name
                self._labels[number] = label

    def apply(self, mask: npt.NDArray[Any], origin: object) -> npt.NDArray[np.uint8]:
        """Return the labels of a mask of whole numbers; ``origin`` is its file.

        Raises:
            UserError: a value is not declared.
        """
        flat = np.ascontiguousarray(mask).reshape(-1)
        # Piece by piece: the numbers that numpy makes of them would take eight times the memory of a volume.
        pieces = [flat[start : start + _PIECE] for start in range(0, flat.size, _PIECE)]
        counts: Counter[int] = Counter()
        for piece in pieces:
            counts.update(dict(zip(*(found.tolist() for found in np.unique(piece, return_counts=True)), strict=True)))
        values = sorted(counts)
        unknown = [(value, counts[value]) for value in values if value not in self._labels]
        if unknown:
            listed = ", ".join(f"{value} ({count} pixels)" for value, count in unknown[:10])
            more = f" and {len(unknown) - 10} more values" if len(unknown) > 10 else ""
            raise UserError(
                f"{origin}: undeclared label {listed}{more}; name it in data.classes, or add it to data.ignore"
            )
        table = np.array([self._labels[value] for value in values], np.uint8)
        labels = np.empty(flat.shape, np.uint8)
        for start, piece in zip(range(0, flat.size, _PIECE), pieces, strict=True):
            labels[start : start + _PIECE] = table[np.searchsorted(values, piece)]
        return labels.reshape(mask.shape)
