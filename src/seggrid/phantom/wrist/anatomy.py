"""Anatomy and injury of one wrist: sizes in mm, angles in degrees, drawn around adult means.

Means and spreads are rounded adult values; they are no morphometric reference.
Frame: x radial (towards the thumb), y proximal, z dorsal (along the ray of a true posteroanterior view); the
origin is the middle of the radius' joint surface.
"""

from dataclasses import dataclass

import numpy as np

from seggrid.config.phantom import WristSettings
from seggrid.phantom.anatomy import Cortex, Draw, Phase, draw_phase, spread_draw
from seggrid.phantom.contact import Vector
from seggrid.phantom.sampling import Stream, generator


@dataclass(frozen=True)
class LongBone:
    """Distal radius or ulna: half-axes (across, deep) at the joint and in the shaft, and its way up the arm.

    `centre` is where its joint surface lies, `lean` its shift (across) per mm towards the elbow, `reach` the
    length over which it narrows, `slope` the rise of its joint surface to the styloid, `tip` the styloid's height,
    `side` +1 where that is on the thumb's side.
    """

    end: tuple[float, float]
    shaft: tuple[float, float]
    centre: tuple[float, float, float]
    lean: float
    reach: float
    slope: float
    tip: float
    side: float
    phase: Phase


@dataclass(frozen=True)
class Ray:
    """One finger: lengths of metacarpal and phalanges, radius, direction (0 along the arm), bend at each joint."""

    base: tuple[float, float, float]
    lengths: tuple[float, ...]
    radius: float
    direction: float
    bend: float


@dataclass(frozen=True)
class Hand:
    """Carpus and rays; `tilt` is the deviation of the hand in degrees, `carpals` are ellipsoids (centre, radii)."""

    tilt: float
    carpals: tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...]
    rays: tuple[Ray, ...]
    phase: Phase


@dataclass(frozen=True)
class Wrist:
    """One forearm with its hand."""

    radius: LongBone
    ulna: LongBone
    hand: Hand
    cortex: Cortex
    flesh: float
    fat: float
    scale: float


@dataclass(frozen=True)
class Fracture:
    """A fracture through a long bone.

    `height` is that of its plane over the joint on the bone's axis, `normal` leans it (across, deep) in degrees,
    `waves` are (amplitude, wavelength, phase, direction) of its ragged surface. The end beyond it is moved by `shift`
    (across, along, deep) and turned by `turn` (about x, about z): along > 0 pushes it into the shaft.
    """

    height: float
    normal: tuple[float, float]
    waves: tuple[tuple[float, float, float, float], ...]
    shift: tuple[float, float, float]
    turn: tuple[float, float]
    gap: float
    band: float


#: Centre and half-axes of the carpals of a right hand of scale 1, thumb's side first in each row.
_CARPALS = (
    ((11.5, -8.5, 1.0), (6.5, 8.8, 7.0)),
    ((0.5, -7.5, 0.0), (7.0, 7.3, 8.5)),
    ((-12.5, -9.5, 0.5), (6.2, 6.4, 7.0)),
    ((-14.5, -11.0, -8.0), (4.6, 5.2, 4.6)),
    ((18.5, -21.5, -3.0), (6.6, 6.5, 7.5)),
    ((10.3, -24.5, 2.0), (4.7, 6.5, 7.5)),
    ((1.0, -22.0, 1.0), (6.0, 10.0, 8.0)),
    ((-10.0, -21.5, 0.5), (6.6, 8.4, 8.0)),
)
#: Base, lengths, radius and direction of each ray, thumb first.
_RAYS = (
    ((21.0, -29.0, -6.0), (45.0, 32.0, 23.0), 4.6, 38.0),
    ((11.5, -33.0, 1.0), (67.0, 41.0, 24.0, 18.0), 4.2, 9.0),
    ((1.5, -34.0, 1.5), (65.0, 45.0, 29.0, 19.0), 4.2, 0.0),
    ((-7.0, -32.5, 1.0), (58.0, 42.0, 28.0, 19.0), 3.9, -9.0),
    ((-14.5, -30.5, 0.0), (53.0, 33.0, 20.0, 17.0), 3.7, -18.0),
)


def draw_wrist(settings: WristSettings, subject: int) -> Wrist:
    """The wrist of a subject."""
    rng = generator(settings, Stream.ANATOMY, subject)
    draw = spread_draw(rng, settings.anatomical_spread)
    scale = draw(1.0, 0.08)

    def sized(mean: float, relative: float) -> float:
        return scale * mean * draw(1.0, relative)

    radius, ulna = _draw_forearm(draw, sized, draw_phase(rng), draw_phase(rng))
    cortex = Cortex(
        shaft=sized(2.6, 0.15),
        end=draw(0.7, 0.12),
        cortical_hu=draw(1350.0, 130.0),
        trabecular_hu=draw(330.0, 80.0),
        marrow_hu=draw(40.0, 40.0),
    )
    hand = _draw_hand(rng, scale, settings.anatomical_spread)
    return Wrist(radius, ulna, hand, cortex, sized(1.0, 0.12), max(1.0, draw(3.0, 1.2)), scale)


def _draw_forearm(draw: Draw, sized: Draw, *phases: Phase) -> tuple[LongBone, LongBone]:
    radius = LongBone(
        end=(sized(16.0, 0.05), sized(11.0, 0.06)),
        shaft=(sized(7.0, 0.08), sized(6.4, 0.08)),
        centre=(0.0, 0.0, 0.0),
        lean=draw(-0.02, 0.012),
        reach=sized(24.0, 0.12),
        slope=draw(0.35, 0.06),
        tip=sized(9.0, 0.15),
        side=1.0,
        phase=phases[0],
    )
    ulna = LongBone(
        end=(sized(8.0, 0.06), sized(8.0, 0.06)),
        shaft=(sized(5.6, 0.08), sized(5.8, 0.08)),
        centre=(sized(-23.5, 0.04), draw(1.5, 2.0), sized(2.0, 0.5)),
        lean=draw(0.0, 0.012),
        reach=sized(13.0, 0.15),
        slope=draw(0.1, 0.05),
        tip=sized(5.0, 0.2),
        side=-1.0,
        phase=phases[1],
    )
    return radius, ulna


def _draw_hand(rng: np.random.Generator, scale: float, spread: float) -> Hand:
    def point(values: tuple[float, ...], deviation: float) -> tuple[float, float, float]:
        x, y, z = scale * (np.array(values) + spread * deviation * np.clip(rng.standard_normal(3), -2.0, 2.0))
        return float(x), float(y), float(z)

    carpals = tuple((point(centre, 0.4), point(radii, 0.25)) for centre, radii in _CARPALS)
    fan, bend = float(rng.uniform(0.6, 1.3)), float(rng.uniform(0.0, 16.0))
    rays = tuple(
        Ray(
            base=point(base, 0.4),
            lengths=tuple(float(scale * length * (1.0 + 0.04 * spread * rng.standard_normal())) for length in lengths),
            radius=float(scale * radius),
            direction=float(fan * direction + rng.normal(0.0, 2.0)),
            bend=float(bend * rng.uniform(0.7, 1.3)),
        )
        for base, lengths, radius, direction in _RAYS
    )
    return Hand(float(rng.normal(0.0, 6.0)), carpals, rays, draw_phase(rng))


def draw_fractures(settings: WristSettings, subject: int, wrist: Wrist) -> dict[str, Fracture]:
    """The fracture of the radius, and for some that of the ulna."""
    rng = generator(settings, Stream.DISEASE, subject)
    band = float(rng.uniform(*settings.band))
    radius = _draw_fracture(rng, settings, wrist.radius, band, 1.0)
    if rng.random() >= settings.ulna:
        return {"radius": radius}
    # The height of the ulna's fracture is drawn by itself; turn and shift are drawn from half the range.
    return {"radius": radius, "ulna": _draw_fracture(rng, settings, wrist.ulna, 0.7 * band, 0.5)}


def _draw_fracture(
    rng: np.random.Generator, settings: WristSettings, bone: LongBone, band: float, share: float
) -> Fracture:
    low, high = settings.height
    # Most lie near the joint.
    height = bone.centre[1] + low + (high - low) * float(rng.beta(1.3, 2.6))
    turn = share * float(rng.uniform(*settings.angulation))
    gap = float(rng.uniform(*settings.gap))
    away = share * float(rng.uniform(*settings.displacement)) * _direction(rng)
    waves = tuple(
        (
            float(rng.uniform(0.4, 1.0) * 0.08 * wavelength),
            wavelength,
            float(rng.uniform(0.0, 2.0 * np.pi)),
            float(rng.uniform(0.0, np.pi)),
        )
        for wavelength in (24.0, 11.0, 6.0)
    )
    return Fracture(
        height=height,
        normal=(float(rng.normal(0.0, 14.0)), float(rng.normal(0.0, 14.0))),
        waves=waves,
        # Impacted when the gap is below 0; a Colles' fracture turns the end to the back of the hand.
        shift=(float(away[0]), -gap, float(away[1])),
        turn=(turn if rng.random() < 0.8 else -turn, share * float(rng.normal(0.0, 5.0))),
        gap=gap,
        band=band,
    )


def _direction(rng: np.random.Generator) -> Vector:
    angle = rng.uniform(0.0, 2.0 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])
