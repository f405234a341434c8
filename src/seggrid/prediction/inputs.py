"""Which files are segmented, and what their masks are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seggrid.data.sources.files import Spacing, read_image, size_text, stem
from seggrid.errors import UserError

#: Suffix of an image -> suffix of its mask, which must keep whole numbers.
SUFFIXES = {
    ".png": ".png", ".jpg": ".png", ".jpeg": ".png", ".tif": ".tif", ".tiff": ".tiff",
    ".nii": ".nii", ".nii.gz": ".nii.gz",
}  # fmt: skip
_DICOM = (".dcm", ".dicom", ".ima")
_CHANNEL = re.compile(r"(.+)_(\d{4})")


@dataclass(frozen=True)
class Input:
    """An image to segment.

    Attributes:
        files: one, or one per channel where the data set keeps channels apart.
        mask: where its mask goes, relative to the folder of the results.
    """

    files: tuple[Path, ...]
    mask: Path

    @property
    def name(self) -> str:
        """The path of the mask without its suffix."""
        return stem(self.mask)

    def read(self) -> tuple[npt.NDArray[Any], Spacing | None]:
        """Return the image ``(C, *S)`` as the files hold it, and its spacing in mm where they carry one.

        Raises:
            UserError: a file cannot be read, or the channels differ in size.
        """
        (image, spacing), *others = map(read_image, self.files)
        for file, (channel, _) in zip(self.files[1:], others, strict=True):
            if channel.shape[1:] != image.shape[1:]:
                raise UserError(f"{file}: {size_text(channel.shape[1:])} pixels, unlike {self.files[0].name}")
        return np.concatenate([image, *(channel for channel, _ in others)]), spacing


def find_inputs(paths: Sequence[Path], out: Path, channel_files: bool) -> tuple[list[Input], list[str]]:
    """Return the images in files and folders by the name of their masks, and a sentence for each that has none.

    The mask of ``FOLDER/a/b.png`` is ``a/b.png``, that of a file its name. In folders, files of other kinds are
    passed over, hidden ones too, and the folder of the results.

    Args:
        out: the folder of the results.
        channel_files: files are called ``CASE_0000``, one per channel, and the mask ``CASE``, as nnU-Net wants it.
    """
    found: dict[Path, set[Path]] = {}  # by the mask without its suffix
    problems = []
    for path in paths:
        if not path.exists():
            problems.append(f"{path}: no such file or folder")
        for file in _visible(path, out) if path.is_dir() else [path] * path.exists():
            relative = file.relative_to(path) if path.is_dir() else Path(file.name)
            if _suffix(file) in SUFFIXES:
                found.setdefault(_case(relative, channel_files), set()).add(file)
            elif _suffix(file) in _DICOM or _begins_as_dicom(file):
                problems.append(
                    f"{file}: DICOM is not read; convert it to NIfTI (dcm2niix) or to PNG or TIFF of 16 bit"
                )
            elif file == path:
                problems.append(f"{file}: not an image of a type that is read ({', '.join(SUFFIXES)})")
    inputs = []
    for case, files in sorted(found.items()):
        first, *others = sorted(files)
        item = Input((first, *others), case.with_name(case.name + SUFFIXES[_suffix(first)]))
        problem = _clash(item, out, channel_files)
        if problem:
            problems.append(problem)
        else:
            inputs.append(item)
    return inputs, problems


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


def _begins_as_dicom(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _case(file: Path, channel_files: bool) -> Path:
    name = file.name[: len(file.name) - len(_suffix(file))]
    match = _CHANNEL.fullmatch(name) if channel_files else None
    return file.with_name(match[1] if match else name)


def _clash(item: Input, out: Path, channel_files: bool) -> str | None:
    """What keeps an input from being segmented, in a sentence."""
    files = item.files
    if any(file.resolve() == (out / item.mask).resolve() for file in files):
        return f"{files[0]}: its mask would take its place; give another folder for the results"
    expected = [f"{number:04d}" for number in range(len(files))]
    if channel_files and [stem(file)[-4:] for file in files] == expected:
        return None
    if len(files) > 1:
        return f"{files[0]}: its mask would be called like that of {files[1]}; give them apart"
    return None
