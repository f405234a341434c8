"""DICOM images of a folder and their masks: every frame is a case, and goes by a pseudonym."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from seggrid.config.data import ClassValue, members
from seggrid.data.sequences import Stamp, number_frames
from seggrid.data.sources.base import Hidden
from seggrid.data.sources.dicom import Header, read_header
from seggrid.data.sources.dicom_pixels import read_frame
from seggrid.data.sources.files import Spacing, is_flat, read_mask
from seggrid.data.sources.pseudonyms import TABLE, HiddenCases, hide, name_by_content
from seggrid.data.sources.segmentation import read_segmentation
from seggrid.data.sources.series import series_pseudonym
from seggrid.data.sources.volumes import is_nifti, may_be_volume
from seggrid.errors import UserError

_SEE = f"{TABLE} says which file it is"


@dataclass(frozen=True)
class Radiograph:
    """A frame of a DICOM image, counted from 1, and the file with its mask."""

    image: Path
    header: Header
    frame: int
    mask: Path

    def read_image(self, voi: bool) -> tuple[npt.NDArray[Any], Spacing | None]:
        """Return the frame ``(C, H, W)``, and its spacing in mm where the file says it; see ``read_frame``."""
        return read_frame(self.image, self.frame, voi)

    def read_mask(self, case: str) -> tuple[npt.NDArray[Any], dict[int, str]]:
        """Return the mask ``(H, W)`` as whole numbers, and the labels of those that have one.

        The numbers of a DICOM segmentation are those of its segments.

        Raises:
            UserError: the mask cannot be read, or belongs to another image; names the case only.
        """
        try:
            if is_flat(self.mask):
                return read_mask(self.mask)[0], {}
            return read_segmentation(self.mask, self.header, self.frame)
        except UserError as error:
            raise hide(error, self.mask, f"{case}: its mask") from None


def check_names(case: str, names: Mapping[int, str], classes: Mapping[str, ClassValue]) -> None:
    """Compare the labels that a mask gives to its values with those of the experiment.

    Raises:
        UserError: a label is the name of a class with another value.
    """
    for number, label in names.items():
        if label in classes and number not in map(int, members(classes[label])):
            raise UserError(
                f"{case}: its mask: segment {number} is called {label}, which data.classes gives another value"
            )


def find_radiographs(
    images: Mapping[str, Path], masks: Mapping[str, Path], exclude: Collection[str]
) -> HiddenCases[Radiograph]:
    """Pair DICOM images and masks, both by the path of the file without suffix.

    The mask of frame 3 of a sequence is ``KEY-f0003``; a DICOM segmentation ``KEY`` has the masks of all frames.
    """
    found: HiddenCases[Radiograph] = HiddenCases()
    files: dict[str, list[Path]] = {}
    singles: dict[str, Header] = {}
    for key, path in images.items():
        found.masks |= {key} & masks.keys()
        try:
            header = read_header(path)
        except UserError as error:
            name = name_by_content("dcm", path)
            found.problems.append(f"{name}: {error}; {_SEE}")
        else:
            name = header.pseudonym
            files.setdefault(name, []).append(path)
            if len(files[name]) == 1:
                _pair(found, header, key, path, masks, exclude)
                singles |= {name: header} if header.frames == 1 else {}
        found.names.append((name, path))
    found.problems += [
        f"{name}: the same image in {len(paths)} files; keep one of them; {TABLE} names both"
        for name, paths in files.items()
        if len(paths) > 1
    ]
    keys = {name: found.hidden[name].key for name in singles}
    for name, (sequence, frame) in places_in_series(singles, keys).items():
        found.hidden[name] = replace(found.hidden[name], sequence=sequence, frame=frame)
    return found


def sequence_names(headers: Mapping[str, Header]) -> dict[str, str]:
    """Return the sequences of images of one frame, by name: their series; without one, all images of the owner."""
    firsts: dict[str, str] = {}
    found = {}
    for name, header in sorted(headers.items()):
        # As for groups, no hash of a patient's number.
        first = firsts.setdefault(header.owner, name)
        found[name] = series_pseudonym(header) if header.series else f"sequence-{first.split('-')[1]}"
    return found


def places_in_series(headers: Mapping[str, Header], files: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    """Return the sequence of images of one frame, by name, and the number of each in it.

    Args:
        files: paths, which order images where their headers do not.
    """
    together: dict[str, dict[str, Stamp]] = {}
    for name, sequence in sequence_names(headers).items():
        stamp = Stamp(headers[name].number, headers[name].time, files[name])
        together.setdefault(sequence, {})[name] = stamp
    return {
        name: (sequence, frame)
        for sequence, stamps in together.items()
        for name, frame in number_frames(stamps).items()
    }


def _pair(
    found: HiddenCases[Radiograph],
    header: Header,
    key: str,
    path: Path,
    masks: Mapping[str, Path],
    exclude: Collection[str],
) -> None:
    """Add the frames of an image to the cases, or a sentence on those without a usable mask."""
    name, alone = header.pseudonym, []
    for frame in range(1, header.frames + 1):
        single = header.frames == 1
        case = name if single else f"{name}-f{frame:04d}"
        own = key if single else f"{key}-f{frame:04d}"
        owner = header.owner
        found.hidden[case] = Hidden(key, owner) if single else Hidden(key, owner, name, frame)
        found.masks |= {own} & masks.keys()
        mask = masks.get(own) or (masks.get(key) if key in masks and not is_flat(masks[key]) else None)
        if mask is not None and may_be_volume(mask):
            kind = "NIfTI" if is_nifti(mask) else "a volume"
            found.problems.append(
                f"{case}: its mask is {kind}, whose rows and columns may be swapped or turned; save it as PNG, TIFF or "
                "DICOM SEG, or set data.series to true where the files are slices of volumes"
            )
        elif mask is not None:
            found.cases[case] = Radiograph(path, header, frame, mask)
        elif case not in exclude:
            alone.append(case)
    if alone and header.frames == 1:
        found.problems.append(f"{name}: no mask has the name of its file; {_SEE}")
    elif alone:
        listed = ", ".join(alone[:5]) + (f" and {len(alone) - 5} more" if len(alone) > 5 else "")
        found.problems.append(
            f"{listed}: no mask; call it like the file with -f0001 for the first frame, give a DICOM SEG of the "
            f"sequence, or put the frames into data.exclude; {_SEE}"
        )
