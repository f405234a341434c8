"""Where the voxels of a volume lie, and the one order of axes that all volumes are brought to.

The axes of an array are (slice, row, column): they run towards superior (head), posterior (back) and left, so an axial
slice is looked at as DICOM viewers show it, and slices are counted from the feet. An oblique volume is not resampled:
each of its axes goes to the nearest of these three.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from seggrid.errors import UserError

Array = npt.NDArray[Any]
#: What the axes of an array run towards.
_CANONICAL = "SPL"
#: Share of the smallest side of a voxel by which the corners of two grids may differ.
_TOLERANCE = 0.1


@dataclass(frozen=True)
class Grid:
    """The grid of a file.

    Attributes:
        shape: voxels along the axes of the file, the one that varies fastest first.
        affine: ``(4, 4)``, from the indices along these axes to mm towards right, anterior and superior (as NIfTI has
            it), the centre of the first voxel at its last column.
    """

    shape: tuple[int, ...]
    affine: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        sides, lengths = self.affine[:3, :3], _lengths(self.affine[:3, :3])
        flat = not lengths.all() or abs(np.linalg.det(sides / np.where(lengths, lengths, 1))) < 1e-6
        if flat or not np.isfinite(self.affine).all():
            raise UserError("its axes have no length or lie in one plane; correct spacing and directions in its header")

    @classmethod
    def from_lps(cls, shape: tuple[int, ...], affine: npt.NDArray[np.float64]) -> Grid:
        """The grid of a file whose mm are towards left, posterior and superior, as ITK and DICOM have it."""
        return cls(shape, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)

    @classmethod
    def canonical(cls, shape: tuple[int, ...], spacing: tuple[float, ...]) -> Grid:
        """The grid of a canonical array of which nothing but its spacing in mm is known; its first voxel is at 0.

        As a file it counts columns first, then rows, then slices.
        """
        return cls.from_lps(shape[::-1], np.diag([*spacing[::-1], 1.0]))

    @classmethod
    def of_canonical(cls, shape: tuple[int, ...], affine: npt.NDArray[np.float64]) -> Grid:
        """The grid of a file by its affine and the shape that its array has in canonical axes."""
        return cls(tuple(shape[int(axis)] for axis in cls(shape, affine)._turn[:, 0]), affine)

    def part(self, where: tuple[slice, ...]) -> Grid:
        """The grid of a block, which is cut out along canonical axes; its slices have a start and a stop."""
        from nibabel.orientations import inv_ornt_aff

        start = np.eye(4)
        start[:3, 3] = [along.start for along in where]
        sides = tuple(along.stop - along.start for along in where)
        shape = tuple(sides[int(axis)] for axis in self._turn[:, 0])
        affine: npt.NDArray[np.float64] = self._canonical @ start @ np.linalg.inv(inv_ornt_aff(self._turn, shape))
        return Grid(shape, affine)

    @cached_property
    def _turn(self) -> Array:
        from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

        turn: Array = ornt_transform(io_orientation(self.affine), axcodes2ornt(_CANONICAL))
        return turn

    @property
    def spacing(self) -> tuple[float, ...]:
        """Spacing in mm of the canonical axes."""
        # In single precision, so that files of different types give the same numbers.
        return tuple(float(np.float32(side)) for side in _lengths(self._canonical[:3, :3]))

    @property
    def canonical_shape(self) -> tuple[int, ...]:
        """Voxels along the canonical axes."""
        return tuple(self.shape[int(axis)] for axis in np.argsort(self._turn[:, 0]))

    @property
    def _canonical(self) -> npt.NDArray[np.float64]:
        """From canonical indices to mm."""
        from nibabel.orientations import inv_ornt_aff

        affine: npt.NDArray[np.float64] = self.affine @ inv_ornt_aff(self._turn, self.shape)
        return affine

    def to_canonical(self, array: Array) -> Array:
        """Turn an array in the axes of the file into the canonical ones."""
        from nibabel.orientations import apply_orientation

        turned: Array = apply_orientation(array, self._turn)
        return turned

    def from_canonical(self, array: Array) -> Array:
        """Turn a canonical array into the axes of the file."""
        from nibabel.orientations import apply_orientation

        back = np.empty_like(self._turn)
        for axis, (other, flip) in enumerate(self._turn):
            back[int(other)] = axis, flip
        turned: Array = apply_orientation(array, back)
        return turned

    def distance(self, other: Grid) -> float:
        """How far the corners of two grids of one canonical shape lie apart at most, in mm."""
        corners = np.stack(np.meshgrid(*((0, side - 1) for side in self.canonical_shape), [1.0]), -1).reshape(-1, 4)
        apart = corners @ (self._canonical - other._canonical).T
        return float(np.linalg.norm(apart[:, :3], axis=1).max())

    def same_axes(self, other: Grid) -> bool:
        """Whether the axes of two files run the same ways."""
        return bool(np.array_equal(self._turn, other._turn))

    def same_place(self, other: Grid) -> bool:
        """Whether two grids of one canonical shape are the same, however their files are turned."""
        return self.distance(other) <= _TOLERANCE * min(self.spacing)


def _lengths(sides: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lengths: npt.NDArray[np.float64] = np.sqrt((sides**2).sum(axis=0))
    return lengths
