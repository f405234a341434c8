"""What every source delivers, and the grouping of cases that file sources share."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seggrid.config.data import CocoData, FolderData, NnunetData
from seggrid.errors import UserError


@dataclass(frozen=True)
class Case:
    """The name of an image with its mask, and the group (patient) that must stay on one side of a split."""

    case: str
    group: str


@dataclass(frozen=True)
class Listing:
    """The cases of a source by name, and what is wrong with its files: one sentence each, with the file."""

    cases: tuple[Case, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class RawCase:
    """One image and its mask as the files hold them.

    Attributes:
        image: ``(C, *S)`` in the type of the file.
        labels: ``(*S)``, 0 background, 1 to K the classes in their order.
        spacing: mm per axis in array order; ``None`` where unknown.
    """

    case: str
    group: str
    image: npt.NDArray[Any]
    labels: npt.NDArray[np.uint8]
    spacing: tuple[float, ...] | None


class Source(Protocol):
    """A place that cases come from; it can be sent to another process."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the objects 1 to K."""

    def list_cases(self) -> Listing:
        """Find the cases without reading an image."""

    def load(self, case: Case) -> RawCase:
        """Read one case.

        Raises:
            UserError: files cannot be read or do not hold what they should; names each.
        """


def group_cases(data: FolderData | CocoData | NnunetData, names: Iterable[str]) -> Listing:
    """Drop the excluded cases and give the others the groups of the table ``data.cases``.

    Without the table every case is a group of its own.

    Raises:
        UserError: the table cannot be read or lacks a column.
    """
    found = set(names)
    problems = [
        f"data.exclude: there is no case {name}; correct the name or take it out"
        for name in data.exclude
        if name not in found
    ]
    kept = sorted(found.difference(data.exclude))
    path = data.path / data.cases
    if not path.is_file():
        return Listing(tuple(Case(name, name) for name in kept), tuple(problems))
    rows = _read_table(path)
    counts = Counter(name for name, _ in rows)
    groups = dict(rows)
    problems += [f"{path}: case {name} stands {count} times" for name, count in counts.items() if count > 1]
    problems += [f"{path}: case {name} has no image" for name in counts if name not in found]
    problems += [f"{path}: case {name} has no group" for name, group in groups.items() if not group]
    problems += [f"{path}: case {name} is missing; add its row" for name in kept if name not in groups]
    # A case without a group is listed too, so that what is wrong with its files stands in the same list.
    return Listing(tuple(Case(name, groups.get(name) or name) for name in kept), tuple(problems))


def _read_table(path: Path) -> list[tuple[str, str]]:
    try:
        # Spreadsheets put a byte-order mark in front.
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file, skipinitialspace=True)
            columns = table.fieldnames or ()
            rows = list(table)
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})") from error
    missing = [column for column in ("case", "group") if column not in columns]
    if missing:
        raise UserError(f"{path}: no column {' and '.join(missing)}; it needs the columns case and group")
    return [((row["case"] or "").strip(), (row["group"] or "").strip()) for row in rows]
