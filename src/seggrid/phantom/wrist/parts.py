"""The broken wrist as a list of solids that the projector reads."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from seggrid.phantom.contact import Vector
from seggrid.phantom.knee import shelled
from seggrid.phantom.pose import Frame
from seggrid.phantom.shapes import Field
from seggrid.phantom.solid import Solid
from seggrid.phantom.wrist import bones, soft_tissue
from seggrid.phantom.wrist.anatomy import Fracture, LongBone, Wrist

#: Frame of the forearm, which is that of the world.
FOREARM = Frame(np.eye(3), np.zeros(3))
#: The outline of a fracture is drawn this far outside the bone, in mm, as people do.
_MARGIN = 1.0


@dataclass(frozen=True)
class Parts:
    """All solids of one wrist: pieces of bone with the bone they are of, bands of fracture, skin and cast."""

    pieces: dict[str, tuple[str, Solid]]
    bands: tuple[Solid, ...]
    skin: Solid
    cast: Solid


def assemble(wrist: Wrist, fractures: dict[str, Fracture]) -> Parts:
    """Break the long bones and let the hand follow the end of the radius."""
    end = fragment_frame(fractures["radius"], wrist.radius)
    hand = _hand_frame(wrist, end)
    pieces: dict[str, tuple[str, Solid]] = {}
    bands: list[Solid] = []
    for name, bone in {"radius": wrist.radius, "ulna": wrist.ulna}.items():
        if name not in fractures:
            pieces[name] = (name, _whole(wrist, bone))
            continue
        fracture, frame = fractures[name], fragment_frame(fractures[name], bone)
        pieces[f"{name}_shaft"] = (name, _piece(wrist, bone, fracture, FOREARM, -1.0))
        pieces[f"{name}_end"] = (name, _piece(wrist, bone, fracture, frame, 1.0))
        # What lies near the break on either side, and so the gap between them.
        bands += [_band(bone, fracture, side) for side in (FOREARM, frame)]
    pieces |= {name: ("hand", solid) for name, solid in _hand(wrist, hand).items()}
    skin, cast = soft_tissue.skin(wrist, hand), soft_tissue.cast(wrist, hand)
    return Parts(pieces, tuple(bands), skin, cast)


def fragment_frame(fracture: Fracture, bone: LongBone) -> Frame:
    """Where the end of a broken bone lies: turned about the break, and moved."""
    about_x, about_z = np.deg2rad(fracture.turn)
    tip = np.array(
        [[1, 0, 0], [0, np.cos(about_x), -np.sin(about_x)], [0, np.sin(about_x), np.cos(about_x)]], np.float64
    )
    swing = _about_z(float(about_z))
    rotation = swing @ tip
    pivot = break_centre(fracture, bone)
    return Frame(rotation, pivot + np.array(fracture.shift) - rotation @ pivot)


def break_centre(fracture: Fracture, bone: LongBone) -> Vector:
    """Where the plane of a fracture crosses the bone's axis."""
    above = max(fracture.height - bone.centre[1], 0.0)
    return np.array([bone.centre[0] + bone.lean * above, fracture.height, bone.centre[2]])


def _hand_frame(wrist: Wrist, end: Frame) -> Frame:
    turned = end.rotation @ _about_z(float(np.deg2rad(wrist.hand.tilt)))
    pivot = np.array([0.0, -10.0, 0.0])
    return Frame(turned, end.rotation @ pivot + end.origin - turned @ pivot)


def _about_z(angle: float) -> Vector:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def _bounds(bone: LongBone, low: float, high: float) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """A box around the part of a bone between two heights."""
    wide, deep = bone.end[0] + 3.0, bone.end[1] + 3.0
    drift = bone.lean * max(high - bone.centre[1], 0.0)
    x, _, z = bone.centre
    return (x - wide + min(drift, 0.0), low, z - deep), (x + wide + max(drift, 0.0), high, z + deep)


def _whole(wrist: Wrist, bone: LongBone) -> Solid:
    low, high = _bounds(bone, bone.centre[1] - bone.tip - 8.0, bones.SHAFT_LENGTH)

    def fields(x: Field, y: Field, z: Field) -> tuple[Field, ...]:
        return shelled(bones.long_bone(bone, x, y, z), y - bone.centre[1], wrist.cortex, 5.0, 50.0)

    return Solid(fields, FOREARM, low, high)


def _piece(wrist: Wrist, bone: LongBone, fracture: Fracture, frame: Frame, side: float) -> Solid:
    """The part of a bone beyond (`side` 1) or above (-1) its break; marrow lies bare there."""
    whole = _whole(wrist, bone)
    ragged = _ragged(fracture, bone)

    def fields(x: Field, y: Field, z: Field) -> tuple[Field, ...]:
        cut = side * bones.break_surface(fracture, bone, x, y, z)
        return tuple(np.maximum(field, cut) for field in whole.fields(x, y, z))

    if side > 0:
        return Solid(fields, frame, whole.lower, (whole.upper[0], fracture.height + ragged, whole.upper[2]))
    return Solid(fields, frame, (whole.lower[0], fracture.height - ragged, whole.lower[2]), whole.upper)


def _steepness(fracture: Fracture) -> float:
    return float(np.abs(np.tan(np.deg2rad(fracture.normal))).sum())


def _ragged(fracture: Fracture, bone: LongBone) -> float:
    """How far, at most, the surface of a break lies above or below its middle within the bone's box."""
    reach = max(bone.end) + 3.0 + abs(bone.lean) * 60.0
    return sum(wave[0] for wave in fracture.waves) + reach * _steepness(fracture) + 1.0


def _band(bone: LongBone, fracture: Fracture, frame: Frame) -> Solid:
    """What lies in the bone, or just outside it, within half a band of the break."""
    ragged = _ragged(fracture, bone) + 0.5 * fracture.band * (1.0 + _steepness(fracture))
    low, high = _bounds(bone, fracture.height - ragged, fracture.height + ragged)

    def fields(x: Field, y: Field, z: Field) -> tuple[Field, ...]:
        near = np.abs(bones.break_surface(fracture, bone, x, y, z)) - 0.5 * fracture.band
        return (np.maximum(bones.long_bone(bone, x, y, z) - _MARGIN, near).astype(np.float32),)

    return Solid(fields, frame, low, high)


def _hand(wrist: Wrist, frame: Frame) -> dict[str, Solid]:
    """The carpals together, and each finger."""
    shape = wrist.hand
    low = np.min([np.subtract(centre, radii) for centre, radii in shape.carpals], axis=0) - 1.0
    high = np.max([np.add(centre, radii) for centre, radii in shape.carpals], axis=0) + 1.0
    found = {"carpals": _thin(wrist, partial(bones.carpals, shape), frame, low, high)}
    for number, ray in enumerate(shape.rays):
        points, reach = np.array(bones.joints(ray)), 1.7 * ray.radius
        low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
        found[f"ray_{number}"] = _thin(wrist, partial(bones.finger, ray), frame, low, high)
    return found


def _thin(
    wrist: Wrist, field: Callable[[Field, Field, Field], Field], frame: Frame, low: Vector, high: Vector
) -> Solid:
    """A bone of the hand: a thin shell everywhere."""

    def fields(x: Field, y: Field, z: Field) -> tuple[Field, ...]:
        outer = field(x, y, z)
        return outer, outer + np.float32(1.15 * wrist.cortex.end)

    lower, upper = ((float(p[0]), float(p[1]), float(p[2])) for p in (low, high))
    return Solid(fields, frame, lower, upper)
