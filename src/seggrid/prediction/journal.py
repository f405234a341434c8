"""What earlier calls have made in a folder: a line per mask, kept only while image, model and mask are the same."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seggrid.config.base import Section
from seggrid.errors import UserError
from seggrid.prediction.inputs import Input
from seggrid.prediction.outputs import Area


class Entry(Section):
    """A mask that was written.

    Attributes:
        inputs: digests of the image's files.
        model: stands for the model.
        output: digest of the mask file.
        overlays: digests of the pictures of its frames; none where none were drawn.
    """

    mask: str
    inputs: tuple[str, ...]
    model: str
    output: str
    overlays: tuple[str, ...]
    areas: tuple[Area, ...]


class Journal:
    """The entries of a folder of results, one per mask, the latest counts."""

    def __init__(self, out: Path, file: Any) -> None:
        self._out, self._file = out, file
        self._entries: dict[str, Entry] = {}
        file.seek(0)
        for line in file:
            with contextlib.suppress(ValidationError):  # cut off by a kill
                entry = Entry.model_validate_json(line)
                self._entries[entry.mask] = entry
        # After a line that was cut off a new one begins.
        file.write("\n")

    def find(self, item: Input, model: str, overlays: Sequence[Path]) -> Entry | None:
        """Return the entry of an input whose mask, and pictures where they are wanted, are there and whole."""
        entry = self._entries.get(item.mask.as_posix())
        if entry is None or entry.model != model or entry.output != file_digest(self._out / item.mask):
            return None
        if overlays and entry.overlays != tuple(map(file_digest, overlays)):
            return None
        return entry if entry.inputs == tuple(map(file_digest, item.sources)) else None

    def add(self, entry: Entry) -> None:
        """Record a mask that has just been written."""
        self._file.write(json.dumps(entry.model_dump(mode="json")) + "\n")
        self._file.flush()


@contextlib.contextmanager
def open_journal(out: Path) -> Iterator[Journal]:
    """Open the journal of a folder of results, made where there is none.

    Raises:
        UserError: another process writes there.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".predictions.jsonl").open("a+", encoding="utf-8", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{out}: another `seggrid predict` writes there; wait for it, or give another folder"
            ) from None
        yield Journal(out, file)


def file_digest(path: Path) -> str | None:
    """Return a digest of a file's content; ``None`` where it is absent or cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
