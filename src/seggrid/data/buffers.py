"""Flat ``.npy`` files written piece by piece, so that memory does not grow with the data set."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from seggrid.errors import UserError
from seggrid.records import atomic


class FlatWriter:
    """Appends arrays to a 1-D ``.npy`` file."""

    def __init__(self, file: IO[bytes], dtype: npt.DTypeLike) -> None:
        self._file = file
        self._dtype = np.dtype(dtype)
        self.length = 0
        self._write_header()

    def _write_header(self) -> None:
        # numpy leaves room for the length to grow, so the header can be written again in place.
        header = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def append(self, array: npt.NDArray[Any]) -> int:
        """Write ``array`` in C order and return where it begins, in elements."""
        start = self.length
        self._file.write(np.ascontiguousarray(array, self._dtype).data)
        self.length += array.size
        return start

    def close(self) -> None:
        """Write the final length."""
        self._file.seek(0)
        self._write_header()


@contextlib.contextmanager
def flat_writer(path: Path, dtype: npt.DTypeLike) -> Iterator[FlatWriter]:
    """Give a writer whose file takes its place on success only."""
    with atomic(path) as temporary, temporary.open("wb") as file:
        writer = FlatWriter(file, dtype)
        yield writer
        writer.close()


def open_flat(path: Path, dtype: npt.DTypeLike, length: int) -> npt.NDArray[Any]:
    """Map a flat file into memory, read-only.

    Raises:
        UserError: it is absent, damaged, or of another type or length.
    """
    try:
        array = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run `seggrid preprocess` again") from None
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: damaged ({error}); delete its folder and preprocess again") from error
    if array.dtype != np.dtype(dtype) or array.shape != (length,):
        raise UserError(f"{path}: does not match its index.csv; delete its folder and preprocess again")
    result: npt.NDArray[Any] = array
    return result
