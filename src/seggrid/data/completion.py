"""A data set is made by one process at a time, and stays complete while others read it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator

from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.paths import DataFolder
from seggrid.records import atomic, write_text


def make_alone(folder: DataFolder, check: Callable[[], None], make: Callable[[], None]) -> None:
    """Make a data set unless another process does so meanwhile, or nothing is gone but what Snakemake deletes.

    Args:
        check: raises where it would no longer be the same; called before ``index.csv`` is put back.
        make: writes it, at its end by ``write_index``.

    Raises:
        UserError: that of ``check`` or ``make``.
    """
    before = _written(folder)
    with _alone(folder):
        if not folder.declared_index.is_file() and _is_whole(folder):
            check()
            _put_back(folder)
        elif _written(folder) == before:
            make()


def write_index(folder: DataFolder, text: str) -> None:
    """Write the table of the cases in place of an earlier one: the data set is complete."""
    for path in (folder.kept_index, folder.declared_index):
        write_text(path, text)


def _is_whole(folder: DataFolder) -> bool:
    """Whether all but the declared index is there."""
    try:
        Store.open(folder)
    except UserError:
        return False
    return True


def _put_back(folder: DataFolder) -> None:
    """Write the declared index again, as old as it was: what was made of the data set is not to be made anew."""
    written = folder.kept_index.stat()
    with atomic(folder.declared_index) as temporary:
        temporary.write_bytes(folder.kept_index.read_bytes())
        os.utime(temporary, ns=(written.st_atime_ns, written.st_mtime_ns))


def _written(folder: DataFolder) -> list[int | None]:
    """When both indices were written; nothing for one that is not there."""
    found: list[int | None] = []
    for path in (folder.kept_index, folder.declared_index):
        try:
            found.append(path.stat().st_mtime_ns)
        except FileNotFoundError:  # Snakemake may delete it at any moment
            found.append(None)
    return found


@contextlib.contextmanager
def _alone(folder: DataFolder) -> Iterator[None]:
    place = folder.folder.parent
    place.mkdir(parents=True, exist_ok=True)
    # Held by the kernel: it ends with the process, however that ends.
    with (place / f".{folder.folder.name}.lock").open("w") as file:
        with contextlib.suppress(OSError):  # a file system without locks: the same bytes are then written twice
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
