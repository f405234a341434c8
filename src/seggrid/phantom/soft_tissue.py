"""Tendons, fat and skin of the posed knee."""

import numpy as np

from seggrid.phantom import bones
from seggrid.phantom.anatomy import Anatomy, Tendon
from seggrid.phantom.pose import FEMUR, Arc, Pose
from seggrid.phantom.shapes import (
    Field,
    capsule,
    ellipsoid,
    elliptic_column,
    slab,
    smooth_intersection,
    smooth_union,
)
from seggrid.phantom.solid import Solid

_Point = tuple[float, float, float]


def patellar_tendon(shape: Tendon, arc: Arc) -> Solid:
    """Flat strap around the arc, with round ends that lie inside the bones."""
    cx, cy = arc.centre.tolist()
    mx, my = ((arc.middle - arc.centre) / arc.radius).tolist()
    sine, cosine = float(np.sin(arc.half_angle)), float(np.cos(arc.half_angle))

    def fields(x: Field, y: Field, z: Field) -> tuple[Field, ...]:
        px, py = x - cx, y - cy
        across, along = np.abs(px * my - py * mx), px * mx + py * my
        to_end = np.hypot(across - sine * arc.radius, along - cosine * arc.radius)
        to_circle = np.abs(np.hypot(across, along) - arc.radius)
        distance = np.where(cosine * across > sine * along, to_end, to_circle) - 0.5 * shape.thickness
        return (np.maximum(distance, slab(z, shape.width)).astype(np.float32),)

    points = np.stack([arc.start, arc.end, arc.middle])
    low = (points.min(axis=0) - shape.thickness).tolist()
    high = (points.max(axis=0) + shape.thickness).tolist()
    half = 0.5 * shape.width + 1.0
    return Solid(fields, FEMUR, (low[0], low[1], -half), (high[0], high[1], half))


def quadriceps_tendon(anatomy: Anatomy, pose: Pose) -> Solid:
    """Quadriceps tendon, from the base of the patella up along the femur: in the image, but not a class."""
    base = pose.patella.to_world(bones.base_point(anatomy.patella))
    start = (float(base[0]), float(base[1]), 0.0)
    end = (anatomy.femur.shaft_offset + anatomy.femur.shaft_radius + 9.0, 120.0, 0.0)

    def fields(x: Field, y: Field, z: Field) -> tuple[Field, ...]:
        return (capsule(x, y, z * 0.25, start, end, (3.2, 3.8)),)

    low = (min(start[0], end[0]) - 6.0, min(start[1], end[1]) - 6.0, -18.0)
    high = (max(start[0], end[0]) + 6.0, max(start[1], end[1]) + 6.0, 18.0)
    return Solid(fields, FEMUR, low, high)


def skin(anatomy: Anatomy, pose: Pose) -> Solid:
    """Skin, and inside it muscle: all between is fat, with patella and tendon in it and Hoffa's pad behind."""
    soft = anatomy.soft
    front = anatomy.femur.shaft_offset + anatomy.femur.shaft_radius + soft.quadriceps
    thigh_axis = front - soft.thigh_radius
    shin = anatomy.tibia.shaft_offset + anatomy.tibia.shaft_radius + soft.skin
    calf_axis = shin - soft.calf_radius
    straps = _straps(pose, soft.skin)
    plateau = tuple(pose.tibia.origin.tolist())

    def fields(x: Field, y: Field, z: Field) -> tuple[Field, ...]:
        thigh = _limb(x - thigh_axis, y, z, soft.thigh_radius, soft.thigh_aspect, 0.10)
        cx, cy, cz = pose.tibia.to_local(x, y, z)
        calf = _limb(cx - calf_axis, -cy, cz, soft.calf_radius, soft.calf_aspect, 0.04)
        joint = np.minimum(
            ellipsoid(x, y, z, (2.0, 6.0, 0.0), (42.0, 46.0, 53.0)),
            ellipsoid(x, y, z, plateau, (40.0, 40.0, 50.0)),
        )
        limbs = smooth_union(thigh, calf, 30.0)
        outer = smooth_union(limbs, joint, 30.0)
        for start, end, radii in straps:
            outer = smooth_union(outer, capsule(x, y, z * 0.6, start, end, radii), 16.0)
        # There is no muscle in front of the joint: patella and tendon lie in fat.
        muscle = smooth_union(limbs - 8.0, joint, 20.0) + (soft.fat + 8.0)
        inner = np.maximum(np.maximum(muscle, outer + 1.5), -_fat_pad(pose, x, y, z))
        return outer, inner.astype(np.float32)

    return Solid(fields, FEMUR, (-240.0, -240.0, -85.0), (90.0, 240.0, 85.0))


def _fat_pad(pose: Pose, x: Field, y: Field, z: Field) -> Field:
    """Infrapatellar (Hoffa's) fat pad between tendon, femur and tibia."""
    arc = pose.tendon
    ax, ay = ((arc.start - arc.end) / float(np.linalg.norm(arc.start - arc.end))).tolist()
    inward = (arc.centre - arc.middle) / arc.radius
    px, py = (arc.middle + 12.0 * inward).tolist()
    across, along = (x - px) * ay - (y - py) * ax, (x - px) * ax + (y - py) * ay
    return ellipsoid(across, along, z, (0.0, 0.0, 0.0), (14.0, 0.42 * arc.length, 24.0))


def _straps(pose: Pose, depth: float) -> list[tuple[_Point, _Point, tuple[float, float]]]:
    """Rods (start, end, radii) that hold the skin off the patella and the tendon."""
    middle, apex, end = (
        (float(p[0]), float(p[1]), 0.0) for p in (pose.patella.origin, pose.tendon.start, pose.tendon.end)
    )
    return [(middle, apex, (depth + 9.0, depth + 5.0)), (apex, end, (depth + 3.0, depth + 3.0))]


def _limb(dx: Field, along: Field, z: Field, radius: float, aspect: float, taper: float) -> Field:
    """Elliptic limb that starts near the joint and widens away from it."""
    reach = np.asarray(radius + np.maximum(along, 0.0) * taper, np.float32)
    return smooth_intersection(elliptic_column(dx, z, reach, reach * aspect), -10.0 - along, 60.0)
