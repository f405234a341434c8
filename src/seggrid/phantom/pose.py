"""Pose of the knee through flexion: rolling tibia, tracking patella, a tendon that keeps its length.

World frame: that of the femur (x anterior, y proximal, z across; mm).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from seggrid.phantom import bones, contact
from seggrid.phantom.anatomy import Anatomy
from seggrid.phantom.contact import Vector
from seggrid.phantom.shapes import Field

#: Directions from the centre of the trochlea in which the patella may lie, in degrees above anterior.
_TRACK = np.arange(-160.0, 91.0, 5.0)
#: Direction of the patella against the turn of its axis, in degrees: it first turns less than it travels, then
#: lies against both condyles. Read off a few lateral radiographs.
_TURN = ((-160.0, -120.0, -85.0, 0.0, 90.0), (-138.0, -90.0, -47.0, -12.0, 25.0))
#: Distances from that centre that are searched for contact, in mm.
_REACH = np.arange(14.0, 72.0, 1.0)
#: Shifts of the tibia along its axis, away from the femur, that are searched for contact, in mm.
_SHIFT = np.arange(-8.0, 16.0, 0.5)


class PoseError(ValueError):
    """The parts of a knee cannot lie as they should."""


@dataclass(frozen=True)
class Frame:
    """Rigid frame: `world = rotation @ local + origin`."""

    rotation: Vector
    origin: Vector

    def to_world(self, point: tuple[float, float, float]) -> Vector:
        """World coordinates of a local point."""
        return self.rotation @ np.asarray(point) + self.origin

    def to_local(self, x: Field, y: Field, z: Field) -> tuple[Field, Field, Field]:
        """Local coordinates of broadcastable world coordinates."""
        dx, dy, dz = (p - o for p, o in zip((x, y, z), self.origin.tolist(), strict=True))
        columns = self.rotation.T.tolist()
        first, second, third = (dx * c[0] + dy * c[1] + dz * c[2] for c in columns)
        return first, second, third


#: Frame of the femur, which is that of the world.
FEMUR = Frame(np.eye(3), np.zeros(3))


@dataclass(frozen=True)
class Arc:
    """Circular arc in the sagittal plane from `start` to `end`, bulging anteriorly."""

    start: Vector
    end: Vector
    centre: Vector
    radius: float
    half_angle: float

    @property
    def length(self) -> float:
        """Length of the arc in mm."""
        return 2.0 * self.radius * self.half_angle

    @property
    def middle(self) -> Vector:
        """The point half-way along the arc."""
        outward = 0.5 * (self.start + self.end) - self.centre
        return self.centre + outward * (self.radius / float(np.linalg.norm(outward)))


@dataclass(frozen=True)
class Pose:
    """Where the parts of one knee lie at one flexion."""

    flexion: float
    tibia: Frame
    patella: Frame
    tendon: Arc

    def landmarks(self, anatomy: Anatomy) -> dict[str, Vector]:
        """Named points in world coordinates."""
        return {
            "patella_base": self.patella.to_world(bones.base_point(anatomy.patella)),
            "patella_apex": self.patella.to_world(bones.apex_point(anatomy.patella)),
            "tendon_middle": np.append(self.tendon.middle, 0.0),
            "tibial_tuberosity": self.tibia.to_world(bones.tuberosity_point(anatomy.tibia)),
            "femur_axis_proximal": _femur_axis(anatomy, 110.0),
            "femur_axis_distal": _femur_axis(anatomy, 50.0),
            "tibia_axis_proximal": self.tibia.to_world((anatomy.tibia.shaft_offset, -50.0, 0.0)),
            "tibia_axis_distal": self.tibia.to_world((anatomy.tibia.shaft_offset, -110.0, 0.0)),
            "tibia_plateau": self.tibia.to_world((0.0, 0.0, 0.0)),
            "femur_condyles": np.zeros(3),
        }


def pose(anatomy: Anatomy, flexion: float) -> Pose:
    """Pose a knee at `flexion` degrees.

    Raises PoseError when the tendon is too short or too long for it.
    """
    tibia = _tibia_frame(anatomy, flexion)
    patella, tendon = _track_patella(anatomy, flexion, tibia)
    return Pose(flexion, tibia, patella, tendon)


def _femur_axis(anatomy: Anatomy, height: float) -> Vector:
    shape = anatomy.femur
    lean = float(np.tan(np.deg2rad(shape.shaft_tilt)))
    bow = shape.bow * ((height - 20.0) * 0.01) ** 2
    return np.array([shape.shaft_offset + lean * (height - 20.0) + bow, height, 0.0])


def _tibia_frame(anatomy: Anatomy, flexion: float) -> Frame:
    """Roll the plateau from the distal to the posterior circle of the condyles, with rollback."""
    shape = anatomy.femur
    angle = np.deg2rad(flexion)
    proximal = np.array([np.sin(angle), np.cos(angle)])
    anterior = np.array([np.cos(angle), -np.sin(angle)])
    share = float(np.clip(flexion / 110.0, 0.0, 1.0))
    rolled = share * share * (3.0 - 2.0 * share)
    centre = (1.0 - rolled) * np.array(shape.distal_centre) + rolled * np.array([-shape.posterior_reach, 0.0])
    radius = (1.0 - rolled) * shape.distal_radius + rolled * shape.posterior_radius
    touch = 3.0 - 19.0 * rolled
    origin = np.append(centre - radius * proximal - touch * anterior, 0.0)
    twist = np.deg2rad(anatomy.rotation)
    about_axis = np.array([[np.cos(twist), 0.0, np.sin(twist)], [0.0, 1.0, 0.0], [-np.sin(twist), 0.0, np.cos(twist)]])
    rotation = _sagittal(anterior, proximal) @ about_axis
    plateau = contact.tibial_surface(anatomy.tibia) @ rotation.T + origin
    distal = np.append(-proximal, 0.0)
    shift = contact.stand_off(shape, plateau[None], distal[None], _SHIFT, anatomy.joint_space)
    return Frame(rotation, origin + shift * distal)


def _sagittal(anterior: Vector, proximal: Vector) -> Vector:
    return np.array([[anterior[0], proximal[0], 0.0], [anterior[1], proximal[1], 0.0], [0.0, 0.0, 1.0]])


def _track_patella(anatomy: Anatomy, flexion: float, tibia: Frame) -> tuple[Frame, Arc]:
    """Slide the patella along the groove until the tendon has its length."""
    reach = _contact_distances(anatomy)
    tendon = anatomy.tendon
    insertion = tibia.to_world(bones.tuberosity_point(anatomy.tibia))[:2]
    bulge = tendon.bulge * (0.4 + flexion / 120.0)

    def arc_at(direction: float) -> Arc:
        frame = _patella_frame(anatomy, direction, float(np.interp(direction, _TRACK, reach)))
        return _arc(frame.to_world(bones.apex_point(anatomy.patella))[:2], insertion, bulge)

    def excess(direction: float) -> float:
        return arc_at(direction).length - tendon.length

    lengths = np.array([excess(float(direction)) for direction in _TRACK])
    # The tendon grows as the patella climbs: the lowest crossing is the only one below the groove's top.
    crossing = np.flatnonzero((lengths[:-1] < 0.0) & (lengths[1:] >= 0.0))
    if crossing.size == 0:
        raise PoseError(f"no patellar position at {flexion:g} degrees keeps the tendon at {tendon.length:.1f} mm")
    first = int(crossing[-1])
    direction = float(brentq(excess, _TRACK[first], _TRACK[first + 1], xtol=1e-3))
    frame = _patella_frame(anatomy, direction, float(np.interp(direction, _TRACK, reach)))
    return frame, arc_at(direction)


def _patella_frame(anatomy: Anatomy, direction: float, reach: float) -> Frame:
    angle = np.deg2rad(direction)
    outward = np.array([np.cos(angle), np.sin(angle)])
    origin = np.array(anatomy.femur.trochlea_centre) + reach * outward
    turned = np.deg2rad(float(np.interp(direction, *_TURN)) + anatomy.patella.tilt)
    anterior = np.array([np.cos(turned), np.sin(turned)])
    proximal = np.array([-np.sin(turned), np.cos(turned)])
    return Frame(_sagittal(anterior, proximal), np.append(origin, 0.0))


def _contact_distances(anatomy: Anatomy) -> Vector:
    """Distance of the patella's centre from that of the trochlea, in each direction, at which they touch."""
    back = contact.patellar_surface(anatomy.patella)
    frames = [_patella_frame(anatomy, float(direction), 0.0) for direction in _TRACK]
    points = np.stack([back @ frame.rotation.T + frame.origin for frame in frames])
    angles = np.deg2rad(_TRACK)
    outward = np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1)
    return contact.stand_off(anatomy.femur, points, outward, _REACH, anatomy.patellar_cartilage)


def _arc(start: Vector, end: Vector, bulge: float) -> Arc:
    """Arc over the chord `start` to `end` whose sagitta is `bulge` times the chord."""
    chord = end - start
    length = float(np.linalg.norm(chord))
    sagitta = bulge * length
    radius = (0.25 * length * length + sagitta * sagitta) / (2.0 * sagitta)
    # Patella to tibia runs downwards, so anterior is to the left of the direction of travel.
    outward = np.array([-chord[1], chord[0]]) / length
    centre = 0.5 * (start + end) - outward * (radius - sagitta)
    return Arc(start, end, centre, radius, float(np.arcsin(min(1.0, 0.5 * length / radius))))
