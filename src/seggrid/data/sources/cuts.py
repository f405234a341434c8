"""Volumes cut into cases: blocks (``data.subvolumes``) or slices (``data.slices``)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from seggrid.config.data import FolderData, NnunetData, SubVolumes
from seggrid.data.sources.base import Case, Listing, RawCase, Source, no_such_case
from seggrid.errors import UserError

_AXES = "zyx"


class VolumeSource(Source, Protocol):
    """A source that knows the size of a volume without reading it."""

    def shape(self, case: Case) -> tuple[int, ...]:
        """Return the size of an image from its header.

        Raises:
            UserError: the file is damaged, or holds an image of two axes.
        """


@dataclass(frozen=True)
class _Part:
    """What a case is cut from, and where; an index along an axis takes it away."""

    volume: Case
    where: tuple[slice | int, ...]


class CutSource:
    """The parts of the volumes of another source.

    The group of a part is that of its volume, so that no patient stands on two sides of a split. Where all volumes are
    of one patient, each block is a group of its own.
    """

    def __init__(self, inner: VolumeSource, data: FolderData | NnunetData) -> None:
        self._inner, self._blocks, self._axis, self._exclude = inner, data.subvolumes, data.slices, data.exclude
        self._parts: dict[str, _Part] = {}
        self._last: tuple[Case, RawCase] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Another process reads the volumes that it needs itself.
        return {**self.__dict__, "_last": None}

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the objects 1 to K."""
        return self._inner.class_names

    def list_cases(self) -> Listing:
        """Name the parts of every volume, from its header.

        A name in ``data.exclude`` is that of a volume where there is one, else that of a part.
        """
        listing = self._inner.list_cases()
        # What the other source does not know may be the names of parts.
        unknown = {no_such_case(name): name for name in self._exclude if no_such_case(name) in listing.problems}
        problems = [*listing.problems]
        patients = {volume.group for volume in listing.cases}
        alone = len(patients) == 1 and self._blocks is not None
        if alone and self._blocks and self._blocks.overlap:
            problems.append(
                "data.subvolumes.stride: blocks of a single patient are groups of their own, and must not overlap; "
                "leave the stride out"
            )
        cases = []
        for volume in listing.cases:
            try:
                parts = dict(self._cut(volume, self._inner.shape(volume)))
            except UserError as error:
                problems += error.problems
                continue
            self._parts |= parts
            kept = (name for name in parts if no_such_case(name) not in unknown)
            cases += [Case(name, name if alone else volume.group, volume.group) for name in kept]
        told = [text for text in problems if unknown.get(text) not in self._parts]
        return Listing(tuple(cases), tuple(told), listing.incomplete)

    def _cut(self, volume: Case, shape: tuple[int, ...]) -> Iterator[tuple[str, _Part]]:
        if self._axis is not None:
            digits = len(str(shape[self._axis] - 1))
            for number in range(shape[self._axis]):
                where = tuple(number if axis == self._axis else slice(None) for axis in range(len(shape)))
                yield f"{volume.case}_{_AXES[self._axis]}{number:0{digits}d}", _Part(volume, where)
            return
        edges = [_edges(volume.case, self._blocks, axis, side) for axis, side in enumerate(shape)]
        digits_of = [len(str(len(along) - 1)) for along in edges]
        for numbers in itertools.product(*(range(len(along)) for along in edges)):
            places = (f"{_AXES[axis]}{number:0{digits_of[axis]}d}" for axis, number in enumerate(numbers))
            where = tuple(slice(*along[number]) for along, number in zip(edges, numbers, strict=True))
            yield f"{volume.case}_{''.join(places)}", _Part(volume, where)

    def load(self, case: Case) -> RawCase:
        """Read one part; the volume stays in memory for the next part of it.

        Raises:
            UserError: as of the other source.
        """
        part = self._parts[case.case]
        if self._last is None or self._last[0] != part.volume:
            self._last = None  # two of them need not fit into memory
            self._last = part.volume, self._inner.load(part.volume)
        whole = self._last[1]
        spacing = None
        if whole.spacing is not None:
            kept = zip(whole.spacing, part.where, strict=True)
            spacing = tuple(side for side, where in kept if isinstance(where, slice))
        blocks = tuple(where for where in part.where if isinstance(where, slice) and where.stop is not None)
        grid = whole.grid.part(blocks) if whole.grid and len(blocks) == len(part.where) else None
        # Copies, so that they do not hold on to the volume.
        image, labels = np.array(whole.image[(slice(None), *part.where)]), np.array(whole.labels[part.where])
        return RawCase(case.case, case.group, image, labels, spacing, part=True, grid=grid)


def _edges(name: str, blocks: SubVolumes | None, axis: int, side: int) -> Sequence[tuple[int, int]]:
    """Where the blocks of an axis begin and end."""
    if blocks is None:
        return [(0, side)]
    if blocks.grid:
        number = blocks.grid[axis]
        if side < number:
            raise UserError(
                f"{name}: {side} voxels along axis {axis} are too few for {number} blocks; correct data.subvolumes.grid"
            )
        return [(side * block // number, side * (block + 1) // number) for block in range(number)]
    size, stride = (sides[axis] for sides in (blocks.size, blocks.stride or blocks.size) if sides)
    starts = list(range(0, max(side - size, 0) + 1, stride))
    edges = [(start, start + size) for start in starts]
    rest = side - edges[-1][1]
    if 2 * rest >= size:
        edges.append((starts[-1] + stride, side))
    else:
        edges[-1] = (starts[-1], side)
    return edges
