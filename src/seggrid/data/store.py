"""A preprocessed data set, mapped into memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from seggrid.data.buffers import open_flat
from seggrid.data.index import CaseEntry, read_index
from seggrid.data.splits import SIDES
from seggrid.errors import UserError
from seggrid.metrics import LabelSurfaces, known_surfaces
from seggrid.paths import DataFolder
from seggrid.records import read_json
from seggrid.specification import ALL_CASES


@dataclass(frozen=True)
class Fold:
    """Indices of cases on each side, ascending."""

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]


class Store:
    """Images, labels and folds of a data set; arrays are read-only views of the files.

    Attributes:
        cases: the cases in order of their names; the index of a case is its position here.
        class_names: names of the objects 1 to K.
        in_channels: channels of the images.
        unit: ``mm`` where the spacing is known, else ``px``.
    """

    def __init__(self, folder: DataFolder) -> None:
        self.cases: tuple[CaseEntry, ...] = read_index(folder.index)
        if not self.cases:
            raise UserError(f"{folder.index}: empty; delete its folder and preprocess again")
        card = read_json(folder.card)
        try:
            self.class_names: tuple[str, ...] = tuple(card["class_names"])
            self.in_channels: int = card["in_channels"]
            self.unit: str = card["unit"]
            self._folds = self._read_folds(read_json(folder.splits)["folds"])
        except (KeyError, TypeError) as error:
            raise UserError(
                f"{folder.folder}: damaged ({error!r} is missing); delete it and preprocess again"
            ) from error
        self._data_id = folder.folder.name
        pixels = sum(case.size for case in self.cases)
        originals = sum(case.original_size for case in self.cases)
        self._images = open_flat(folder.images, np.float32, pixels * self.in_channels)
        self._labels = open_flat(folder.labels, np.uint8, pixels)
        self._truths = open_flat(folder.truths, np.uint8, originals)
        self._originals = open_flat(folder.originals, np.uint8, originals)
        self._borders = open_flat(folder.borders, np.int64, sum(sum(case.borders) for case in self.cases))

    @classmethod
    def open(cls, folder: DataFolder) -> Store:
        """Open a data set.

        Raises:
            UserError: it is absent or damaged.
        """
        return cls(folder)

    def _read_folds(self, folds: Sequence[dict[str, list[str]]]) -> tuple[Fold, ...]:
        number = {entry.case: index for index, entry in enumerate(self.cases)}
        return tuple(Fold(*(tuple(sorted(number[case] for case in fold[side])) for side in SIDES)) for fold in folds)

    def image(self, index: int) -> npt.NDArray[np.float32]:
        """The preprocessed image ``(C, *S)``."""
        case = self.cases[index]
        return _view(self._images, case.image_offset, (case.channels, *case.shape))

    def labels(self, index: int) -> npt.NDArray[np.uint8]:
        """The preprocessed labels ``(*S)``."""
        case = self.cases[index]
        return _view(self._labels, case.label_offset, case.shape)

    def truth(self, index: int) -> npt.NDArray[np.uint8]:
        """The labels at the original resolution, ``(*S0)``."""
        case = self.cases[index]
        return _view(self._truths, case.original_offset, case.original_shape)

    def truth_surfaces(self, index: int) -> LabelSurfaces:
        """The borders of the true objects 1 to K at the original resolution."""
        case = self.cases[index]
        ends = np.cumsum([case.border_offset, *case.borders])
        borders = {label: self._borders[ends[label - 1] : ends[label]] for label in range(1, len(ends))}
        return known_surfaces(borders, case.original_shape, case.spacing)

    def original(self, index: int) -> npt.NDArray[np.uint8]:
        """The original image for display, ``(*S0)``, percentile-scaled to 0 to 255."""
        case = self.cases[index]
        return _view(self._originals, case.original_offset, case.original_shape)

    def fold(self, number: int | Literal["all"]) -> Fold:
        """The cases of fold ``number``, counted from 0; of ``all`` every case is trained on and none held out.

        Raises:
            UserError: there is no such fold.
        """
        if number == ALL_CASES:
            return Fold(tuple(range(len(self.cases))), (), ())
        if not 0 <= number < len(self._folds):
            raise UserError(f"fold {number}: data set {self._data_id} has folds 0 to {len(self._folds) - 1}")
        return self._folds[number]

    def spacing_ratio(self, indices: Sequence[int]) -> tuple[float, ...] | None:
        """Spacing of the preprocessed pixels per axis in units of the smallest, the median over some cases.

        ``None`` where pixels are square to 2 %, as after a resize that keeps the aspect. Pixels of unknown spacing
        count as square before preprocessing.
        """
        spacings = np.array([self.cases[index].pixel_spacing for index in indices])
        ratio = np.median(spacings / spacings.min(axis=1, keepdims=True), axis=0)
        ratio /= ratio.min()
        return None if ratio.max() < 1.02 else tuple(ratio.tolist())

    def class_areas(self, indices: Sequence[int]) -> npt.NDArray[np.float64]:
        """Pixels of background and of each class, ``(K + 1,)``, in the preprocessed labels of some cases."""
        areas = np.zeros(len(self.class_names) + 1)
        for index in indices:
            areas += self.cases[index].pixels
        return areas


def _view(buffer: npt.NDArray[Any], offset: int, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    return buffer[offset : offset + int(np.prod(shape))].reshape(shape)
