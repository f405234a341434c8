"""The raw files behind a data set, with content hashes: moving or touching a folder changes nothing."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable
from pathlib import Path

from seggrid.config.data import CocoData, Data, FolderData, NnunetData, PhantomData
from seggrid.config.phantom import PHANTOM_VERSIONS
from seggrid.errors import UserError
from seggrid.records import digest, write_if_changed

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
#: What viewers leave between images, and what seggrid itself does.
_IGNORED = (".", "Thumbs.db", "desktop.ini", "pseudonyms.csv")


def raw_files(data: Data) -> list[Path]:
    """Return the raw files of a data set, relative to its folder, sorted.

    Raises:
        UserError: the folder or one of its parts is missing.
    """
    if isinstance(data, PhantomData):
        return []
    if not data.path.is_dir():
        raise UserError(
            f"data.path: {data.path} is not a folder; give the right one, or data=FOLDER on the command line"
        )
    files: list[Path] = []
    for part, required in _parts(data):
        if Path(part).is_absolute():
            raise UserError(f"data: {part} must lie inside data.path; give it relative to {data.path}")
        path = data.path / part
        if path.is_dir():
            files += [file for file in path.rglob("*") if file.is_file() and not _ignored(file.relative_to(path))]
        elif path.is_file():
            files.append(path)
        elif required:
            raise UserError(f"{path}: missing; a {data.source} data set needs it (see docs/reference/data.md)")
    return sorted(file.relative_to(data.path) for file in files)


def _ignored(file: Path) -> bool:
    # Folders too: a notebook or a viewer leaves hidden ones between the images.
    return any(part.startswith(_IGNORED) for part in file.parts)


def _parts(data: FolderData | CocoData | NnunetData) -> list[tuple[str, bool]]:
    if isinstance(data, FolderData):
        return [(data.images, True), (data.masks, True), (data.cases, False)]
    if isinstance(data, CocoData):
        return [(data.annotations, True), (data.images, True), (data.cases, False)]
    return [("dataset.json", True), ("imagesTr", True), ("labelsTr", True), (data.cases, False)]


def manifest_hash(data: Data, cache: Path) -> str:
    """Return 12 hex digits for the content of a data set; hashes are kept in ``cache`` by size and time of change.

    Raises:
        UserError: a file or folder is missing or cannot be read.
    """
    if isinstance(data, PhantomData):
        name = [] if data.kind == "knee" else [data.kind]  # the knee was the only one once
        return digest(["phantom", *name, PHANTOM_VERSIONS[data.kind]])
    known = _read_cache(cache)
    listed = []
    for relative in raw_files(data):
        path = (data.path / relative).resolve()
        try:
            stat = path.stat()
            # Names of files may tell patients, and this cache lies among the results.
            state = hashlib.sha256(f"{path} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()
            content = known.get(state)
            if content is None:
                with path.open("rb") as file:
                    content = known[state] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from error
        listed.append([relative.as_posix(), content])
    write_if_changed(cache, json.dumps(known, indent=0, sort_keys=True))
    return digest(listed)


def holds_volumes(data: Data, files: Iterable[Path]) -> bool:
    """Whether a NIfTI file among the raw ones has three axes, by its header; looks no further than the first."""
    if isinstance(data, PhantomData):
        return False
    found = (data.path / file for file in files if file.name.lower().endswith((".nii", ".nii.gz")))
    return any(map(_has_three_axes, found))


def holds_dicom(data: Data, files: Iterable[Path]) -> bool:
    """Whether an image among the raw files is DICOM that is read; looks no further than the first."""
    if not isinstance(data, FolderData):
        return False
    return any(is_dicom(data.path / file) for file in files if file.is_relative_to(data.images))


def is_dicom(path: Path) -> bool:
    """Whether a file says, by its suffix or by its first bytes, that it is DICOM."""
    if path.suffix.lower() in DICOM_SUFFIXES:
        return True
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _has_three_axes(path: Path) -> bool:
    import nibabel as nib  # takes a while, for it imports pydicom
    from nibabel.filebasedimages import ImageFileError

    try:
        shape: tuple[int, ...] = nib.load(path).shape
    except (OSError, EOFError, ValueError, zlib.error, ImageFileError):
        return False  # what is wrong with it is told where it is read
    return len(shape) > 2 and any(side > 1 for side in shape[2:])


def _read_cache(path: Path) -> dict[str, str]:
    # A damaged or absent cache costs time, never correctness.
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(loaded, dict):
        return {}
    return {state: content for state, content in loaded.items() if isinstance(content, str)}
