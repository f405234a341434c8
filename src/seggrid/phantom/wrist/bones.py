"""The bones of wrist and hand as implicit fields (x radial, y proximal, z dorsal; mm)."""

from itertools import pairwise

import numpy as np

from seggrid.phantom.shapes import (
    Field,
    capsule,
    ellipsoid,
    elliptic_column,
    ripple,
    smooth_difference,
    smooth_intersection,
    smooth_union,
)
from seggrid.phantom.wrist.anatomy import Fracture, Hand, LongBone, Ray

#: Shafts are cut this far from the joint, beyond any field of view.
SHAFT_LENGTH = 450.0
_Point = tuple[float, float, float]


def long_bone(bone: LongBone, x: Field, y: Field, z: Field) -> Field:
    """Distal radius or ulna: joint surface with a hollow, styloid, flare into the shaft."""
    above = np.maximum(y - bone.centre[1], 0.0)
    flare = np.exp(-np.square(above * float(1.0 / bone.reach)))
    half_x = bone.shaft[0] + (bone.end[0] - bone.shaft[0]) * flare
    half_z = bone.shaft[1] + (bone.end[1] - bone.shaft[1]) * flare
    dx, dz = x - bone.centre[0] - bone.lean * above, z - bone.centre[2]
    # The joint surface rises towards the styloid.
    slope = bone.centre[1] - y - (bone.slope * bone.side) * dx
    solid = smooth_intersection(elliptic_column(dx, dz, half_x, half_z), np.maximum(slope, y - SHAFT_LENGTH), 5.0)
    wide, deep = bone.end
    tip = (bone.centre[0] + bone.side * 0.78 * wide, bone.centre[1] - bone.tip, bone.centre[2])
    root = (tip[0] - bone.side * 0.12 * wide, bone.centre[1] + 5.0, bone.centre[2])
    solid = smooth_union(solid, capsule(x, y, z, root, tip, (0.26 * wide, 0.12 * wide)), 4.0)
    hollow = ellipsoid(x, y, z, (bone.centre[0], bone.centre[1] - 5.0, bone.centre[2]), (0.8 * wide, 6.0, 0.8 * deep))
    return smooth_difference(solid, hollow, 3.0) + 0.3 * ripple(x, y, z, bone.phase, (17.0, 23.0, 19.0))


def break_surface(fracture: Fracture, bone: LongBone, x: Field, y: Field, z: Field) -> Field:
    """Height in mm over the ragged surface of a fracture, about a distance; positive towards the elbow."""
    tilt_x, tilt_z = (float(np.tan(np.deg2rad(angle))) for angle in fracture.normal)
    axis = bone.centre[0] + bone.lean * fracture.height
    dx, dz = x - axis, z - bone.centre[2]
    height = y - fracture.height - tilt_x * dx - tilt_z * dz
    for amplitude, wavelength, phase, direction in fracture.waves:
        along = dx * float(np.cos(direction)) + dz * float(np.sin(direction))
        height = height + amplitude * np.sin(along * float(2.0 * np.pi / wavelength) + phase)
    return np.asarray(height / float(np.sqrt(1.0 + tilt_x**2 + tilt_z**2)), np.float32)


def carpals(hand: Hand, x: Field, y: Field, z: Field) -> Field:
    """The eight carpals, each apart from the others."""
    fields = [ellipsoid(x, y, z, centre, radii) for centre, radii in hand.carpals]
    return np.minimum.reduce(fields) + 0.5 * ripple(x, y, z, hand.phase, (9.0, 11.0, 13.0))


def joints(ray: Ray) -> list[_Point]:
    """The joints of a finger from its base to its tip: n + 1 points of n bones."""
    point, points, bend = np.array(ray.base), [ray.base], 0.0
    turn = np.deg2rad(ray.direction)
    for length in ray.lengths:
        pitch = np.deg2rad(bend)
        point = point + length * np.array([np.sin(turn) * np.cos(pitch), -np.cos(turn) * np.cos(pitch), -np.sin(pitch)])
        points.append((float(point[0]), float(point[1]), float(point[2])))
        bend += ray.bend
    return points


def finger(ray: Ray, x: Field, y: Field, z: Field) -> Field:
    """Metacarpal and phalanges: a slender shaft with a broad base and a round head each."""
    fields = []
    points = joints(ray)
    for number, (start, end) in enumerate(pairwise(points)):
        radius = ray.radius * (1.0, 0.86, 0.74, 0.62)[number]
        first, last = (_between(start, end, share) for share in (0.11, 0.9))
        middle = _between(start, end, 0.55)
        shaft = capsule(x, y, z, first, last, (0.86 * radius, 0.72 * radius))
        base = capsule(x, y, z, first, middle, (1.45 * radius, 0.6 * radius))
        head = ellipsoid(x, y, z, last, (1.2 * radius, 1.3 * radius, 1.2 * radius))
        fields.append(smooth_union(smooth_union(shaft, base, 2.0), head, 3.0))
    return np.asarray(np.minimum.reduce(fields), np.float32)


def _between(start: _Point, end: _Point, share: float) -> _Point:
    x, y, z = (a + share * (b - a) for a, b in zip(start, end, strict=True))
    return x, y, z
