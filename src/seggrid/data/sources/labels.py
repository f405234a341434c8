"""From the values of a mask to the labels 0 to K."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from seggrid.config.data import ClassValue, members
from seggrid.data.piecewise import flat, pieces
from seggrid.errors import UserError


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
        line = flat(mask)
        counts: Counter[int] = Counter()
        for piece in pieces(line.size):
            found = np.unique(line[piece], return_counts=True)
            counts.update(dict(zip(*(part.tolist() for part in found), strict=True)))
        values = sorted(counts)
        unknown = [(value, counts[value]) for value in values if value not in self._labels]
        if unknown:
            listed = ", ".join(f"{value} ({count} pixels)" for value, count in unknown[:10])
            more = f" and {len(unknown) - 10} more values" if len(unknown) > 10 else ""
            raise UserError(
                f"{origin}: undeclared label {listed}{more}; name it in data.classes, or add it to data.ignore"
            )
        table = np.array([self._labels[value] for value in values], np.uint8)
        labels = np.empty(line.shape, np.uint8)
        for piece in pieces(line.size):
            labels[piece] = table[np.searchsorted(values, line[piece])]
        return labels.reshape(mask.shape)
