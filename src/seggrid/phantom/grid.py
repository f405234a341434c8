"""Volumes of solids: voxel centres, labels at the centres, and Hounsfield units with partial volume."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seggrid.phantom.contact import Vector
from seggrid.phantom.shapes import Field
from seggrid.phantom.solid import Solid

AIR_HU = -1000.0


@dataclass(frozen=True)
class PhantomVolume:
    """A CT-like volume with its labels.

    `hu` int16 and `labels` uint8, both (Z, Y, X): Z from distal to proximal along the femur, Y from anterior
    to posterior, X across the joint; labels as in `PHANTOM_CLASSES`. `spacing` in mm per axis.
    """

    hu: npt.NDArray[np.int16]
    labels: npt.NDArray[np.uint8]
    spacing: tuple[float, float, float]


@dataclass(frozen=True)
class Grid:
    """Voxel centres along the world's x, y and z, each ascending; `spacing` in mm is that of the finest axis."""

    x: Field
    y: Field
    z: Field
    spacing: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the volume, (Z, Y, X) in the sense of CT."""
        return self.y.size, self.x.size, self.z.size

    def around_solid(self, solid: Solid) -> tuple[tuple[slice, slice, slice], tuple[Field, Field, Field]]:
        """The part of the volume that a solid's bounding box covers, and its world coordinates."""
        corners = solid.corners()
        spans = []
        for axis, values in zip((self.x, self.y, self.z), corners.T, strict=True):
            first = int(np.searchsorted(axis, values.min() - self.spacing))
            last = int(np.searchsorted(axis, values.max() + self.spacing))
            spans.append(slice(first, last))
        x, y, z = (axis[span] for axis, span in zip((self.x, self.y, self.z), spans, strict=True))
        # Anterior comes first along the second axis of a CT volume.
        depth = slice(self.x.size - spans[0].stop, self.x.size - spans[0].start)
        return (spans[1], depth, spans[2]), (x[None, ::-1, None], y[:, None, None], z[None, None, :])


def centred(shape: tuple[int, int, int], spacing: tuple[float, float, float], middle: Vector) -> tuple[Grid, Grid]:
    """A fine grid of about cubic voxels around a point of the world, and that of a volume (Z, Y, X).

    The fine one has a whole number of centres in each voxel, so that the mean over them is what a thick slice shows.
    """
    finest = min(spacing)
    parts = tuple(max(1, round(step / finest)) for step in spacing)

    def grid(counts: tuple[int, ...]) -> Grid:
        axes = []
        # The world's y is the volume's first axis, x its second.
        for world, axis in ((0, 1), (1, 0), (2, 2)):
            total = shape[axis] * counts[axis]
            index = np.arange(total) - 0.5 * (total - 1)
            axes.append((middle[world] + index * (spacing[axis] / counts[axis])).astype(np.float32))
        x, y, z = axes
        return Grid(x, y, z, finest)

    return grid(parts), grid((1, 1, 1))


def averaged(hu: Field, shape: tuple[int, int, int]) -> Field:
    """Mean over the parts of each voxel of a volume of `shape`."""
    depth, rows, columns = shape
    parts = [whole // side for whole, side in zip(hu.shape, shape, strict=True)]
    blocks = hu.reshape(depth, parts[0], rows, parts[1], columns, parts[2])
    return np.asarray(blocks.mean(axis=(1, 3, 5)), np.float32)


def painted(parts: dict[str, Solid], order: Iterable[tuple[str, int]], grid: Grid) -> npt.NDArray[np.uint8]:
    """Labels (Z, Y, X): the value of each solid that holds the voxel's centre, the last one on top."""
    labels = np.zeros(grid.shape, np.uint8)
    for name, value in order:
        region, world = grid.around_solid(parts[name])
        labels[region][parts[name].fields_at(*world)[0] < 0.0] = value
    return labels


def blend(hu: Field, field: Field, value: Field | np.float32, spacing: float) -> None:
    """Blend `value` into `hu` by the share of each voxel that lies inside."""
    share = np.clip(0.5 - field / spacing, 0.0, 1.0)
    hu += share * (value - hu)


def stored(hu: Field, labels: npt.NDArray[np.uint8], spacing: tuple[float, float, float], left: bool) -> PhantomVolume:
    """Round to whole units within the range of CT, and mirror a left one."""
    rounded = np.clip(np.rint(hu), -1024, 3071).astype(np.int16)
    if left:
        rounded, labels = rounded[:, :, ::-1], labels[:, :, ::-1]
    return PhantomVolume(np.ascontiguousarray(rounded), np.ascontiguousarray(labels), spacing)
