"""Proximal femur and hip bone as implicit fields (x anterior, y proximal, z lateral; mm), a joint space apart."""

import numpy as np

from seggrid.phantom.hip.anatomy import Bump, Femur, Hip, Pelvis
from seggrid.phantom.shapes import (
    Field,
    capsule,
    ellipsoid,
    elliptic_column,
    ripple,
    slab,
    smooth_difference,
    smooth_intersection,
    smooth_step,
    smooth_union,
)

#: Bones are cut this far from the joint, beyond any volume.
REACH = 260.0
_CENTRE = (0.0, 0.0, 0.0)


def femur(shape: Femur, x: Field, y: Field, z: Field) -> Field:
    """Head, neck, both trochanters and shaft; about a distance near the head."""
    bx, by, bz = shape.base
    head = ellipsoid(x, y, z, _CENTRE, shape.head)
    solid = smooth_union(head, capsule(x, y, z, _CENTRE, shape.base, shape.neck), 6.0)
    lower = (bx, by - REACH, bz - 4.0)
    shaft = capsule(x, y, z, (bx, by - 2.0, bz), lower, (shape.shaft * 1.1, shape.shaft))
    shaft = smooth_intersection(shaft, -REACH - y, 4.0)
    rest = smooth_union(shaft, ellipsoid(x, y, z, (bx - 5.0, by + 7.0, bz + 7.0), shape.trochanter), 10.0)
    lesser = ellipsoid(x, y, z, (bx - 11.0, by - 27.0, bz - 10.0), (7.0, 10.0, 8.0))
    solid = smooth_union(solid, smooth_union(rest, lesser, 7.0), 14.0)
    solid = _with_bumps(solid, shape.osteophytes, x, y, z)
    # The head is smooth, so that the joint space is what it says.
    rough = smooth_step(np.sqrt(x * x + y * y + z * z), shape.head[0] + 4.0, shape.head[0] + 14.0)
    return solid + rough * (0.6 * ripple(x, y, z, shape.phase, (27.0, 35.0, 23.0)))


def hip_bone(hip: Hip, femoral: Field, x: Field, y: Field, z: Field) -> Field:
    """Acetabulum, ilium, ischium and pubis, cut back to the joint space from the field of the femur."""
    shape = hip.pelvis
    # The angle to the load decides how wide the joint is.
    distance = np.sqrt(x * x + y * y + z * z) + np.float32(1e-3)
    towards = (x * hip.load[0] + y * hip.load[1] + z * hip.load[2]) / distance
    narrow, wide = hip.joint_space
    space = wide + (narrow - wide) * smooth_step(towards, 0.0, 0.95)
    return np.maximum(_uncut(shape, hip.femur.head[0] + narrow, distance, x, y, z), space - femoral)


def _uncut(shape: Pelvis, inner: float, distance: Field, x: Field, y: Field, z: Field) -> Field:
    """The hip bone as if the joint were solid; `inner` is the radius of its cavity."""
    ox, oy, oz = shape.opening
    mouth = x * ox + y * oy + z * oz - shape.mouth
    cup = smooth_intersection(distance - (inner + shape.wall), mouth, 4.0)
    solid = smooth_union(_ilium(shape, x, y, z), _rami(shape, x, y, z), 8.0)
    solid = smooth_union(cup, solid, 10.0)
    # The fossa, where ligament and fat lie: a pit in the floor, below the surface that bears the load.
    pit = ellipsoid(x, y, z, (-1.0, -5.0, -0.95 * inner), (9.0, 10.0, shape.fossa))
    solid = smooth_difference(solid, pit, 3.0)
    solid = _with_bumps(solid, shape.osteophytes, x, y, z)
    return solid + 0.5 * ripple(x, y, z, shape.phase, (25.0, 31.0, 21.0))


def _ilium(shape: Pelvis, x: Field, y: Field, z: Field) -> Field:
    """From the roof of the acetabulum up: a stout body that flattens into the blade."""
    size = shape.size
    up = np.maximum(y - 20.0 * size, 0.0)
    deep = size * (17.0 + 0.35 * up)
    thick = size * (12.5 - 0.11 * np.minimum(up, 60.0))
    middle_z = -6.0 * size + 0.12 * up
    column = elliptic_column(x + 3.0 * size + 0.05 * up, z - middle_z, deep, thick)
    return smooth_intersection(np.asarray(column, np.float32), slab(y - 0.5 * REACH - 14.0 * size, REACH), 6.0)


def _rami(shape: Pelvis, x: Field, y: Field, z: Field) -> Field:
    """Ischium behind and below, pubis in front towards the midline, and the ramus that joins them."""
    size = shape.size

    def rod(start: tuple[float, ...], end: tuple[float, ...], radii: tuple[float, float]) -> Field:
        first, last = ((p[0] * size, p[1] * size, p[2] * size) for p in (start, end))
        return capsule(x, y, z, first, last, (radii[0] * size, radii[1] * size))

    ischium = rod((-18.0, -12.0, -18.0), (-25.0, -72.0, -16.0), (13.0, 14.0))
    pubis = rod((14.0, -8.0, -24.0), (34.0, -22.0, -78.0), (10.5, 9.0))
    ramus = rod((-22.0, -76.0, -20.0), (32.0, -44.0, -74.0), (8.0, 7.0))
    return smooth_union(smooth_union(ischium, pubis, 10.0), ramus, 8.0)


def _with_bumps(solid: Field, bumps: tuple[Bump, ...], x: Field, y: Field, z: Field) -> Field:
    for centre, radius in bumps:
        solid = smooth_union(solid, ellipsoid(x, y, z, centre, (radius, radius, radius)), 2.5)
    return solid
