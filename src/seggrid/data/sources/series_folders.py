"""Folders of DICOM slices and their masks: every folder is a volume, and goes by a pseudonym."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from seggrid.data.sources.base import Hidden
from seggrid.data.sources.files import Spacing, is_flat, read_mask
from seggrid.data.sources.pseudonyms import TABLE, HiddenCases, hide, name_by_content
from seggrid.data.sources.segmentation import read_series_segmentation
from seggrid.data.sources.series import Series, Slice, arrange, read_slice
from seggrid.data.sources.volumes import may_be_volume, read_grid
from seggrid.errors import UserError
from seggrid.manifest import is_dicom

_SEE = f"{TABLE} says which folder it is"


@dataclass(frozen=True)
class SeriesPair:
    """A series and the file with its mask."""

    series: Series
    mask: Path

    def read_image(self, voi: bool) -> tuple[npt.NDArray[Any], Spacing | None]:
        """Return the volume ``(1, slice, row, column)``, and its spacing in mm; see ``Series.read``."""
        return self.series.read(voi)

    def read_mask(self, case: str) -> tuple[npt.NDArray[Any], dict[int, str]]:
        """Return the mask in canonical axes as whole numbers, and the labels of those that have one.

        Raises:
            UserError: the mask cannot be read, or lies elsewhere than its series; names the case only.
        """
        try:
            if not is_flat(self.mask):
                stack, names = read_series_segmentation(self.mask, [part.header for part in self.series.slices])
                return self.series.to_canonical(stack), names
            mask, _ = read_mask(self.mask, flat_slice=False)
            grid = read_grid(self.mask) if may_be_volume(self.mask) else None
            own = self.series.grid
            if grid and grid.canonical_shape == own.canonical_shape and not grid.same_place(own):
                raise UserError(
                    f"{self.mask}: its affine is not that of its series, {grid.distance(own):.3g} mm lie between them; "
                    "save it with position and direction of the series"
                )
            return mask, {}
        except UserError as error:
            raise hide(error, self.mask, f"{case}: its mask") from None


def find_series(
    images: Path, files: Iterable[Path], masks: Mapping[str, Path], exclude: Collection[str]
) -> HiddenCases[SeriesPair]:
    """Put the files below ``images`` together, a volume a folder.

    The mask of the folder ``a/b`` is ``a/b`` with a suffix.

    Args:
        files: relative to ``images``.
    """
    found: HiddenCases[SeriesPair] = HiddenCases()
    folders: dict[Path, list[Path]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(images / file)
    places: dict[str, list[Path]] = {}
    for folder, members in sorted(folders.items()):
        key = folder.as_posix()
        found.masks |= {key} & masks.keys()
        if folder == Path():
            found.problems.append(
                "files lie in no folder of a series; with data.series every volume has a folder of its own below images"
            )
            continue
        series = _open(found, images / folder, members)
        if series is None:
            continue
        name = series.pseudonym
        places.setdefault(name, []).append(images / folder)
        found.names.append((name, images / folder))
        found.hidden[name] = Hidden(key, series.header.owner)
        if key in masks:
            found.cases[name] = SeriesPair(series, masks[key])
        elif name not in exclude:
            found.problems.append(f"{name}: no mask has the name of its folder; {_SEE}")
    twice = {name: len(paths) for name, paths in places.items() if len(paths) > 1}
    found.problems += [f"{name}: the same series in {count} folders; keep one of them" for name, count in twice.items()]
    return found


def _open(found: HiddenCases[SeriesPair], folder: Path, members: Iterable[Path]) -> Series | None:
    """Return the series of a folder; where there is none, a sentence is added on why."""
    slices: list[Slice] = []
    members = sorted(members)
    for path in members:
        try:
            if not is_dicom(path):
                raise UserError("is no DICOM; take it out of the folder of its series")
            slices.append(read_slice(path))
        except UserError as error:
            name = name_by_content("dcm", path)
            found.names.append((name, path))
            found.problems.append(f"{name}: {error}; {TABLE} says which file it is")
    if len(slices) < len(members):
        return None
    try:
        return arrange(slices)
    except UserError as error:
        name = name_by_content("dcm", members[0])
        found.names.append((name, folder))
        found.problems.append(f"{name} and the files beside it: {error}; {_SEE}")
        return None
