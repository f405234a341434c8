"""Cone-beam projection of implicit solids: path lengths and exact silhouettes.

View frame: u right, v up, w along the ray (mm), origin at the isocentre. The source lies on the w axis at
-`source_distance`; image coordinates are scaled to the isocentre plane, so magnification depends on depth.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seggrid.phantom.contact import Vector
from seggrid.phantom.shapes import Field
from seggrid.phantom.solid import Solid

#: Elements in a block of the working arrays; blocks that stay in the processor's cache are twice as fast.
_BLOCK = 120_000


@dataclass(frozen=True)
class View:
    """Where the source stands and what the image covers.

    `rotation` maps view to world coordinates, `centre` is the isocentre in the world, `spacing` is in mm at
    the isocentre, `size` in pixels.
    """

    rotation: Vector
    centre: Vector
    spacing: float
    size: int
    source_distance: float

    def to_view(self, world: Vector) -> Vector:
        """View coordinates (..., 3) of world points: u and v as seen in the isocentre plane, w as is."""
        local = (np.asarray(world) - self.centre) @ self.rotation
        scale = 1.0 + local[..., 2:] / self.source_distance
        return np.concatenate([local[..., :2] / scale, local[..., 2:]], axis=-1)

    def to_pixel(self, world: Vector) -> Vector:
        """Row and column (..., 2) of world points (..., 3); pixel centres are integers."""
        seen = self.to_view(world)
        middle = 0.5 * (self.size - 1)
        return np.stack([middle - seen[..., 1] / self.spacing, middle + seen[..., 0] / self.spacing], axis=-1)

    def to_world(self, u: Field, v: Field, w: Field) -> tuple[Field, Field, Field]:
        """World coordinates of points on the rays through (u, v) of the isocentre plane."""
        scale = 1.0 + w * float(1.0 / self.source_distance)
        pu, pv = u * scale, v * scale
        rows, centre = self.rotation.tolist(), self.centre.tolist()
        x, y, z = (pu * row[0] + pv * row[1] + (w * row[2] + offset) for row, offset in zip(rows, centre, strict=True))
        return x, y, z


@dataclass(frozen=True)
class Shadow:
    """Projection of a solid over the whole image.

    `paths` (fields, H, W) are mm of each ray inside each nested field, `depth` (H, W) is the least value of
    the outer field along the ray: negative exactly inside the silhouette.
    """

    paths: Field
    depth: Field

    @property
    def silhouette(self) -> npt.NDArray[np.bool_]:
        """Pixels whose ray meets the solid, (H, W)."""
        return self.depth < 0.0


@dataclass(frozen=True)
class _Box:
    """Nodes of the sampling grid, every `factor` pixels, that cover a solid."""

    first_row: int
    rows: int
    first_column: int
    columns: int
    factor: int
    w: Field


def cast(solid: Solid, view: View, fields: int, step: float = 1.3) -> Shadow:
    """Project a solid of `fields` nested fields.

    The fields are sampled about every `step` mm, interpolated linearly to the pixels and integrated exactly
    along the ray for the piecewise linear field; with shapes rounder than 3 mm the edge is good to 0.1 mm.
    """
    paths = np.zeros((fields, view.size, view.size), np.float32)
    depth = np.full((view.size, view.size), np.inf, np.float32)
    box = _bounding_box(solid, view, step)
    if box is None:
        return Shadow(paths, depth)
    spacing = float(box.w[1] - box.w[0])
    for start, count, nodes in _sampled_blocks(solid, view, box):
        rows = slice(box.first_row + start * box.factor, box.first_row + (start + count) * box.factor)
        columns = slice(box.first_column, box.first_column + (box.columns - 1) * box.factor)
        inside = (
            slice(rows.start, min(rows.stop, view.size)),
            slice(columns.start, min(columns.stop, view.size)),
        )
        height, width = inside[0].stop - inside[0].start, inside[1].stop - inside[1].start
        for index, node in enumerate(nodes):
            dense = _refine(_refine(node, box.factor, 1), box.factor, 2)[:, :height, :width]
            paths[index][inside] = _length_below_zero(dense, spacing)
            if index == 0:
                depth[inside] = dense.min(axis=0)
    return Shadow(paths, depth)


def _bounding_box(solid: Solid, view: View, step: float) -> _Box | None:
    seen = view.to_view(solid.corners())
    middle = 0.5 * (view.size - 1)
    columns = middle + seen[:, 0] / view.spacing
    rows = middle - seen[:, 1] / view.spacing
    factor = max(1, round(step / view.spacing))
    first_row, last_row = max(0, int(rows.min()) - 1), min(view.size - 1, int(rows.max()) + 2)
    first_column, last_column = max(0, int(columns.min()) - 1), min(view.size - 1, int(columns.max()) + 2)
    if first_row > last_row or first_column > last_column:
        return None
    low, high = float(seen[:, 2].min()), float(seen[:, 2].max())
    samples = max(2, int(np.ceil((high - low) / step)) + 1)
    return _Box(
        first_row,
        (last_row - first_row) // factor + 2,
        first_column,
        (last_column - first_column) // factor + 2,
        factor,
        np.linspace(low, high, samples, dtype=np.float32),
    )


def _sampled_blocks(solid: Solid, view: View, box: _Box) -> Iterator[tuple[int, int, list[Field]]]:
    """Yield (first node row, intervals, fields (w, intervals + 1, columns)) from top to bottom."""
    middle = 0.5 * (view.size - 1)
    u = (box.first_column + box.factor * np.arange(box.columns, dtype=np.float32) - middle) * view.spacing
    v = (middle - box.first_row - box.factor * np.arange(box.rows, dtype=np.float32)) * view.spacing
    per_row = box.w.size * box.columns * box.factor**2
    count = max(1, _BLOCK // per_row)
    last: list[Field] | None = None
    for start in range(0, box.rows - 1, count):
        stop = min(start + count + 1, box.rows)
        fresh = v[start:stop] if last is None else v[start + 1 : stop]
        world = view.to_world(u[None, None, :], fresh[None, :, None].astype(np.float32), box.w[:, None, None])
        nodes = list(solid.fields_at(*world))
        if last is not None:
            nodes = [np.concatenate([edge, node], axis=1) for edge, node in zip(last, nodes, strict=True)]
        last = [node[:, -1:] for node in nodes]
        yield start, stop - start - 1, nodes


def _refine(nodes: Field, factor: int, axis: int) -> Field:
    """Linear interpolation to `factor` samples an interval; the last node is dropped."""
    nodes = np.moveaxis(nodes, axis, 1)
    before, after = nodes[:, :-1], nodes[:, 1:]
    shape = (nodes.shape[0], before.shape[1] * factor, *nodes.shape[2:])
    dense = np.empty(shape, np.float32)
    for offset in range(factor):
        share = offset / factor
        dense[:, offset::factor] = before if offset == 0 else before * (1.0 - share) + after * share
    return np.moveaxis(dense, 1, axis)


def _length_below_zero(values: Field, spacing: float) -> Field:
    """Length along axis 0 on which the piecewise linear interpolant of `values` is negative."""
    before, after = values[:-1], values[1:]
    low = np.minimum(before, after)
    rise = np.abs(after - before)
    np.maximum(rise, 1e-6, out=rise)
    low /= rise
    np.clip(np.negative(low, out=low), 0.0, 1.0, out=low)
    return np.asarray(low.sum(axis=0) * spacing, dtype=np.float32)
