"""Names for files whose own names may tell a patient, and the table beside them that says which is which."""

from __future__ import annotations

import contextlib
import csv
import sys
from collections.abc import Iterable
from pathlib import Path

from seggrid.data.sources.dicom import pseudonym
from seggrid.errors import UserError
from seggrid.records import to_csv, write_if_changed

TABLE = "pseudonyms.csv"


def name_by_content(kind: str, path: Path) -> str:
    """Name a file that says nothing of itself by what it holds."""
    try:
        return pseudonym(kind, path.read_bytes())
    except OSError:
        return f"a {kind} file that cannot be opened"


def hide(error: UserError, path: Path, name: str) -> UserError:
    """Return the same sentences with a pseudonym in place of the file's name."""
    return UserError(*(text.replace(str(path), name).replace(path.name, name) for text in error.problems))


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
