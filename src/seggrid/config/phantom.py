"""Settings of the built-in knee phantom."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from seggrid.config.base import Section, Share


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError(f"the lower bound {value[0]:g} exceeds the upper bound {value[1]:g}; swap them")
    return value


_Millimetres = Annotated[float, Field(ge=100, le=400)]
_Degrees = Annotated[float, Field(ge=0, le=120)]
_Photons = Annotated[float, Field(ge=100, le=1e7)]
_Ordered = AfterValidator(_ordered)


#: Bumped when the phantom's numbers change; part of the identity of its data sets.
PHANTOM_VERSION = 1
#: Names of the objects, labels 1, 2, ...
CLASS_NAMES = ("patella", "femur", "tibia", "patellar_tendon")


class KneeSettings(Section):
    """What the knee phantom draws; ranges are sampled uniformly, photons log-uniformly."""

    subjects: Annotated[int, Field(ge=1, le=10_000)] = 12
    """Number of knees; a knee is one group of a split."""
    frames: Annotated[int, Field(ge=1, le=1_000)] = 5
    """Radiographs of each knee, a sequence of rising flexion."""
    size: Annotated[int, Field(ge=32, le=2_048)] = 256
    """Height and width of the square image, in pixels."""
    field_of_view: Annotated[tuple[_Millimetres, _Millimetres], _Ordered] = (125.0, 190.0)
    """Range of the image's side at the joint, in mm; the pixel spacing is this side over size."""
    flexion: Annotated[tuple[_Degrees, _Degrees], _Ordered] = (0.0, 120.0)
    """Range of knee flexion in degrees; 0 is full extension."""
    in_plane_rotation: Annotated[float, Field(ge=0, le=180)] = 30.0
    """Largest rotation within the image plane, either way, in degrees."""
    out_of_plane_rotation: Annotated[float, Field(ge=0, le=25)] = 18.0
    """Largest rotation out of a true lateral, either way, in degrees; it parts the two condyles."""
    mirrored: Share = 0.5
    """Probability that a knee faces left instead of right."""
    anatomical_spread: Annotated[float, Field(ge=0, le=1.5)] = 1.0
    """Spread of anatomy between knees: 0 makes all alike, 1 is that of adults."""
    photons: Annotated[tuple[_Photons, _Photons], _Ordered] = (4_000.0, 60_000.0)
    """Range of the photons that reach 1 mm^2 of the detector through air; fewer is noisier."""
    collimation: Share = 0.25
    """Probability of a black or white collimation border."""
    markers: Share = 0.25
    """Probability of a side marker letter."""
    other_leg: Share = 0.15
    """Probability of the other leg's shadow behind the knee."""
    style: Literal["radiograph", "ellipses"] = "radiograph"
    """The articulated knee, or plain textured ellipses: the control of a sim-to-real benchmark."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of every random draw; the same settings give the same bytes."""
