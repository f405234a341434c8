"""``images/`` and ``masks/`` of the same file names."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from seggrid.config.data import FolderData
from seggrid.data.sources.base import Case, Listing, RawCase, group_cases
from seggrid.data.sources.files import Spacing, by_stem, read_image, read_mask, size_text
from seggrid.data.sources.labels import LabelMap
from seggrid.errors import UserError, try_all
from seggrid.manifest import raw_files


class FolderSource:
    """Images with integer masks; a case is called by its path in the image folder, without suffix."""

    def __init__(self, data: FolderData) -> None:
        self._data = data
        self._labels = LabelMap(data.classes, data.ignore)
        files = raw_files(data)
        self._images, image_problems = _within(files, data.path, data.images, lossless=False)
        self._masks, mask_problems = _within(files, data.path, data.masks, lossless=True)
        self._problems = image_problems + mask_problems

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the objects 1 to K."""
        return self._labels.names

    def list_cases(self) -> Listing:
        """Find the cases; a missing or extra mask is a problem."""
        paired = self._images.keys() & self._masks.keys()
        excluded = set(self._data.exclude)
        listing = group_cases(self._data, self._images.keys() | self._masks.keys())
        alone = [
            f"{path}: no mask of this name in {self._data.path / self._data.masks}"
            for name, path in self._images.items()
            if name not in paired and name not in excluded
        ]
        extra = [
            f"{path}: no image of this name in {self._data.path / self._data.images}"
            for name, path in self._masks.items()
            if name not in paired and name not in excluded
        ]
        cases = tuple(case for case in listing.cases if case.case in paired)
        return Listing(cases, (*self._problems, *alone, *extra, *listing.problems))

    def load(self, case: Case) -> RawCase:
        """Read image and mask.

        Raises:
            UserError: a file is damaged, the mask has another size or an undeclared value.
        """
        path = self._masks[case.case]
        (image, spacing), (mask, mask_spacing) = try_all(
            [partial(read_image, self._images[case.case]), partial(read_mask, path)]
        )
        require_same_grid(path, mask.shape, mask_spacing, image.shape[1:], spacing)
        labels = self._labels.apply(mask, path)
        return RawCase(case.case, case.group, image, labels, spacing or self._data.spacing)


def _within(files: list[Path], root: Path, part: str, lossless: bool) -> tuple[dict[str, Path], list[str]]:
    inside = [file.relative_to(part) for file in files if file.is_relative_to(part)]
    return by_stem(inside, root / part, lossless)


def require_same_grid(
    path: Path,
    mask_shape: tuple[int, ...],
    mask_spacing: Spacing | None,
    image_shape: tuple[int, ...],
    image_spacing: Spacing | None,
) -> None:
    """Compare the grids of a mask and its image.

    Raises:
        UserError: the size differs, or the spacing where both files carry one.
    """
    if mask_shape != image_shape:
        raise UserError(
            f"{path}: the mask is {size_text(mask_shape)} pixels, its image {size_text(image_shape)}; "
            "they must have the same size"
        )
    if mask_spacing and image_spacing and not np.allclose(mask_spacing, image_spacing, rtol=1e-3):
        raise UserError(f"{path}: the mask's spacing {mask_spacing} differs from its image's {image_spacing}")
