"""``images/`` and ``masks/`` of the same file names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seggrid.config.data import FolderData
from seggrid.data.sources.base import Case, Listing, RawCase, complete, group_cases
from seggrid.data.sources.files import Spacing, by_stem, is_flat, read_image, read_mask, size_text
from seggrid.data.sources.grids import Grid
from seggrid.data.sources.labels import LabelMap
from seggrid.data.sources.pseudonyms import HiddenCases, write_table
from seggrid.data.sources.radiographs import Radiograph, check_names, find_radiographs
from seggrid.data.sources.series_folders import SeriesPair, find_series
from seggrid.data.sources.volumes import may_be_volume, read_grid
from seggrid.errors import UserError, try_all
from seggrid.manifest import holds_volumes, raw_files


@dataclass(frozen=True)
class Pair:
    """An image and its mask as the files hold them.

    Attributes:
        image: ``(C, *S)``.
        mask: ``(*S)``, whole numbers.
        spacing: mm per axis; ``None`` where unknown.
        origin: what errors on the mask name.
        names: labels of the mask's values, where the file gives them.
        grid: of a volume.
    """

    image: npt.NDArray[Any]
    mask: npt.NDArray[Any]
    spacing: Spacing | None
    origin: Path | str
    names: Mapping[int, str] = field(default_factory=dict)
    grid: Grid | None = None


class FolderSource:
    """Images with integer masks; a case is called by its path in the image folder, without suffix.

    A DICOM image goes by a pseudonym instead, each frame of it is a case, and its patient is the group; with
    ``data.series`` so does each folder of slices.
    """

    def __init__(self, data: FolderData) -> None:
        self._data = data
        self._labels = LabelMap(data.classes, data.ignore)
        files = raw_files(data)
        self._masks, refused_masks = _within(files, data.path, data.masks, lossless=True)
        self._flat_slice = not holds_volumes(data, files)
        if data.series:
            inside = [file.relative_to(data.images) for file in files if file.is_relative_to(data.images)]
            self._images, self._refused = {}, refused_masks
            self._hidden: HiddenCases[Radiograph] | HiddenCases[SeriesPair] = find_series(
                data.path / data.images, inside, self._masks, data.exclude
            )
            return
        images, refused = _within(files, data.path, data.images, lossless=False)
        self._images = {name: path for name, path in images.items() if is_flat(path)}
        hidden = {key: path for key, path in images.items() if key not in self._images}
        self._hidden = find_radiographs(hidden, self._masks, data.exclude)
        self._refused = {**refused, **refused_masks}

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the objects 1 to K."""
        return self._labels.names

    def list_cases(self) -> Listing:
        """Find the cases; a missing or extra mask is a problem.

        Where there are DICOM images, the table of pseudonyms is written beside them.
        """
        found = self._hidden
        names = self._images.keys() | (self._masks.keys() - found.masks)
        paired = self._images.keys() & self._masks.keys()
        lonely = dict(self._refused)
        for name in sorted(names - paired - set(self._data.exclude)):
            if name in self._images:
                path, missing = self._images[name], f"no mask of this name in {self._data.path / self._data.masks}"
            else:
                path, missing = self._masks[name], f"no image of this name in {self._data.path / self._data.images}"
            lonely[path] = f"{path}: {missing}"
        if not found.names and not self._data.series:
            listing = group_cases(self._data, names)
            problems = [*lonely.values()]
        else:
            # Names of other files beside them may tell patients as well.
            listing = group_cases(self._data, self._images.keys() | found.hidden.keys(), found.hidden)
            problems = [*found.problems, *(found.name(*pair) for pair in lonely.items())]
            write_table(self._data.path, found.names)
        return complete(listing, paired | found.cases.keys(), problems)

    def load(self, case: Case) -> RawCase:
        """Read image and mask.

        Raises:
            UserError: a file is damaged, the mask has another size or an undeclared value.
        """
        pair = self.read(case)
        check_names(case.case, pair.names, self._data.classes)
        labels = self._labels.apply(pair.mask, pair.origin)
        return RawCase(case.case, case.group, pair.image, labels, pair.spacing, grid=pair.grid)

    def read(self, case: Case) -> Pair:
        """Read image and mask without a look at the classes.

        Raises:
            UserError: a file is damaged, or the mask has another size.
        """
        if case.case in self._hidden.cases:
            return self._read_hidden(case, self._hidden.cases[case.case])
        path, source = self._masks[case.case], self._images[case.case]
        (image, spacing), (mask, mask_spacing) = try_all(
            [
                partial(read_image, source, self._flat_slice),
                partial(read_mask, path, self._flat_slice),
            ]
        )
        require_same_grid(path, mask.shape, mask_spacing, image.shape[1:], spacing)
        require_same_place(path, source, mask.ndim)
        return Pair(image, mask, spacing or self._data.spacing, path, grid=grid_of(source, mask.ndim))

    def _read_hidden(self, case: Case, files: Radiograph | SeriesPair) -> Pair:
        try:
            image, spacing = files.read_image(self._data.voi)
        except UserError as error:
            raise UserError(f"{case.case}: {error}") from None
        mask, names = files.read_mask(case.case)
        require_same_grid(case.case, mask.shape, None, image.shape[1:], spacing)
        grid = files.series.grid if isinstance(files, SeriesPair) else None
        return Pair(image, mask, spacing or self._data.spacing, case.case, names, grid)

    def shape(self, case: Case) -> tuple[int, ...]:
        """Return the size of an image from its header.

        Raises:
            UserError: the file is damaged, or holds an image of two axes.
        """
        files = self._hidden.cases.get(case.case)
        if files is not None:
            if isinstance(files, SeriesPair):
                return files.series.grid.canonical_shape
            raise UserError(f"{case.case}: an image of two axes; leave out data.slices and data.subvolumes")
        return volume_shape(self._images[case.case])


def _within(files: list[Path], root: Path, part: str, lossless: bool) -> tuple[dict[str, Path], dict[Path, str]]:
    inside = [file.relative_to(part) for file in files if file.is_relative_to(part)]
    return by_stem(inside, root / part, lossless, with_dicom=True)


def grid_of(image: Path, axes: int) -> Grid | None:
    """Return the grid of the file of a volume; ``None`` where it was read as an image of two axes."""
    return read_grid(image) if axes == 3 and may_be_volume(image) else None


def volume_shape(path: Path) -> tuple[int, ...]:
    """Return the size of a volume from its header.

    Raises:
        UserError: the file is damaged, or holds an image of two axes.
    """
    grid = read_grid(path) if may_be_volume(path) else None
    if grid is None:
        raise UserError(f"{path}: an image of two axes; leave out data.slices and data.subvolumes")
    return grid.canonical_shape


def require_same_place(mask: Path, image: Path, axes: int) -> None:
    """Compare where a mask and an image of one size lie, where the headers of both say so.

    Args:
        axes: that were read; of a volume of one slice two, which stay in the order of their file.

    Raises:
        UserError: their headers put them elsewhere, or the axes of a slice run another way.
    """
    if not (may_be_volume(mask) and may_be_volume(image)):
        return
    own, other = read_grid(mask), read_grid(image)
    if own is None or other is None:
        return
    if axes == 2 and not own.same_axes(other):
        raise UserError(
            f"{mask}: its axes run another way than those of its image, and a single slice is read as it lies in its "
            "file; save it in the axes of the image"
        )
    if not own.same_place(other):
        raise UserError(
            f"{mask}: its affine is not that of its image, {own.distance(other):.3g} mm lie between them; save it with "
            "position and direction of the image"
        )


def require_same_grid(
    origin: Path | str,
    mask_shape: tuple[int, ...],
    mask_spacing: Spacing | None,
    image_shape: tuple[int, ...],
    image_spacing: Spacing | None,
) -> None:
    """Compare the grids of a mask, which ``origin`` names, and of its image.

    Raises:
        UserError: the size differs, or the spacing where both files carry one.
    """
    if mask_shape != image_shape:
        unit = "pixels" if len(image_shape) == 2 else "voxels"
        raise UserError(
            f"{origin}: the mask is {size_text(mask_shape)} {unit}, its image {size_text(image_shape)}; "
            "they must have the same size"
        )
    if mask_spacing and image_spacing and not np.allclose(mask_spacing, image_spacing, rtol=1e-3):
        raise UserError(f"{origin}: the mask's spacing {mask_spacing} differs from its image's {image_spacing}")
