"""Axis of a long bone's shaft, from the bone's mask on a radiograph that cuts it off.

Sections across the bone have a middle and a width. Beyond the bone's end, where it has become narrow, the middles lie
on the axis. Sections that the image's frame or a collimator cuts off are left out, for their middle is not the bone's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]

#: Sections of the shaft are so wide, in shares of the widest section of the bone; what is thinner is the tip that a
#: slanting collimator leaves.
_THIN, _NARROW = 0.33, 0.85
#: Nor are they wider than this multiple of the narrowest tenth.
_EVEN = 1.15
#: Sections whose edge runs this steeply against the axis are cut off by a collimator.
_STEEP = 0.4
#: Shortest shaft that gives an axis, in widths of the shaft.
SHORTEST = 0.4
#: Directions from which the search starts, in degrees from the longest extent of the mask.
_STARTS = (0.0, -40.0, 40.0, -80.0, 80.0)
_ROUNDS = 12


@dataclass(frozen=True)
class Shaft:
    """A shaft's axis.

    Attributes:
        start, end: on the axis, at the end near the joint and at the far one, in the unit of the points.
        width: median width of the sections between them.
    """

    start: Points
    end: Points
    width: float

    @property
    def length(self) -> float:
        """How much of the shaft is seen."""
        return float(np.linalg.norm(self.end - self.start))

    @property
    def direction(self) -> Points:
        """Unit vector away from the joint."""
        return np.asarray((self.end - self.start) / self.length)


@dataclass(frozen=True)
class _Sections:
    """Sections across a direction, from near to far: place along it, edges, and whether they are whole."""

    at: Points
    low: Points
    high: Points
    whole: npt.NDArray[np.bool_]

    @property
    def width(self) -> Points:
        return self.high - self.low


def find_shaft(border: Points, on_frame: npt.NDArray[np.bool_], joint: Points, step: float) -> Shaft | None:
    """Find the shaft of a bone.

    A bone of which little is seen is as long across as it is along: unless the first start finds a shaft as long as it
    is wide, others are tried, and the longest is taken.

    Args:
        border: points on the border of the bone's mask, shape ``(n, 2)``.
        on_frame: which of them lie on the frame of the image.
        joint: a point on the joint's side of the bone.
        step: distance of the sections, at least 1.5 pixels, so that each holds both edges.

    Returns:
        ``None`` where less of the shaft is seen than 0.4 of its width.
    """
    longest = _longest_extent(border, joint)
    best = None
    for degrees in _STARTS:
        found = _settle(border, on_frame, _turned(longest, degrees), step)
        if found is None or found.direction @ longest <= 0:
            continue
        if best is None or found.length / found.width > best.length / best.width:
            best = found
        if best.length >= best.width:
            break  # nothing but a shaft is that long and even
    return best if best is not None and best.length >= SHORTEST * best.width else None


def _settle(border: Points, on_frame: npt.NDArray[np.bool_], direction: Points, step: float) -> Shaft | None:
    """Cut sections across the axis, fit the axis to their middles, and again, until it no longer turns."""
    found = None
    for _ in range(_ROUNDS):
        found = _fit(border, on_frame, direction, step)
        if found is None or float(found.direction @ direction) > np.cos(np.deg2rad(0.05)):
            return found
        direction = found.direction
    return found


def _longest_extent(points: Points, joint: Points) -> Points:
    """Direction of the longest extent, pointing away from the joint."""
    centred = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    longest = vectors[:, -1]
    return np.asarray(longest if longest @ (points.mean(axis=0) - joint) > 0 else -longest)


def _turned(direction: Points, degrees: float) -> Points:
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[cosine, -sine], [sine, cosine]]) @ direction


def _fit(points: Points, on_frame: npt.NDArray[np.bool_], direction: Points, step: float) -> Shaft | None:
    across = np.array([-direction[1], direction[0]])
    sections = _cut(points, on_frame, direction, across, step)
    chosen = _shaft_of(sections, step)
    if chosen.sum() < 3:
        return None
    at, middle = sections.at[chosen], 0.5 * (sections.low + sections.high)[chosen]
    slope, offset = _line(at, middle)
    ends = np.array([at[0], at[-1]])
    start, end = ends[:, None] * direction + (offset + slope * ends)[:, None] * across
    return Shaft(start, end, float(np.median(sections.width[chosen])))


def _cut(points: Points, on_frame: npt.NDArray[np.bool_], direction: Points, across: Points, step: float) -> _Sections:
    along, beside = points @ direction, points @ across
    number = np.floor((along - along.min()) / step).astype(np.int64)
    count = int(number.max()) + 1
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, number, beside)
    np.maximum.at(high, number, beside)
    framed = np.bincount(number, on_frame, count) > 0
    filled = np.isfinite(low)
    at = along.min() + (np.arange(count) + 0.5) * step
    return _Sections(at[filled], low[filled], high[filled], ~framed[filled])


def _shaft_of(sections: _Sections, step: float) -> npt.NDArray[np.bool_]:
    """Which sections are of the shaft and whole."""
    width = sections.width
    if len(width) < 8:
        return np.zeros(len(width), np.bool_)
    slopes = [np.abs(_smooth_slope(edge, step)) for edge in (sections.low, sections.high)]
    whole = sections.whole & (np.maximum(*slopes) < _STEEP)
    beyond = np.arange(len(width)) > int(width.argmax())
    candidates = whole & beyond & (width < _NARROW * width.max()) & (width > _THIN * width.max())
    if not candidates.any():
        return candidates
    narrowest = float(np.percentile(width[candidates], 10))
    candidates &= width < _EVEN * narrowest
    return candidates


def _smooth_slope(edge: Points, step: float) -> Points:
    """Slope of an edge over a few sections."""
    reach = 2
    padded = np.pad(edge, reach, mode="edge")
    span = np.minimum(np.arange(len(edge)) + reach, len(edge) - 1) - np.maximum(np.arange(len(edge)) - reach, 0)
    return np.asarray((padded[2 * reach :] - padded[: -2 * reach]) / (span * step))


def _line(at: Points, middle: Points) -> tuple[float, float]:
    """Slope and offset by least squares, outliers weighted down (Huber 1964, at 1.5 median deviations)."""
    weight = np.ones_like(at)
    slope = offset = 0.0
    for _ in range(5):
        mean_at, mean = np.average(at, weights=weight), np.average(middle, weights=weight)
        spread = float(weight @ (at - mean_at) ** 2)
        slope = float(weight @ ((at - mean_at) * (middle - mean))) / spread
        offset = float(mean - slope * mean_at)
        residual = np.abs(middle - offset - slope * at)
        weight = np.minimum(1.0, 1.5 * max(float(np.median(residual)), 1e-9) / np.maximum(residual, 1e-12))
    return slope, offset
