"""Anatomy of one hip and its osteoarthritis: sizes in mm, angles in degrees, drawn around adult means.

Means and spreads are rounded adult values; they are no morphometric reference.
Frame: x anterior, y proximal, z lateral; the origin is the centre of the femoral head.
"""

from dataclasses import dataclass, replace

import numpy as np

from seggrid.config.phantom import HipSettings
from seggrid.phantom.anatomy import Cortex, Draw, Phase, draw_phase, spread_draw
from seggrid.phantom.contact import Vector
from seggrid.phantom.sampling import Stream, generator

Point = tuple[float, float, float]
Bump = tuple[Point, float]


@dataclass(frozen=True)
class Femur:
    """Proximal femur. `head` are half-axes, `neck` its radii at head and base, `base` where it meets the shaft.

    `osteophytes` are balls (centre, radius) around the junction of head and neck.
    """

    head: Point
    neck: tuple[float, float]
    base: Point
    shaft: float
    trochanter: Point
    osteophytes: tuple[Bump, ...]
    phase: Phase


@dataclass(frozen=True)
class Pelvis:
    """Acetabulum with the bones around it. `opening` is the direction of its mouth, `mouth` how far that lies out.

    `wall` is the thickness of bone around the joint, `osteophytes` are balls (centre, radius) on the rim.
    """

    opening: Point
    mouth: float
    wall: float
    fossa: float
    size: float
    osteophytes: tuple[Bump, ...]
    phase: Phase


@dataclass(frozen=True)
class Hip:
    """One hip. `joint_space` is its narrowest and its widest, `load` the direction in which it is narrow.

    `severity` of the osteoarthritis is 0 to 1, `cysts` are balls (centre, radius) beneath the joint surface.
    """

    femur: Femur
    pelvis: Pelvis
    cortex: Cortex
    joint_space: tuple[float, float]
    load: Point
    severity: float
    cysts: tuple[Bump, ...]
    bulk: float
    fat: float


def draw_hip(settings: HipSettings, subject: int) -> Hip:
    """The hip of a subject."""
    rng = generator(settings, Stream.ANATOMY, subject)
    draw = spread_draw(rng, settings.anatomical_spread)
    scale = draw(1.0, 0.07)

    def sized(mean: float, relative: float) -> float:
        return scale * mean * draw(1.0, relative)

    disease = generator(settings, Stream.DISEASE, subject)
    low, high = settings.joint_space
    narrowest = float(disease.uniform(low, high))
    deformity, growth = (float(disease.uniform(*bounds)) for bounds in (settings.deformity, settings.osteophytes))
    load = _unit(np.array([disease.uniform(-0.2, 0.3), 1.0, disease.uniform(-0.1, 0.45)]))
    radius = sized(24.0, 0.05)
    femur = _draw_femur(draw, sized, radius, deformity, draw_phase(rng))
    pelvis = _draw_pelvis(draw, sized, radius, draw_phase(rng))
    widest = max(narrowest, draw(4.0, 0.5))
    around = radius + narrowest
    return Hip(
        femur=replace(femur, osteophytes=_collar(disease, femur, growth)),
        pelvis=replace(pelvis, osteophytes=_rim(disease, pelvis, around + 0.6 * pelvis.wall, growth)),
        cortex=Cortex(
            shaft=sized(5.5, 0.12),
            end=draw(1.3, 0.2),
            cortical_hu=draw(1250.0, 120.0),
            trabecular_hu=draw(330.0, 70.0),
            marrow_hu=draw(20.0, 35.0),
        ),
        joint_space=(narrowest, widest),
        load=load,
        severity=float(np.clip(1.0 - narrowest / 4.0, 0.0, 1.0)),
        cysts=_cysts(disease, load, radius, growth),
        bulk=draw(1.0, 0.1),
        fat=max(4.0, draw(20.0, 8.0)),
    )


def _unit(vector: Vector) -> Point:
    x, y, z = vector / np.linalg.norm(vector)
    return float(x), float(y), float(z)


def _draw_femur(draw: Draw, sized: Draw, radius: float, deformity: float, phase: Phase) -> Femur:
    angle, length = np.deg2rad(draw(127.0, 5.0) - 90.0), sized(48.0, 0.08)
    version = np.deg2rad(draw(12.0, 6.0))
    out = length * np.cos(angle)
    return Femur(
        # A deformed head is flat on top and broad.
        head=(radius * (1.0 + 0.05 * deformity), radius * (1.0 - 0.16 * deformity), radius * (1.0 + 0.03 * deformity)),
        neck=(0.64 * radius, 0.72 * radius),
        base=(float(-out * np.sin(version)), float(-length * np.sin(angle)), float(out * np.cos(version))),
        shaft=sized(14.5, 0.07),
        trochanter=(sized(15.0, 0.08), sized(21.0, 0.08), sized(13.0, 0.08)),
        osteophytes=(),
        phase=phase,
    )


def _draw_pelvis(draw: Draw, sized: Draw, radius: float, phase: Phase) -> Pelvis:
    inclination, version = np.deg2rad(draw(42.0, 4.0)), np.deg2rad(draw(18.0, 5.0))
    return Pelvis(
        opening=_unit(np.array([np.sin(version), -np.cos(inclination), np.sin(inclination) * np.cos(version)])),
        mouth=draw(0.12, 0.06) * radius,
        wall=sized(7.5, 0.12),
        fossa=draw(3.5, 0.8),
        size=radius / 24.0,
        osteophytes=(),
        phase=phase,
    )


def _collar(rng: np.random.Generator, femur: Femur, growth: float) -> tuple[Bump, ...]:
    """Bumps around the junction of head and neck."""
    along = np.array(_unit(np.array(femur.base)))
    return _ring(rng, along, 0.5 * femur.head[1], 0.86 * femur.head[1], growth)


def _rim(rng: np.random.Generator, pelvis: Pelvis, radius: float, growth: float) -> tuple[Bump, ...]:
    """Bumps on the rim of the acetabulum."""
    return _ring(rng, np.array(pelvis.opening), pelvis.mouth, float(np.sqrt(radius**2 - pelvis.mouth**2)), growth)


def _ring(rng: np.random.Generator, axis: Vector, along: float, radius: float, growth: float) -> tuple[Bump, ...]:
    """Balls of a growth on a circle around an axis through the origin."""
    one = np.cross(axis, [1.0, 0.0, 0.0])
    one /= np.linalg.norm(one)
    two = np.cross(axis, one)
    bumps = []
    for _ in range(int(rng.integers(4, 9))):
        angle, size = rng.uniform(0.0, 2.0 * np.pi), growth * rng.uniform(2.0, 6.5)
        x, y, z = along * axis + radius * (np.cos(angle) * one + np.sin(angle) * two)
        if size > 1.0:
            bumps.append(((float(x), float(y), float(z)), float(size)))
    return tuple(bumps)


def _cysts(
    rng: np.random.Generator, load: tuple[float, float, float], radius: float, growth: float
) -> tuple[Bump, ...]:
    """Cysts beneath the surface that bears the load, in the head."""
    cysts = []
    for _ in range(int(rng.integers(0, 4))):
        x, y, z = np.array(_unit(np.array(load) + rng.normal(0.0, 0.3, 3))) * (radius - rng.uniform(5.0, 9.0))
        size = growth * rng.uniform(1.5, 4.5)
        if size > 1.0:
            cysts.append(((float(x), float(y), float(z)), float(size)))
    return tuple(cysts)
