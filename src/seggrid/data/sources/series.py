"""DICOM series: the files of the slices of one volume, put together by their positions.

Sentences in errors name neither a file nor anything that stands in it, as in ``dicom``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seggrid.data.sources.dicom import Header, damage, library, pseudonym, read_header
from seggrid.data.sources.dicom_pixels import Where, darken, read_pixels
from seggrid.data.sources.grids import Grid
from seggrid.errors import UserError

_PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "FrameOfReferenceUID")
#: Distances between slices may differ by this share of them, or by this many mm where that is more.
_UNEVEN, _UNEVEN_MM = 0.02, 0.01


@dataclass(frozen=True)
class Slice:
    """The header of one slice.

    Attributes:
        position: mm of the first pixel, towards left, posterior and superior.
        orientation: direction along a row, then along a column.
        spacing: mm from row to row, and from column to column.
        frame: identifier of the frame of reference.
    """

    path: Path
    header: Header
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    frame: str

    @property
    def normal(self) -> npt.NDArray[np.float64]:
        """Direction across the slice."""
        return np.cross(self.orientation[:3], self.orientation[3:])

    @property
    def height(self) -> float:
        """Where it lies along the normal, in mm."""
        return float(self.normal @ np.array(self.position))


@dataclass(frozen=True)
class Series:
    """A volume: its slices in order along their normal."""

    slices: tuple[Slice, ...]

    @property
    def header(self) -> Header:
        """That of the first slice, for what all have in common."""
        return self.slices[0].header

    @property
    def pseudonym(self) -> str:
        """A name that follows from the identifier of the series, and from which that cannot be had."""
        return series_pseudonym(self.header)

    @property
    def step(self) -> npt.NDArray[np.float64]:
        """From one slice to the next, in mm; of a single slice a step of 1 mm, for its thickness is not asked."""
        first, last = (np.array(self.slices[end].position) for end in (0, -1))
        step: npt.NDArray[np.float64] = (
            (last - first) / (len(self.slices) - 1) if len(self.slices) > 1 else self.slices[0].normal
        )
        return step

    @cached_property
    def grid(self) -> Grid:
        """The grid, in axes (column, row, slice) of the files."""
        first = self.slices[0]
        rows, columns = first.header.shape
        affine = np.eye(4)
        affine[:3, 0] = np.array(first.orientation[:3]) * first.spacing[1]
        affine[:3, 1] = np.array(first.orientation[3:]) * first.spacing[0]
        affine[:3, 2], affine[:3, 3] = self.step, first.position
        return Grid.from_lps((columns, rows, len(self.slices)), affine)

    def to_canonical(self, stack: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Turn a stack ``(slice of the series, row, column)`` into the canonical axes."""
        return self.grid.to_canonical(stack.transpose())

    def from_canonical(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Turn a canonical array into a stack ``(slice of the series, row, column)``."""
        return self.grid.from_canonical(array).transpose()

    def read(self, voi: bool = False) -> tuple[npt.NDArray[Any], tuple[float, ...]]:
        """Return the volume ``(1, slice, row, column)`` in canonical axes, and its spacing in mm.

        Values are those of ``read_pixels``, slice by slice; padding is as dark as the darkest voxel that is none.

        Args:
            voi: see there.

        Raises:
            UserError: a slice cannot be read, or is coloured.
        """
        stack: npt.NDArray[Any] | None = None
        padding: Where | None = None
        for number, part in enumerate(self.slices):
            try:
                pixels = read_pixels(part.path, voi=voi)
            except UserError as error:
                raise UserError(f"slice {number + 1} of {len(self.slices)}: {error}") from None
            if len(pixels.values) > 1:
                raise UserError(f"slice {number + 1} of {len(self.slices)} is coloured; save it as grey values")
            plane = pixels.values[0]
            if stack is None:
                stack = np.empty((len(self.slices), *plane.shape), plane.dtype)
            if plane.dtype != stack.dtype:
                # Scaled slices among others that are not.
                stack = stack.astype(np.float32, copy=False)
            stack[number] = plane
            if pixels.padding is not None:
                padding = np.zeros(stack.shape, np.bool_) if padding is None else padding
                padding[number] = pixels.padding
        if stack is None:
            raise UserError("a series without slices")
        return np.ascontiguousarray(self.to_canonical(darken(stack[None], padding)[0]))[None], self.grid.spacing


def series_pseudonym(header: Header) -> str:
    """Return the name of the series that an image belongs to."""
    return pseudonym("dcm", f"series {header.series}".encode())


def read_slice(path: Path) -> Slice:
    """Read the header of a slice.

    Raises:
        UserError: it cannot be read, or does not say where it lies.
        NotAnImageError: it holds no image.
    """
    header = read_header(path)
    if header.frames > 1:
        raise UserError("several frames in a file of a series; save it as one file a slice")
    with damage():
        found = library().dcmread(path, stop_before_pixels=True, specific_tags=list(_PLACE))
        values = [tuple(map(float, found.get(name) or ())) for name in _PLACE[:3]]
        if [len(value) for value in values] != [3, 6, 2] or not np.isfinite(sum(values, ())).all():
            raise UserError("does not say where its slice lies (position, orientation, spacing); take it out")
        position, orientation, spacing = values
        return Slice(path, header, position, orientation, spacing, str(found.get("FrameOfReferenceUID") or ""))


def arrange(slices: Sequence[Slice]) -> Series:
    """Order the slices of one series along their normal.

    Raises:
        UserError: they are of several series, or differ in size or direction, or one is missing, there twice, or
            shifted sideways.
    """
    count = len({part.header.series for part in slices})
    if count > 1:
        raise UserError(f"{count} series in one folder; put each into a folder of its own")
    ordered = sorted(slices, key=lambda part: (part.height, part.header.instance))
    first = ordered[0]
    odd = [part for part in ordered if not _alike(first, part)]
    if odd:
        fewer = min(len(odd), len(ordered) - len(odd))
        raise UserError(
            f"{fewer} of {len(ordered)} slices differ from the others in size, spacing or direction (a scout view?); "
            "take them out"
        )
    series = Series(tuple(ordered))
    _require_even(series)
    return series


def _alike(first: Slice, other: Slice) -> bool:
    same_direction = np.allclose(first.orientation, other.orientation, atol=1e-3)
    same_spacing = np.allclose(first.spacing, other.spacing, rtol=1e-3)
    return first.header.shape == other.header.shape and same_direction and same_spacing


def _require_even(series: Series) -> None:
    """Check that the slices follow each other at one distance, and are not shifted sideways.

    Raises:
        UserError: they do not, or are not; says after which slice.
    """
    positions = np.array([part.position for part in series.slices])
    steps = np.diff(positions, axis=0)
    if not len(steps):
        return
    heights = steps @ series.slices[0].normal
    usual = float(np.median(heights))
    twice = np.flatnonzero(heights < _UNEVEN_MM)
    if len(twice):
        raise UserError(f"slices {twice[0] + 1} and {twice[0] + 2} lie at one place; keep one of them")
    uneven = np.flatnonzero(np.abs(heights - usual) > max(_UNEVEN * usual, _UNEVEN_MM))
    if len(uneven):
        where = int(uneven[0])
        raise UserError(
            f"{heights[where]:.4g} mm lie between slices {where + 1} and {where + 2} in their order along the axis, "
            f"{usual:.4g} mm between most others: slices are missing or uneven; complete or resample the series"
        )
    sideways = np.linalg.norm(steps - heights[:, None] * series.slices[0].normal, axis=1)
    if (sideways > max(_UNEVEN * usual, _UNEVEN_MM)).any():
        raise UserError(
            f"each slice is shifted sideways against the next, by up to {sideways.max():.3g} mm (a tilted gantry?); "
            "resample the series to upright slices"
        )
