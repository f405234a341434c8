"""Which files are segmented, and what their masks are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seggrid.data.sources.dicom import Header, NotAnImageError, read_header
from seggrid.data.sources.dicom_pixels import read_frame
from seggrid.data.sources.files import Spacing, read_image, size_text, stem
from seggrid.data.sources.folder import require_same_place
from seggrid.data.sources.pseudonyms import TABLE, name_by_content
from seggrid.data.sources.series import Series, Slice, arrange, read_slice, series_pseudonym
from seggrid.data.sources.volumes import companion, may_be_volume, read_grid
from seggrid.errors import UserError
from seggrid.manifest import is_dicom

#: Suffix of an image -> suffix of its mask, which must keep whole numbers.
SUFFIXES = {
    ".png": ".png", ".jpg": ".png", ".jpeg": ".png", ".tif": ".tif", ".tiff": ".tiff",
    ".nii": ".nii", ".nii.gz": ".nii.gz", ".nrrd": ".nrrd", ".mha": ".mha", ".mhd": ".mha",
}  # fmt: skip
_CHANNEL = re.compile(r"(.+)_(\d{4})")
#: An image ``(C, *S)`` and its spacing in mm.
Image = tuple[npt.NDArray[Any], Spacing | None]


@dataclass(frozen=True)
class Expected:
    """What a model takes, images of two axes, whole volumes, or the slices of volumes one by one, and how it is read.

    Attributes:
        whole: volumes.
        axis: that the slices are counted along.
        channel_files: files are called ``CASE_0000``, one per channel, and the mask ``CASE``, as nnU-Net wants it.
        voi: DICOM files are read by their windows; see ``read_frame``.
    """

    whole: bool
    axis: int | None
    channel_files: bool
    voi: bool

    @property
    def volumes(self) -> bool:
        """Whether DICOM files are the slices of volumes."""
        return self.whole or self.axis is not None


@dataclass(frozen=True)
class Input:
    """An image to segment.

    Attributes:
        files: one, or one per channel where the data set keeps channels apart, or the slices of a series.
        mask: where its mask goes, relative to the folder of the results.
        header: of an image that is DICOM, which is told by its pseudonym; ``None`` for others.
        series: that the files are, told by its pseudonym too.
        voi: read by the windows of the files.
        flat_slice: a NIfTI file of one slice is an image of two axes.
        axis: of a volume whose slices are segmented one by one.
        slices: how many there are.
    """

    files: tuple[Path, ...]
    mask: Path
    header: Header | None = None
    series: Series | None = field(default=None, compare=False)
    voi: bool = False
    flat_slice: bool = True
    axis: int | None = None
    slices: int = 1

    @property
    def name(self) -> str:
        """The path of the mask without its suffix."""
        return stem(self.mask)

    @property
    def told(self) -> str:
        """What messages call it."""
        return self.name if self.header or self.series else str(self.files[0])

    @property
    def frames(self) -> int:
        """Images in the file, each with a mask of its own."""
        return self.header.frames if self.header else self.slices

    @property
    def sources(self) -> tuple[Path, ...]:
        """All files with its pixels, those that an ``.mhd`` header names too."""
        voxels = (companion(file) for file in self.files if file.suffix.lower() == ".mhd")
        return (*self.files, *(file for file in voxels if file))

    def read(self, frame: int = 1) -> Image:
        """Return the image ``(C, *S)`` as the files hold it, and its spacing in mm where they carry one.

        Of a volume that is segmented slice by slice it is the whole one.

        Args:
            frame: counted from 1.

        Raises:
            UserError: a file cannot be read, or the channels differ in size or place.
        """
        try:
            if self.series:
                return self.series.read(self.voi)
            if self.header:
                return read_frame(self.files[0], frame, self.voi)
        except UserError as error:
            raise UserError(f"{self.told}: {error}") from None
        (image, spacing), *others = (read_image(file, self.flat_slice) for file in self.files)
        if not others:
            return image, spacing
        for file, (channel, _) in zip(self.files[1:], others, strict=True):
            if channel.shape[1:] != image.shape[1:]:
                raise UserError(f"{file}: {size_text(channel.shape[1:])} pixels, unlike {self.files[0].name}")
            require_same_place(file, self.files[0], image.ndim - 1)
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


def find_inputs(paths: Sequence[Path], out: Path, expected: Expected) -> Inputs:
    """Find the images in files and folders.

    The mask of ``FOLDER/a/b.png`` is ``a/b.png``, that of a file its name, that of DICOM a pseudonym. In folders,
    files of other kinds are passed over, hidden ones too, DICOM without image, and the folder of the results.

    Args:
        out: the folder of the results.
        expected: what the model takes; where it is volumes, DICOM files are put together by their series.
    """
    found = Inputs()
    flat: dict[Path, set[Path]] = {}  # by the mask without its suffix
    scans: dict[str, dict[Path, Header]] = {}
    stacks: dict[str, dict[Path, Slice]] = {}
    for path in paths:
        folder = path.is_dir()
        if not path.exists():
            found.problems.append(f"{path}: no such file or folder")
        for file in _visible(path, out) if folder else [path] * path.exists():
            relative = file.relative_to(path) if folder else Path(file.name)
            if _suffix(file) in SUFFIXES:
                flat.setdefault(_case(relative, expected.channel_files), set()).add(file)
            elif is_dicom(file) and expected.volumes:
                _add_slice(found, stacks, file, path if folder else file.parent, alone=not folder)
            elif is_dicom(file):
                _add_scan(found, scans, file, path if folder else file.parent, alone=not folder)
            elif file == path:
                found.problems.append(f"{file}: not an image of a type that is read ({', '.join(SUFFIXES)}, DICOM)")
    for case, files in flat.items():
        first, *others = sorted(files)
        mask = case.with_name(case.name + SUFFIXES[_suffix(first)])
        _settle(found, Input((first, *others), mask, flat_slice=not expected.volumes), out, expected)
    for item in (*_of_scans(found, scans), *_of_stacks(found, stacks)):
        _settle(found, replace(item, voi=expected.voi), out, replace(expected, channel_files=False))
    found.images.sort(key=lambda item: item.mask)
    return found


def _of_scans(found: Inputs, scans: Mapping[str, Mapping[Path, Header]]) -> Iterator[Input]:
    for name, headers in scans.items():
        if len({file.resolve() for file in headers}) > 1:
            found.problems.append(f"{name}: the same image in several files, which {TABLE} names; give one of them")
        else:
            file, header = min(headers.items())
            yield Input((file,), Path(f"{name}.dcm"), header)


def _of_stacks(found: Inputs, stacks: Mapping[str, Mapping[Path, Slice]]) -> Iterator[Input]:
    for name, slices in stacks.items():
        try:
            series = arrange([*slices.values()])
        except UserError as error:
            found.problems.append(f"{name}: {error}; {TABLE} says which folder it is")
        else:
            yield Input(tuple(part.path for part in series.slices), Path(f"{name}.dcm"), series=series)


def _add_slice(found: Inputs, stacks: dict[str, dict[Path, Slice]], file: Path, folder: Path, alone: bool) -> None:
    """Take up a slice of a series, which its folder stands for; a file without image is told only where given alone."""
    try:
        part = read_slice(file)
        name, place = series_pseudonym(part.header), file.parent
        stacks.setdefault(name, {})[file.resolve()] = part
    except NotAnImageError:
        if not alone:
            return
        name, place = name_by_content("dcm", file), file
        found.problems.append(f"{name}: holds no image")
    except UserError as error:
        name, place = name_by_content("dcm", file), file
        found.problems.append(f"{name}: {error}; {TABLE} says which file it is")
    names = found.pseudonyms.setdefault(folder, [])
    if (name, place) not in names[-1:]:
        names.append((name, place))


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


def _settle(found: Inputs, item: Input, out: Path, expected: Expected) -> None:
    problem, axis = _clash(item, out, expected.channel_files), expected.axis
    try:
        shape = () if axis is None or problem else _shape(item)
    except UserError as error:
        problem, shape = str(error), ()
    if problem:
        found.problems.append(problem)
    else:
        found.images.append(replace(item, axis=axis, slices=shape[axis]) if axis is not None and shape else item)


def _shape(item: Input) -> tuple[int, ...]:
    """The size of a volume; nothing of an image of two axes."""
    if item.series:
        return item.series.grid.canonical_shape
    grid = read_grid(item.files[0]) if may_be_volume(item.files[0]) else None
    return grid.canonical_shape if grid else ()


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
    if item.series:
        return None
    files = item.files
    if any(file.resolve() == (out / item.mask).resolve() for file in files):
        return f"{item.told}: its mask would take its place; give another folder for the results"
    expected = [f"{number:04d}" for number in range(len(files))]
    if channel_files and [stem(file)[-4:] for file in files] == expected:
        return None
    if len(files) > 1:
        return f"{files[0]}: its mask would be called like that of {files[1]}; give them apart"
    return None
