"""Anatomy of one knee: sizes in mm and angles in degrees, drawn around adult means.

Means and spreads are rounded adult values, adjusted until the proportions of the projected masks (condyles,
shaft, plateau, patella, tendon) were those of real lateral radiographs; they are no morphometric reference.
Frames: x anterior, y proximal, z across the knee (along the ray of a true lateral).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Draw = Callable[[float, float], float]
Phase = tuple[float, float, float]


@dataclass(frozen=True)
class Cortex:
    """Thickness of the cortical shell, and densities in HU."""

    shaft: float
    end: float
    cortical_hu: float
    trabecular_hu: float
    marrow_hu: float


@dataclass(frozen=True)
class Femur:
    """Distal femur; origin on the axis of the posterior condyles."""

    posterior_radius: float
    posterior_reach: float
    distal_radius: float
    distal_centre: tuple[float, float]
    condyle_width: float
    condyle_distance: float
    medial_excess: float
    trochlea_radii: tuple[float, float, float]
    trochlea_centre: tuple[float, float]
    groove_depth: float
    notch_width: float
    notch_angle: float
    shaft_radius: float
    shaft_offset: float
    shaft_tilt: float
    bow: float
    flare: tuple[float, float]
    phase: Phase


@dataclass(frozen=True)
class Tibia:
    """Proximal tibia and fibula; origin at the centre of the plateau."""

    plateau_radii: tuple[float, float]
    shaft_radius: float
    shaft_offset: float
    slope: float
    flare_length: float
    spine_height: float
    tuberosity_depth: float
    tuberosity_reach: float
    fibula_head: tuple[float, float, float]
    fibula_radius: float
    phase: Phase


@dataclass(frozen=True)
class Patella:
    """Patella; origin at its centre."""

    length: float
    thickness: float
    width: float
    apex_shift: float
    base_slant: float
    tilt: float
    phase: Phase


@dataclass(frozen=True)
class Tendon:
    """Patellar tendon."""

    length: float
    thickness: float
    width: float
    bulge: float


@dataclass(frozen=True)
class SoftTissue:
    """Skin outline and fat."""

    thigh_radius: float
    thigh_aspect: float
    calf_radius: float
    calf_aspect: float
    skin: float
    fat: float
    quadriceps: float


@dataclass(frozen=True)
class Anatomy:
    """One knee."""

    femur: Femur
    tibia: Tibia
    patella: Patella
    tendon: Tendon
    soft: SoftTissue
    cortex: Cortex
    joint_space: float
    patellar_cartilage: float
    rotation: float


def draw_anatomy(rng: np.random.Generator, spread: float) -> Anatomy:
    """Draw a knee; `spread` 0 gives the mean knee, 1 the spread of adults."""

    draw = spread_draw(rng, spread)
    scale = draw(1.0, 0.07)

    def sized(mean: float, relative: float) -> float:
        return scale * mean * draw(1.0, relative)

    patella = _draw_patella(draw, sized, draw_phase(rng))
    # Above the Insall-Salvati ratio: the tendon is followed into the tuberosity, not to its upper edge.
    tendon_over_patella = draw(1.28, 0.12)
    return Anatomy(
        femur=_draw_femur(draw, sized, draw_phase(rng)),
        tibia=_draw_tibia(draw, sized, draw_phase(rng)),
        patella=patella,
        tendon=Tendon(
            length=patella.length * tendon_over_patella,
            thickness=sized(5.2, 0.14),
            width=sized(26.0, 0.08),
            bulge=max(0.015, draw(0.05, 0.018)),
        ),
        soft=_draw_soft_tissue(draw, sized),
        cortex=Cortex(
            shaft=sized(5.0, 0.14),
            end=draw(1.0, 0.15),
            cortical_hu=draw(1350.0, 130.0),
            trabecular_hu=draw(300.0, 70.0),
            marrow_hu=draw(60.0, 40.0),
        ),
        joint_space=draw(2.0, 0.6),
        patellar_cartilage=draw(3.6, 0.8),
        rotation=draw(0.0, 4.0),
    )


def spread_draw(rng: np.random.Generator, spread: float) -> Draw:
    """A draw (mean, deviation) from a cut normal distribution, as wide as `spread` says."""

    def draw(mean: float, deviation: float) -> float:
        return mean + spread * deviation * float(np.clip(rng.standard_normal(), -2.2, 2.2))

    return draw


def draw_phase(rng: np.random.Generator) -> Phase:
    """Draw the three phases of a ripple."""
    a, b, c = rng.uniform(0.0, 2.0 * np.pi, 3)
    return float(a), float(b), float(c)


def _draw_femur(draw: Draw, sized: Draw, phase: Phase) -> Femur:
    return Femur(
        posterior_radius=sized(21.0, 0.04),
        posterior_reach=sized(13.0, 0.1),
        distal_radius=sized(25.0, 0.04),
        distal_centre=(sized(7.0, 0.2), sized(1.5, 0.6)),
        condyle_width=sized(27.0, 0.06),
        condyle_distance=sized(23.5, 0.05),
        medial_excess=draw(1.2, 1.0),
        trochlea_radii=(sized(21.0, 0.05), sized(25.0, 0.07), sized(29.0, 0.05)),
        trochlea_centre=(sized(15.5, 0.08), sized(13.5, 0.12)),
        groove_depth=sized(5.5, 0.2),
        notch_width=sized(19.0, 0.1),
        notch_angle=draw(47.0, 4.0),
        shaft_radius=sized(15.2, 0.07),
        shaft_offset=sized(9.5, 0.2),
        shaft_tilt=draw(3.0, 3.0),
        bow=draw(2.0, 1.0),
        flare=(sized(3.5, 0.3), sized(25.0, 0.08)),
        phase=phase,
    )


def _draw_tibia(draw: Draw, sized: Draw, phase: Phase) -> Tibia:
    return Tibia(
        plateau_radii=(sized(24.0, 0.05), sized(37.0, 0.04)),
        shaft_radius=sized(14.5, 0.08),
        shaft_offset=sized(-3.0, 0.5),
        slope=draw(8.0, 2.5),
        flare_length=sized(48.0, 0.15),
        spine_height=sized(7.5, 0.2),
        tuberosity_depth=sized(31.0, 0.12),
        tuberosity_reach=sized(4.5, 0.35),
        fibula_head=(sized(-17.0, 0.15), sized(-14.0, 0.2), sized(29.0, 0.08)),
        fibula_radius=sized(5.2, 0.14),
        phase=phase,
    )


def _draw_patella(draw: Draw, sized: Draw, phase: Phase) -> Patella:
    return Patella(
        length=sized(40.5, 0.06),
        thickness=sized(20.5, 0.07),
        width=sized(43.0, 0.06),
        apex_shift=draw(0.18, 0.1),
        base_slant=draw(8.0, 8.0),
        tilt=draw(0.0, 4.0),
        phase=phase,
    )


def _draw_soft_tissue(draw: Draw, sized: Draw) -> SoftTissue:
    bulk = draw(1.0, 0.12)
    return SoftTissue(
        thigh_radius=bulk * sized(70.0, 0.06),
        thigh_aspect=draw(0.95, 0.05),
        calf_radius=bulk * sized(55.0, 0.06),
        calf_aspect=draw(0.92, 0.05),
        skin=draw(9.0, 2.2),
        fat=max(1.5, draw(6.0, 2.0) * bulk),
        quadriceps=draw(15.0, 4.0),
    )
