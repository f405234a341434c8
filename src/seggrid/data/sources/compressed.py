"""Compressed voxels of NRRD and MetaImage files, read to their checksum.

ITK passes over the checksum: of a damaged file it returns wrong voxels, and at most prints something.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_SEVERAL = "compressed voxels in several files, or behind a header of their own; save it as one file"
#: Bytes read at a time; a thousand times as many may come out of them.
_PIECE = 1 << 15
#: Of zlib: a zlib or a gzip stream, by its header.
_EITHER = 32 + zlib.MAX_WBITS
_GZIP = b"\x1f\x8b"
_META_FIELD = re.compile(r"\s*(\w+)\s*[=:]\s*(.*?)\s*")
_NRRD_FIELD = re.compile(r"([\w ]+):(?!=)\s*(.*?)\s*")


@dataclass(frozen=True)
class Compressed:
    """Where compressed voxels lie.

    Attributes:
        file: that holds them, the one with the header or another.
        start: of the stream, in bytes.
        big_endian: the order of their bytes.
    """

    file: Path
    start: int
    big_endian: bool

    def read(self, size: int) -> bytearray:
        """Return ``size`` bytes, uncompressed; what follows them is read and dropped.

        Raises:
            OSError: the file cannot be read.
            EOFError: there are fewer.
            zlib.error: they are damaged.
        """
        found, position = bytearray(size), 0
        with self.file.open("rb") as file:
            file.seek(self.start)
            for piece in _inflated(file):
                wanted = piece[: size - position]
                found[position : position + len(wanted)] = wanted
                position += len(wanted)
        if position < size:
            raise EOFError(f"{position} bytes of {size}")
        return found


def _inflated(file: BinaryIO) -> Iterator[bytes]:
    """The content of a zlib stream, or of gzip streams one behind the other."""
    waiting = file.read(_PIECE)
    while True:
        stream = zlib.decompressobj(_EITHER)
        while not stream.eof:
            if not waiting:
                raise EOFError("the compressed voxels end early")
            yield stream.decompress(waiting)
            waiting = stream.unused_data + file.read(_PIECE) if stream.eof else file.read(_PIECE)
        if not waiting.startswith(_GZIP):
            return


def find_compressed(path: Path) -> Compressed | None:
    """Return where an NRRD or MetaImage file holds its voxels; ``None`` where they are not compressed.

    Raises:
        OSError: the file cannot be read.
        ValueError: they lie in several files.
    """
    with path.open("rb") as file:
        return _find_nrrd(path, file) if path.suffix.lower() == ".nrrd" else _find_meta(path, file)


def meta_header(file: BinaryIO) -> Mapping[str, str]:
    """Return the fields of a MetaImage header, and leave the file behind it."""
    fields: dict[str, str] = {}
    while "ElementDataFile" not in fields and (line := file.readline()):
        if match := _META_FIELD.fullmatch(line.decode("latin-1")):
            fields[match[1]] = match[2]
    return fields


def _find_meta(path: Path, file: BinaryIO) -> Compressed | None:
    fields = meta_header(file)
    if not _is_true(fields.get("CompressedData")):
        return None
    name = fields.get("ElementDataFile", "")
    big_endian = _is_true(fields.get("ElementByteOrderMSB", fields.get("BinaryDataByteOrderMSB")))
    if name.upper() == "LOCAL":
        return Compressed(path, file.tell(), big_endian)
    if name.startswith("LIST") or "%" in name or fields.get("HeaderSize", "0") != "0":
        raise ValueError(_SEVERAL)
    return Compressed(path.parent / name, 0, big_endian)


def _is_true(value: str | None) -> bool:
    return value is not None and value[:1] in ("T", "t", "1")


def _find_nrrd(path: Path, file: BinaryIO) -> Compressed | None:
    fields: dict[str, str] = {}
    for line in iter(file.readline, b""):
        if not line.strip():
            break
        if match := _NRRD_FIELD.fullmatch(line.decode("latin-1")):
            fields[match[1].lower().replace(" ", "")] = match[2]
    if fields.get("encoding", "").lower() not in ("gzip", "gz"):
        return None
    big_endian, name = fields.get("endian", "").lower() == "big", fields.get("datafile", "")
    skipped = any(fields.get(key, "0") != "0" for key in ("lineskip", "byteskip"))
    if skipped or name.startswith("LIST") or "%" in name:
        raise ValueError(_SEVERAL)
    return Compressed(path.parent / name, 0, big_endian) if name else Compressed(path, file.tell(), big_endian)
