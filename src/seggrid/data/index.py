"""``index.csv``: a row per case, which says where its pixels lie in the flat buffers."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seggrid.data.preprocessing.geometry import spacing_after
from seggrid.data.sources.grids import Grid
from seggrid.errors import UserError
from seggrid.records import to_csv

#: Columns of text; all others are JSON.
_TEXTS = ("case", "group", "sequence")
_COLUMNS = (
    "case", "group", "sequence", "frame", "channels", "shape", "original_shape", "spacing", "affine",
    "image_offset", "label_offset", "original_offset", "border_offset", "geometry", "pixels", "borders",
)  # fmt: skip


@dataclass(frozen=True)
class CaseEntry:
    """One case of a preprocessed data set.

    Attributes:
        group: the patient, in all statistics.
        channels: of the preprocessed image.
        shape: of the preprocessed image, without channels.
        original_shape: of the image as it was read.
        spacing: mm per axis of the original image; ``None`` where unknown.
        image_offset, label_offset: where it begins in ``images.npy`` and ``labels.npy``, in elements.
        original_offset: where it begins in ``truths.npy`` and ``originals.npy``.
        border_offset: where it begins in ``borders.npy``.
        geometry: what ``restore`` needs to bring a prediction back to the original image.
        pixels: pixels of background and of each class in the preprocessed labels.
        borders: pixels on the border of each class in the original labels.
        sequence: name of the images that it follows and is followed by; ``None`` where its source knows of none.
        frame: its number in the sequence.
        affine: of a volume, ``(4, 4)`` from the indices in its file to mm towards right, anterior and superior;
            ``None`` where unknown.
    """

    case: str
    group: str
    channels: int
    shape: tuple[int, ...]
    original_shape: tuple[int, ...]
    spacing: tuple[float, ...] | None
    image_offset: int
    label_offset: int
    original_offset: int
    border_offset: int
    geometry: tuple[dict[str, Any], ...]
    pixels: tuple[int, ...]
    borders: tuple[int, ...]
    sequence: str | None = None
    frame: int | None = None
    affine: tuple[tuple[float, ...], ...] | None = None

    @property
    def grid(self) -> Grid | None:
        """The grid of a volume's file; where it is unknown, that of its spacing in canonical axes.

        ``None`` of an image of two axes.
        """
        if len(self.original_shape) != 3:
            return None
        if self.affine is None:
            return Grid.canonical(self.original_shape, self.spacing or (1.0, 1.0, 1.0))
        return Grid.of_canonical(self.original_shape, np.array(self.affine))

    @property
    def pixel_spacing(self) -> tuple[float, ...]:
        """Spacing of the preprocessed pixels per axis, in mm; relative where the original spacing is unknown."""
        return spacing_after(self.geometry, self.spacing or [1.0] * len(self.original_shape))

    @property
    def size(self) -> int:
        """Pixels of the preprocessed image."""
        return math.prod(self.shape)

    @property
    def original_size(self) -> int:
        """Pixels of the original image."""
        return math.prod(self.original_shape)


def index_text(entries: Sequence[CaseEntry]) -> str:
    """Return the rows as CSV; what is no text is written as JSON."""
    return to_csv(_COLUMNS, ([_cell(column, getattr(entry, column)) for column in _COLUMNS] for entry in entries))


def _cell(column: str, value: Any) -> str:
    return (value or "") if column in _TEXTS else json.dumps(value)


def read_index(path: Path) -> tuple[CaseEntry, ...]:
    """Read the rows.

    Raises:
        UserError: the file is absent or damaged.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return tuple(_entry(row) for row in rows)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run `seggrid preprocess` first") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: damaged, or of another version of seggrid ({error}); delete its folder and preprocess again"
        ) from error


def _entry(row: dict[str, str]) -> CaseEntry:
    values: dict[str, Any] = {name: row[name] for name in _TEXTS}
    for name in _COLUMNS:
        if name not in _TEXTS:
            value = json.loads(row[name])
            values[name] = tuple(value) if isinstance(value, list) else value
    return CaseEntry(**(values | {"sequence": values["sequence"] or None}))
