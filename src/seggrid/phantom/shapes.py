"""Implicit solids: fields that are negative inside, about a signed distance in mm near the surface.

All take broadcastable float32 coordinates in mm. The smooth operators are the quadratic polynomial minimum
of Quilez, "Smooth minimum" (iquilezles.org/articles/smin), which only differ from min and max within `blend`.
"""

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]


def smooth_union(a: Field, b: Field, blend: float) -> Field:
    """Union of two solids whose crease is filled over `blend` mm."""
    overlap = np.maximum(blend - np.abs(a - b), 0.0)
    overlap *= overlap
    overlap *= 0.25 / blend
    return np.asarray(np.minimum(a, b) - overlap, dtype=np.float32)


def smooth_intersection(a: Field, b: Field, blend: float) -> Field:
    """Intersection of two solids whose edge is rounded over `blend` mm."""
    return -smooth_union(-a, -b, blend)


def smooth_difference(a: Field, b: Field, blend: float) -> Field:
    """Solid `a` without solid `b`, with the edge rounded over `blend` mm."""
    return -smooth_union(-a, b, blend)


def ellipsoid(
    x: Field, y: Field, z: Field, centre: tuple[float, float, float], radii: tuple[float, float, float]
) -> Field:
    """Ellipsoid, to first order a distance near its surface."""
    qx, qy, qz = ((p - c) * (1.0 / r) for p, c, r in zip((x, y, z), centre, radii, strict=True))
    return _first_order(qx, qy, qz, radii)


def _first_order(qx: Field, qy: Field, qz: Field, radii: tuple[float, float, float]) -> Field:
    length = np.sqrt(qx * qx + qy * qy + qz * qz)
    gradient = np.sqrt((qx / radii[0]) ** 2 + (qy / radii[1]) ** 2 + (qz / radii[2]) ** 2)
    return np.asarray(length * (length - 1.0) / np.maximum(gradient, 1e-6), dtype=np.float32)


def elliptic_column(dx: Field, dz: Field, radius_x: Field, radius_z: Field) -> Field:
    """Column of elliptic section, given offsets from its axis and radii that may vary along it."""
    qx = dx / radius_x
    qz = dz / radius_z
    length = np.sqrt(qx * qx + qz * qz)
    qx /= radius_x
    qz /= radius_z
    gradient = np.sqrt(qx * qx + qz * qz)
    return np.asarray(length * (length - 1.0) / np.maximum(gradient, 1e-6), dtype=np.float32)


def capsule(
    x: Field,
    y: Field,
    z: Field,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radii: tuple[float, float],
) -> Field:
    """Rod with round ends whose radius goes linearly from `radii[0]` at `start` to `radii[1]` at `end`."""
    axis = tuple(e - s for s, e in zip(start, end, strict=True))
    squared = sum(a * a for a in axis)
    px, py, pz = x - start[0], y - start[1], z - start[2]
    along = np.clip((px * axis[0] + py * axis[1] + pz * axis[2]) / squared, 0.0, 1.0)
    px = px - along * axis[0]
    py = py - along * axis[1]
    pz = pz - along * axis[2]
    distance = np.sqrt(px * px + py * py + pz * pz)
    return np.asarray(distance - (radii[0] + along * (radii[1] - radii[0])), dtype=np.float32)


def disc(x: Field, y: Field, centre: tuple[float, float], radius: float) -> Field:
    """Disc in the sagittal plane, extruded without end across it."""
    return np.asarray(np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2) - radius, dtype=np.float32)


def slab(z: Field, width: float) -> Field:
    """Slab of a width between two planes across z."""
    return np.asarray(np.abs(z) - 0.5 * width, dtype=np.float32)


def half_space(x: Field, y: Field, point: tuple[float, float], normal_degrees: float) -> Field:
    """Half of space behind a plane across the sagittal plane; the normal points out of the solid."""
    angle = np.deg2rad(normal_degrees)
    nx, ny = float(np.cos(angle)), float(np.sin(angle))
    return np.asarray((x - point[0]) * nx + (y - point[1]) * ny, dtype=np.float32)


def smooth_step(value: Field, low: float, high: float) -> Field:
    """Cubic step from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)


def ripple(
    x: Field, y: Field, z: Field, phase: tuple[float, float, float], wavelength: tuple[float, float, float]
) -> Field:
    """Product of three sines in [-1, 1], added to a solid so that no two surfaces are alike."""
    tau = 2.0 * np.pi
    sx, sy, sz = (np.sin(p * float(tau / w) + f) for p, w, f in zip((x, y, z), wavelength, phase, strict=True))
    return np.asarray(sx * sy * sz, dtype=np.float32)
