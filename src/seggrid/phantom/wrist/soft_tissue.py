"""Skin of hand and forearm, and a plaster cast around them."""

from itertools import pairwise

import numpy as np

from seggrid.phantom.pose import Frame
from seggrid.phantom.shapes import Field, capsule, ellipsoid, elliptic_column, slab, smooth_intersection, smooth_union
from seggrid.phantom.solid import Solid
from seggrid.phantom.wrist import bones
from seggrid.phantom.wrist.anatomy import Wrist

#: Radius of a finger at its joints against that of its bone.
_FINGER = (2.1, 1.95, 1.8, 1.6)
#: Padding under a cast and its thickness in mm, and how far it reaches (from the palm, up the arm).
_PADDING, _PLASTER, _CAST = 3.0, 4.5, (-62.0, 190.0)


def skin(wrist: Wrist, hand: Frame) -> Solid:
    """Skin, and inside it muscle: all between is fat."""

    def fields(x: Field, y: Field, z: Field) -> tuple[Field, ...]:
        px, py, pz = hand.to_local(x, y, z)
        outer = _arm(wrist, hand, x, y, z)
        for ray in wrist.hand.rays:
            thick = wrist.flesh * ray.radius
            for number, (start, end) in enumerate(pairwise(bones.joints(ray)[1:])):
                limb = capsule(px, py, pz, start, end, (_FINGER[number] * thick, _FINGER[number + 1] * thick))
                outer = smooth_union(outer, limb, 4.0)
        return outer, outer + np.float32(wrist.fat)

    tips = np.array([point for ray in wrist.hand.rays for point in bones.joints(ray)])
    world = tips @ hand.rotation.T + hand.origin
    low, high = world.min(axis=0) - 14.0, world.max(axis=0) + 14.0
    return Solid(
        fields,
        Frame(np.eye(3), np.zeros(3)),
        (min(float(low[0]), -70.0), float(low[1]), min(float(low[2]), -55.0)),
        (max(float(high[0]), 60.0), bones.SHAFT_LENGTH - 5.0, max(float(high[2]), 55.0)),
    )


def cast(wrist: Wrist, hand: Frame) -> Solid:
    """A cast from the palm up the arm: its outside, and the padded arm within it."""
    low, high = _CAST

    def fields(x: Field, y: Field, z: Field) -> tuple[Field, ...]:
        arm, ends = _arm(wrist, hand, x, y, z), slab(y - 0.5 * (low + high), high - low)
        return np.maximum(arm - (_PADDING + _PLASTER), ends), np.maximum(arm - _PADDING, ends)

    return Solid(fields, Frame(np.eye(3), np.zeros(3)), (-75.0, low - 2.0, -65.0), (70.0, high + 2.0, 65.0))


def _arm(wrist: Wrist, hand: Frame, x: Field, y: Field, z: Field) -> Field:
    """Forearm and palm."""
    thick = wrist.flesh
    up = np.clip(y, -30.0, 220.0)
    swell = np.square(np.sin(np.clip((up + 5.0) * float(0.5 * np.pi / 180.0), 0.0, 0.5 * np.pi)))
    middle = -9.0 - 0.02 * up
    column = elliptic_column(x - middle, z, thick * (28.0 + 9.0 * swell), thick * (19.0 + 13.0 * swell))
    forearm = smooth_intersection(np.asarray(column, np.float32), -30.0 - y, 18.0)
    px, py, pz = hand.to_local(x, y, z)
    scale = wrist.scale
    palm = ellipsoid(px, py, pz, (1.0, -52.0 * scale, -3.0), (38.0 * thick, 50.0 * scale, 14.5 * thick))
    thenar = capsule(
        px, py, pz, (18.0, -30.0 * scale, -8.0), bones.joints(wrist.hand.rays[0])[1], (14.0 * thick, 9.0 * thick)
    )
    return smooth_union(forearm, smooth_union(palm, thenar, 12.0), 22.0)
