"""``index.csv``: a row per case, which says where its pixels lie in the flat buffers."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seggrid.data.preprocessing.geometry import spacing_after
from seggrid.errors import UserError
from seggrid.records import to_csv

_COLUMNS = (
    "case", "group", "channels", "shape", "original_shape", "spacing",
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
    """Return the rows as CSV; lists are written as JSON."""
    values = ([getattr(entry, column) for column in _COLUMNS] for entry in entries)
    return to_csv(_COLUMNS, ([v if isinstance(v, str) else json.dumps(v) for v in row] for row in values))


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
        raise UserError(f"{path}: damaged ({error}); delete its folder and preprocess again") from error


def _entry(row: dict[str, str]) -> CaseEntry:
    values: dict[str, Any] = {"case": row["case"], "group": row["group"]}
    for name in _COLUMNS[2:]:
        value = json.loads(row[name])
        values[name] = tuple(value) if isinstance(value, list) else value
    return CaseEntry(**values)
