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
from seggrid.data.sources.dicom import read_frame
from seggrid.data.sources.files import Spacing, by_stem, is_flat, read_image, read_mask, size_text
from seggrid.data.sources.labels import LabelMap
from seggrid.data.sources.pseudonyms import write_table
from seggrid.data.sources.radiographs import Radiograph, check_names, find_radiographs
from seggrid.errors import UserError, try_all
from seggrid.manifest import raw_files


@dataclass(frozen=True)
class Pair:
    """An image and its mask as the files hold them.

    Attributes:
        image: ``(C, *S)``.
        mask: ``(*S)``, whole numbers.
        spacing: mm per axis; ``None`` where unknown.
        origin: what errors on the mask name.
        names: labels of the mask's values, where the file gives them.
    """

    image: npt.NDArray[Any]
    mask: npt.NDArray[Any]
    spacing: Spacing | None
    origin: Path | str
    names: Mapping[int, str] = field(default_factory=dict)


class FolderSource:
    """Images with integer masks; a case is called by its path in the image folder, without suffix.

    A DICOM image goes by a pseudonym instead, each frame of it is a case, and its patient is the group.
    """

    def __init__(self, data: FolderData) -> None:
        self._data = data
        self._labels = LabelMap(data.classes, data.ignore)
        files = raw_files(data)
        images, refused = _within(files, data.path, data.images, lossless=False)
        self._masks, refused_masks = _within(files, data.path, data.masks, lossless=True)
        self._images = {name: path for name, path in images.items() if is_flat(path)}
        hidden = {key: path for key, path in images.items() if key not in self._images}
        self._radiographs = find_radiographs(hidden, self._masks, data.exclude)
        self._refused = {**refused, **refused_masks}

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the objects 1 to K."""
        return self._labels.names

    def list_cases(self) -> Listing:
        """Find the cases; a missing or extra mask is a problem.

        Where there are DICOM images, the table of pseudonyms is written beside them.
        """
        found = self._radiographs
        names = self._images.keys() | (self._masks.keys() - found.masks)
        paired = self._images.keys() & self._masks.keys()
        lonely = dict(self._refused)
        for name in sorted(names - paired - set(self._data.exclude)):
            if name in self._images:
                path, missing = self._images[name], f"no mask of this name in {self._data.path / self._data.masks}"
            else:
                path, missing = self._masks[name], f"no image of this name in {self._data.path / self._data.images}"
            lonely[path] = f"{path}: {missing}"
        if not found.names:
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
        return RawCase(case.case, case.group, pair.image, labels, pair.spacing)

    def read(self, case: Case) -> Pair:
        """Read image and mask without a look at the classes.

        Raises:
            UserError: a file is damaged, or the mask has another size.
        """
        if case.case in self._radiographs.cases:
            return self._read_radiograph(case, self._radiographs.cases[case.case])
        path = self._masks[case.case]
        (image, spacing), (mask, mask_spacing) = try_all(
            [partial(read_image, self._images[case.case]), partial(read_mask, path)]
        )
        require_same_grid(path, mask.shape, mask_spacing, image.shape[1:], spacing)
        return Pair(image, mask, spacing or self._data.spacing, path)

    def _read_radiograph(self, case: Case, files: Radiograph) -> Pair:
        try:
            image, spacing = read_frame(files.image, files.frame)
        except UserError as error:
            raise UserError(f"{case.case}: {error}") from None
        mask, names = files.read_mask(case.case)
        require_same_grid(case.case, mask.shape, None, image.shape[1:], spacing)
        return Pair(image, mask, spacing or self._data.spacing, case.case, names)


def _within(files: list[Path], root: Path, part: str, lossless: bool) -> tuple[dict[str, Path], dict[Path, str]]:
    inside = [file.relative_to(part) for file in files if file.is_relative_to(part)]
    return by_stem(inside, root / part, lossless, with_dicom=True)


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
        raise UserError(
            f"{origin}: the mask is {size_text(mask_shape)} pixels, its image {size_text(image_shape)}; "
            "they must have the same size"
        )
    if mask_spacing and image_spacing and not np.allclose(mask_spacing, image_spacing, rtol=1e-3):
        raise UserError(f"{origin}: the mask's spacing {mask_spacing} differs from its image's {image_spacing}")
