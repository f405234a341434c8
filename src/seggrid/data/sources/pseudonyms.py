"""Names for files whose own names may tell a patient, and the table beside them that says which is which."""

from __future__ import annotations

import contextlib
import csv
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from seggrid.data.sources.base import Hidden
from seggrid.data.sources.dicom import pseudonym
from seggrid.errors import UserError
from seggrid.records import to_csv, write_if_changed

TABLE = "pseudonyms.csv"
Pair = TypeVar("Pair")


def name_by_content(kind: str, path: Path) -> str:
    """Name a file that says nothing of itself by what it holds."""
    try:
        return pseudonym(kind, path.read_bytes())
    except OSError:
        return f"a {kind} file that cannot be opened"


def hide(error: UserError, path: Path, name: str) -> UserError:
    """Return the same sentences with a pseudonym in place of the file's name."""
    return UserError(*(text.replace(str(path), name).replace(path.name, name) for text in error.problems))


@dataclass
class HiddenCases(Generic[Pair]):
    """The DICOM images, or series, of a folder.

    Attributes:
        cases: those with a mask, by name.
        hidden: what stands behind the name of every case.
        names: of all files that go by a pseudonym.
        problems: what is wrong with files, a sentence each, that names no file.
        masks: keys of the masks that belong to a case, or of which a sentence says why not.
    """

    cases: dict[str, Pair] = field(default_factory=dict)
    hidden: dict[str, Hidden] = field(default_factory=dict)
    names: list[tuple[str, Path]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    masks: set[str] = field(default_factory=set)

    def name(self, path: Path, text: str) -> str:
        """Name another file of the folder by its content, and return what is said about it without its own name."""
        name = name_by_content("file", path)
        self.names.append((name, path))
        return "\n".join(hide(UserError(text), path, name).problems)


def write_table(folder: Path, names: Iterable[tuple[str, Path]]) -> None:
    """Add names and their files to the table in a folder; the rows of files that are still there stay.

    Where the folder cannot be written to, a sentence says so: names follow from the files, so the same call with
    permission writes the same table.
    """
    path = folder / TABLE
    rows = {(name, file.relative_to(folder).as_posix()) for name, file in names}
    named = {file for _, file in rows}
    with contextlib.suppress(OSError, ValueError, csv.Error), path.open(newline="", encoding="utf-8") as file:
        for row in list(csv.reader(file))[1:]:
            if len(row) == 2 and row[1] not in named and (folder / row[1]).exists():
                rows.add((row[0], row[1]))
    try:
        write_if_changed(path, to_csv(("name", "file"), sorted(rows)))
    except OSError as error:
        print(f"{path}: cannot be written ({error.strerror}), so no table says which file is which", file=sys.stderr)  # noqa: T201 (work goes on)
