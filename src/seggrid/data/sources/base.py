"""What every source delivers, and the grouping of cases that file sources share."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seggrid.config.data import CocoData, FolderData, NnunetData
from seggrid.data.sources.grids import Grid
from seggrid.errors import UserError


@dataclass(frozen=True)
class Case:
    """The name of an image with its mask, and the group (patient) that must stay on one side of a split.

    Attributes:
        patient: whom statistics count it to, where that is not its group: the blocks of a single patient are groups of
            their own in a split only.
        sequence: name of the images that it follows and is followed by; ``None`` where the source knows of none.
        frame: its number in the sequence.
    """

    case: str
    group: str
    patient: str | None = None
    sequence: str | None = None
    frame: int | None = None


@dataclass(frozen=True)
class Listing:
    """The cases of a source by name, and what is wrong with its files: one sentence each, with the file.

    Attributes:
        incomplete: names, for ``data.exclude``, of cases that are left out because one of their files is missing.
    """

    cases: tuple[Case, ...]
    problems: tuple[str, ...]
    incomplete: tuple[str, ...] = ()


def complete(listing: Listing, names: Collection[str], problems: Iterable[str]) -> Listing:
    """Keep the cases that are ``names``, and put ``problems`` before those of the listing."""
    kept = tuple(case for case in listing.cases if case.case in names)
    lacking = tuple(case.case for case in listing.cases if case.case not in names)
    return Listing(kept, (*problems, *listing.problems), lacking)


@dataclass(frozen=True)
class RawCase:
    """One image and its mask as the files hold them.

    Attributes:
        image: ``(C, *S)`` in the type of the file.
        labels: ``(*S)``, 0 background, 1 to K the classes in their order.
        spacing: mm per axis in array order; ``None`` where unknown.
        part: whether it is cut out of a volume.
        grid: of a volume, where it lies in its file; ``None`` where unknown.
    """

    case: str
    group: str
    image: npt.NDArray[Any]
    labels: npt.NDArray[np.uint8]
    spacing: tuple[float, ...] | None
    part: bool = False
    grid: Grid | None = None


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


@dataclass(frozen=True)
class Hidden:
    """What stands behind a case that goes by a pseudonym.

    Attributes:
        key: what the table ``data.cases`` calls it.
        patient: who it belongs to where there is no table; any text that no other patient has.
        sequence: a pseudonym, too; ``None`` where there is none.
        frame: its number in the sequence.
    """

    key: str
    patient: str
    sequence: str | None = None
    frame: int | None = None


def no_such_case(name: str) -> str:
    """What is wrong with a name in ``data.exclude`` that no case has."""
    return f"data.exclude: there is no case {name}; correct the name or take it out"


def group_cases(
    data: FolderData | CocoData | NnunetData, names: Iterable[str], hidden: Mapping[str, Hidden] | None = None
) -> Listing:
    """Drop the excluded cases and give the others the groups of the table ``data.cases``.

    Without the table every case is a group of its own, and hidden ones are grouped by patient. A group with a hidden
    case is called after the first of them.

    Args:
        hidden: cases that go by a pseudonym; nothing of them but that is told.

    Raises:
        UserError: the table cannot be read or lacks a column.
    """
    hidden = hidden or {}
    found = set(names)
    problems = [no_such_case(name) for name in data.exclude if name not in found]
    kept = sorted(found.difference(data.exclude))
    path = data.path / data.cases
    if path.is_file():
        groups, faults = _table_groups(path, kept, found, hidden)
        problems += faults
    else:
        groups = {name: hidden[name].patient if name in hidden else name for name in kept}
    return Listing(_named(kept, groups, hidden), tuple(problems))


def _table_groups(
    path: Path, kept: Sequence[str], found: Collection[str], hidden: Mapping[str, Hidden]
) -> tuple[dict[str, str], list[str]]:
    """Return the groups of the cases by the table, and what is wrong with it, a sentence each."""
    keys = {name: hidden[name].key if name in hidden else name for name in sorted(found)}
    first = {key: name for name, key in reversed(keys.items())}
    rows = _read_table(path)
    counts = Counter(key for key, _ in rows)
    groups = dict(rows)

    def called(number: int, key: str) -> str:
        """A name that is not known may be that of a patient, too, where some are hidden."""
        return f"case {first[key]}" if key in first else f"row {number}" if hidden else f"case {key}"

    told = {key: called(number, key) for number, (key, _) in reversed([*enumerate(rows, start=1)])}
    problems = [f"{path}: {told[key]} stands {count} times" for key, count in counts.items() if count > 1]
    problems += [f"{path}: {told[key]} has no image" for key in counts if key not in first]
    problems += [f"{path}: {told[key]} has no group" for key, group in groups.items() if not group]
    problems += [f"{path}: case {name} is missing; add its row" for name in kept if keys[name] not in groups]
    # A case without a group is listed too, so that what is wrong with its files stands in the same list.
    return {name: groups.get(keys[name]) or name for name in kept}, problems


def _named(kept: Iterable[str], groups: Mapping[str, str], hidden: Mapping[str, Hidden]) -> tuple[Case, ...]:
    names: dict[str, str] = {}
    for name in kept:
        if name in hidden:
            # Not a hash of the patient's number: there are few enough of those to try them all.
            names.setdefault(groups[name], f"patient-{name.split('-')[1]}")
    return tuple(_case(name, names.get(groups[name], groups[name]), hidden.get(name)) for name in kept)


def _case(name: str, group: str, hidden: Hidden | None) -> Case:
    return Case(name, group, sequence=hidden.sequence, frame=hidden.frame) if hidden else Case(name, group)


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
