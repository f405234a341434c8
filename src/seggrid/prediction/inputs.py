"""Which files are segmented, and what their masks are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seggrid.data.sources.dicom import Header, NotAnImageError, is_dicom, read_frame, read_header
from seggrid.data.sources.files import Spacing, read_image, size_text, stem
from seggrid.data.sources.pseudonyms import TABLE, name_by_content
from seggrid.errors import UserError

#: Suffix of an image -> suffix of its mask, which must keep whole numbers.
SUFFIXES = {
    ".png": ".png", ".jpg": ".png", ".jpeg": ".png", ".tif": ".tif", ".tiff": ".tiff",
    ".nii": ".nii", ".nii.gz": ".nii.gz",
}  # fmt: skip
_CHANNEL = re.compile(r"(.+)_(\d{4})")


@dataclass(frozen=True)
class Input:
    """An image to segment.

    Attributes:
        files: one, or one per channel where the data set keeps channels apart.
        mask: where its mask goes, relative to the folder of the results.
        header: of an image that is DICOM, which is told by its pseudonym; ``None`` for others.
    """

    files: tuple[Path, ...]
    mask: Path
    header: Header | None = None

    @property
    def name(self) -> str:
        """The path of the mask without its suffix."""
        return stem(self.mask)

    @property
    def told(self) -> str:
        """What messages call it."""
        return self.name if self.header else str(self.files[0])

    @property
    def frames(self) -> int:
        """Images in the file, each with a mask of its own."""
        return self.header.frames if self.header else 1

    def read(self, frame: int = 1) -> tuple[npt.NDArray[Any], Spacing | None]:
        """Return the image ``(C, *S)`` as the files hold it, and its spacing in mm where they carry one.

        Args:
            frame: counted from 1.

        Raises:
            UserError: a file cannot be read, or the channels differ in size.
        """
        if self.header:
            try:
                return read_frame(self.files[0], frame)
            except UserError as error:
                raise UserError(f"{self.told}: {error}") from None
        (image, spacing), *others = map(read_image, self.files)
        if not others:
            return image, spacing
        for file, (channel, _) in zip(self.files[1:], others, strict=True):
            if channel.shape[1:] != image.shape[1:]:
                raise UserError(f"{file}: {size_text(channel.shape[1:])} pixels, unlike {self.files[0].name}")
        return np.concatenate([image, *(channel for channel, _ in others)]), spacing


@dataclass
class Inputs:
    """The images in files and folders, in the order of the names of their masks.

    Attributes:
        problems: a sentence on each file that has no mask.
        pseudonyms: of the DICOM files, by the folder that their table belongs to.
    """

    images: list[Input] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    pseudonyms: dict[Path, list[tuple[str, Path]]] = field(default_factory=dict)


def find_inputs(paths: Sequence[Path], out: Path, channel_files: bool) -> Inputs:
    """Find the images in files and folders.

    The mask of ``FOLDER/a/b.png`` is ``a/b.png``, that of a file its name, that of DICOM a pseudonym. In folders,
    files of other kinds are passed over, hidden ones too, DICOM without image, and the folder of the results.

    Args:
        out: the folder of the results.
        channel_files: files are called ``CASE_0000``, one per channel, and the mask ``CASE``, as nnU-Net wants it.
    """
    found = Inputs()
    flat: dict[Path, set[Path]] = {}  # by the mask without its suffix
    scans: dict[str, dict[Path, Header]] = {}
    for path in paths:
        folder = path.is_dir()
        if not path.exists():
            found.problems.append(f"{path}: no such file or folder")
        for file in _visible(path, out) if folder else [path] * path.exists():
            relative = file.relative_to(path) if folder else Path(file.name)
            if _suffix(file) in SUFFIXES:
                flat.setdefault(_case(relative, channel_files), set()).add(file)
            elif is_dicom(file):
                _add_scan(found, scans, file, path if folder else file.parent, alone=not folder)
            elif file == path:
                found.problems.append(f"{file}: not an image of a type that is read ({', '.join(SUFFIXES)}, DICOM)")
    for case, files in flat.items():
        first, *others = sorted(files)
        _settle(
            found, Input((first, *others), case.with_name(case.name + SUFFIXES[_suffix(first)])), out, channel_files
        )
    for name, headers in scans.items():
        if len({file.resolve() for file in headers}) > 1:
            found.problems.append(f"{name}: the same image in several files, which {TABLE} names; give one of them")
        else:
            file, header = min(headers.items())
            _settle(found, Input((file,), Path(f"{name}.dcm"), header), out, channel_files=False)
    found.images.sort(key=lambda item: item.mask)
    return found


def _add_scan(found: Inputs, scans: dict[str, dict[Path, Header]], file: Path, folder: Path, alone: bool) -> None:
    """Take up a DICOM file; one without image is told only where it was given alone."""
    try:
        header = read_header(file)
        name = header.pseudonym
        scans.setdefault(name, {})[file] = header
    except NotAnImageError:
        if not alone:
            return
        name = name_by_content("dcm", file)
        found.problems.append(f"{name}: holds no image")
    except UserError as error:
        name = name_by_content("dcm", file)
        found.problems.append(f"{name}: {error}; {TABLE} says which file it is")
    found.pseudonyms.setdefault(folder, []).append((name, file))


def _settle(found: Inputs, item: Input, out: Path, channel_files: bool) -> None:
    problem = _clash(item, out, channel_files)
    if problem:
        found.problems.append(problem)
    else:
        found.images.append(item)


def _visible(folder: Path, out: Path) -> Iterable[Path]:
    results = out.resolve()
    for file in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if (
            not hidden
            and file.is_file()
            and not (results != folder.resolve() and file.resolve().is_relative_to(results))
        ):
            yield file


def _suffix(file: Path) -> str:
    return file.as_posix()[len(stem(file)) :].lower()


def _case(file: Path, channel_files: bool) -> Path:
    name = file.name[: len(file.name) - len(_suffix(file))]
    match = _CHANNEL.fullmatch(name) if channel_files else None
    return file.with_name(match[1] if match else name)


def _clash(item: Input, out: Path, channel_files: bool) -> str | None:
    """What keeps an input from being segmented, in a sentence."""
    files = item.files
    if any(file.resolve() == (out / item.mask).resolve() for file in files):
        return f"{item.told}: its mask would take its place; give another folder for the results"
    expected = [f"{number:04d}" for number in range(len(files))]
    if channel_files and [stem(file)[-4:] for file in files] == expected:
        return None
    if len(files) > 1:
        return f"{files[0]}: its mask would be called like that of {files[1]}; give them apart"
    return None
