"""The raw layout of nnU-Net version 2: ``dataset.json``, ``imagesTr``, ``labelsTr``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from seggrid.config.data import NnunetData, nnunet_classes
from seggrid.data.sources.base import Case, Listing, RawCase, complete, group_cases
from seggrid.data.sources.files import read_image, read_mask
from seggrid.data.sources.folder import grid_of, require_same_grid, require_same_place, volume_shape
from seggrid.data.sources.labels import LabelMap
from seggrid.errors import UserError, try_all
from seggrid.manifest import holds_volumes, raw_files
from seggrid.records import read_json


class NnunetSource:
    """Images ``CASE_0000.nii.gz``, one file a channel, with masks ``CASE.nii.gz``.

    Raises:
        UserError: ``dataset.json`` is missing, damaged or incomplete.
    """

    def __init__(self, data: NnunetData) -> None:
        self._data = data
        header = _read_header(data.path / "dataset.json")
        self._ending: str = header["file_ending"]
        self._channels = len(header["channel_names"])
        try:
            classes = data.classes or nnunet_classes(header.get("labels"))
        except ValueError as error:
            raise UserError(f"{data.path / 'dataset.json'}: {error}") from None
        self._labels = LabelMap(classes, data.ignore)
        self._files = raw_files(data)
        self._flat_slice = not holds_volumes(data, self._files)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the objects 1 to K."""
        return self._labels.names

    def list_cases(self) -> Listing:
        """Find the cases; a missing mask or channel, or an extra file, is a problem."""
        images: dict[str, set[str]] = {}
        masks: set[str] = set()
        problems = []
        for file in self._files:
            part, name = file.parts[0], file.name.removesuffix(self._ending)
            if part not in ("imagesTr", "labelsTr"):
                continue
            case, _, channel = name.rpartition("_")
            if not file.name.endswith(self._ending) or len(file.parts) > 2:
                problems.append(f"{self._data.path / file}: not a {self._ending} file of {part}; take it out")
            elif part == "labelsTr":
                masks.add(name)
            elif case and len(channel) == 4 and channel.isdecimal():
                images.setdefault(case, set()).add(channel)
            else:
                problems.append(f"{self._data.path / file}: should be called CASE_0000{self._ending}")
        problems += self._incomplete(images, masks)
        listing = group_cases(self._data, images.keys() | masks)
        expected = set(self._channel_numbers())
        return complete(listing, {case for case in masks if images.get(case) == expected}, problems)

    def _incomplete(self, images: dict[str, set[str]], masks: set[str]) -> list[str]:
        expected = set(self._channel_numbers())
        excluded = set(self._data.exclude)
        problems = [f"{self._mask(case)}: no image of this name" for case in sorted(masks - images.keys() - excluded)]
        for case in sorted(images.keys() - excluded):
            if case not in masks:
                problems.append(f"{self._mask(case)}: missing")
            problems += [f"{self._image(case, number)}: missing" for number in sorted(expected - images[case])]
            problems += [
                f"{self._image(case, number)}: dataset.json names {self._channels} channels, this is a further one"
                for number in sorted(images[case] - expected)
            ]
        return problems

    def _channel_numbers(self) -> list[str]:
        return [f"{number:04d}" for number in range(self._channels)]

    def _image(self, case: str, channel: str) -> Path:
        return self._data.path / "imagesTr" / f"{case}_{channel}{self._ending}"

    def _mask(self, case: str) -> Path:
        return self._data.path / "labelsTr" / f"{case}{self._ending}"

    def load(self, case: Case) -> RawCase:
        """Read all channels and the mask.

        Raises:
            UserError: a file is damaged, grids differ, or the mask has an undeclared value.
        """
        path = self._mask(case.case)
        images = [self._image(case.case, number) for number in self._channel_numbers()]
        read = [partial(read_mask, path, self._flat_slice), *(partial(read_image, i, self._flat_slice) for i in images)]
        (mask, mask_spacing), *channels = try_all(read)
        for file, (image, spacing) in zip(images, channels, strict=True):
            require_same_grid(path, mask.shape, mask_spacing, image.shape[1:], spacing)
            require_same_place(path, file, mask.ndim)
        labels = self._labels.apply(mask, path)
        pixels = np.concatenate([image for image, _ in channels])
        spacing, grid = channels[-1][1] or self._data.spacing, grid_of(images[0], mask.ndim)
        return RawCase(case.case, case.group, pixels, labels, spacing, grid=grid)

    def shape(self, case: Case) -> tuple[int, ...]:
        """Return the size of an image from its header.

        Raises:
            UserError: the file is damaged, or holds an image of two axes.
        """
        return volume_shape(self._image(case.case, "0000"))


def _read_header(path: Path) -> dict[str, Any]:
    header = read_json(path)
    for key in ("channel_names", "file_ending"):
        if not isinstance(header, dict) or not header.get(key):
            raise UserError(f"{path}: no {key}; it should be the dataset.json of nnU-Net version 2")
    return header
