"""The mask files of knees in a folder, as frames in their order, each with the image that is drawn under it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from seggrid.data.sequences import natural
from seggrid.data.sources.dicom import Header, NotAnImageError, read_header
from seggrid.data.sources.dicom_pixels import read_frame
from seggrid.data.sources.files import Spacing, by_stem, is_flat, read_image, read_mask
from seggrid.data.sources.pseudonyms import TABLE, name_by_content
from seggrid.data.sources.radiographs import places_in_series, sequence_names
from seggrid.data.sources.segmentation import read_segmentation, segmented_image
from seggrid.errors import UserError
from seggrid.manifest import is_dicom

#: What ``seggrid predict`` writes beside its masks, and the file that says so.
_JOURNAL, _AREAS, _OVERLAYS = ".predictions.jsonl", "areas.csv", "overlays"


@dataclass(frozen=True)
class Frame:
    """A mask, or a frame of a DICOM segmentation.

    Attributes:
        case: its name; that of a segmentation is the pseudonym of its image.
        sequence: of which it is a frame.
        number: in the sequence.
        mask: its file.
        header: of the image of a segmentation.
        source: frame of that image, from 1.
        image: file of the image, where it was found.
    """

    case: str
    sequence: str
    number: int
    mask: Path
    header: Header | None = None
    source: int = 1
    image: Path | None = None

    def read_mask(self) -> tuple[npt.NDArray[Any], Spacing | None, dict[int, str]]:
        """Return the mask, its spacing in mm where its file has one, and the names of its labels where they have any.

        Raises:
            UserError: the file cannot be read.
        """
        if self.header is None:
            return *read_mask(self.mask), {}
        mask, names = read_segmentation(self.mask, self.header, self.source)
        return mask, None, names

    def read_image(self) -> tuple[npt.NDArray[Any], Spacing | None] | None:
        """Return the image ``(C, H, W)``, and its spacing in mm where its file has one; ``None`` without image.

        Raises:
            UserError: the file cannot be read.
        """
        if self.image is None:
            return None
        if self.header is None:
            return read_image(self.image)
        try:
            return read_frame(self.image, self.source)
        except UserError as error:
            raise UserError(f"{self.case}: {error}") from None


@dataclass
class _Images:
    """The images of a folder: files by name, DICOM files by the UID of their image."""

    flat: dict[str, Path] = field(default_factory=dict)
    dicom: dict[str, tuple[Path, Header]] = field(default_factory=dict)


def find_frames(masks: Path, out: Path, images: Path | None) -> list[Frame]:
    """Find the masks in a folder, those of a sequence behind one another.

    The masks of a subfolder are the frames of a sequence, in the natural order of their names. Of DICOM segmentations
    those of a series are, in the order of its images, and those of the frames of an image.

    Args:
        out: folder of the results, which is passed over.
        images: folder of the images.

    Raises:
        UserError: all files that cannot be used, a sentence each; or there is no mask.
    """
    problems: list[str] = []
    pictures = _find_images(images, out, problems) if images else _Images()
    files = [file for file in _visible(masks, out) if not _is_beside(masks, file)]
    found, refused = by_stem(files, masks, lossless=True, with_dicom=True)
    problems += refused.values()
    frames = _flat_frames({name: path for name, path in found.items() if is_flat(path)}, masks, pictures)
    frames += _segmented_frames([path for path in found.values() if not is_flat(path)], pictures, problems)
    if problems:
        raise UserError(*problems)
    if not frames:
        raise UserError(f"{masks}: holds no mask that can be read")
    return frames


def _visible(folder: Path, out: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    results = out.resolve()
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if file.is_file() and not hidden and not file.resolve().is_relative_to(results):
            yield inside


def _is_beside(folder: Path, file: Path) -> bool:
    """Whether a file is none of the masks but lies beside them: what seggrid itself writes there."""
    predicted = (folder / _JOURNAL).is_file()
    return file == Path(TABLE) or (predicted and (file == Path(_AREAS) or file.parts[0] == _OVERLAYS))


def _find_images(folder: Path, out: Path, problems: list[str]) -> _Images:
    """The images of a folder; as ``seggrid predict`` does, files of other kinds are passed over."""
    files = [file for file in _visible(folder, out) if is_flat(file) or is_dicom(folder / file)]
    found, refused = by_stem(files, folder, lossless=False, with_dicom=True)
    problems += refused.values()
    images = _Images({name: path for name, path in found.items() if is_flat(path)})
    for path in found.values():
        if not is_flat(path):
            try:
                header = read_header(path)
                images.dicom[header.instance] = path, header
            except NotAnImageError:
                continue
            except UserError as error:
                problems.append(f"{name_by_content('dcm', path)}: {error}")
    return images


def _flat_frames(files: Mapping[str, Path], folder: Path, images: _Images) -> list[Frame]:
    counts: dict[str, int] = {}
    frames = []
    for name in sorted(files, key=natural):
        parent = Path(name).parent
        sequence = folder.resolve().name if parent == Path() else parent.as_posix()
        counts[sequence] = counts.get(sequence, 0) + 1
        frames.append(Frame(name, sequence, counts[sequence], files[name], image=images.flat.get(name)))
    return frames


def _segmented_frames(files: Iterable[Path], images: _Images, problems: list[str]) -> list[Frame]:
    singles: dict[str, Frame] = {}
    frames: list[Frame] = []
    names: dict[str, Path] = {}
    for path in files:
        try:
            header, numbers = segmented_image(path)
        except UserError as error:
            problems += error.problems
            continue
        image, own = images.dicom.get(header.instance, (None, header))
        name = own.pseudonym
        if names.setdefault(name, path) != path:
            problems.append(f"{path}: a second mask of the image of {names[name].name}; keep one of them")
        elif own.frames == 1:
            singles[name] = Frame(name, "", 0, path, own, image=image)
        else:
            shown = range(1, own.frames + 1) if image else numbers
            frames += [Frame(f"{name}-f{frame:04d}", name, frame, path, own, frame, image) for frame in shown]
    return frames + _in_order(singles, problems)


def _in_order(singles: Mapping[str, Frame], problems: list[str]) -> list[Frame]:
    """Put the masks of images of one frame into the sequences of their images."""
    headers = {name: frame.header for name, frame in singles.items() if frame.header}
    problems += _without_order(singles, sequence_names(headers))
    places = places_in_series(headers, {name: str(frame.image or frame.mask) for name, frame in singles.items()})
    placed = [replace(frame, sequence=places[name][0], number=places[name][1]) for name, frame in singles.items()]
    return sorted(placed, key=lambda frame: (frame.sequence, frame.number))


def _without_order(singles: Mapping[str, Frame], sequences: Mapping[str, str]) -> Iterator[str]:
    """A sentence on each sequence with masks that do not say which frame of it they are, and no image that does."""
    together: dict[str, list[Frame]] = {}
    for name, sequence in sequences.items():
        together.setdefault(sequence, []).append(singles[name])
    for frames in together.values():
        numbers = {frame.header.number for frame in frames if frame.header and frame.header.number is not None}
        if len(numbers) < len(frames) and any(frame.image is None for frame in frames):
            yield (
                f"{frames[0].mask} and {len(frames) - 1} more: the masks of one series do not say in which order they "
                "come; give the folder of their images, --images FOLDER"
            )
