"""Settings of the built-in phantoms: knee, wrist and hip."""

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


#: Bumped when a phantom's numbers change; part of the identity of its data sets.
PHANTOM_VERSIONS = {"knee": 1, "wrist": 2, "hip": 2}
#: Names of the objects of each phantom, labels 1, 2, ...
PHANTOM_CLASSES = {
    "knee": ("patella", "femur", "tibia", "patellar_tendon"),
    "wrist": ("fracture",),
    "hip": ("femur", "hip"),
}


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
    volume_spacing: Annotated[float, Field(ge=0.3, le=2)] | None = None
    """Side of the voxels in mm: CT volumes of the same knees in place of radiographs; imaging settings then idle."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of every random draw; the same settings give the same bytes."""

    @property
    def described(self) -> str:
        """What is drawn, in words."""
        if self.volume_spacing is not None:
            each = f"{self.frames} of each, voxels of {self.volume_spacing:g} mm"
            return f"CT volumes of {self.subjects} simulated knees, {each}"
        return (
            f"lateral radiographs of {self.subjects} simulated knees, {self.frames} of each, "
            f"{self.size} by {self.size} pixels (style {self.style})"
        )


_Views = Annotated[int, Field(ge=1, le=20)]
_FieldOfView = Annotated[float, Field(ge=120, le=450)]
_Band = Annotated[float, Field(ge=3, le=30)]
_Height = Annotated[float, Field(ge=3, le=80)]
_Gap = Annotated[float, Field(ge=-8, le=6)]
_Shift = Annotated[float, Field(ge=0, le=15)]
_Angle = Annotated[float, Field(ge=0, le=60)]


class WristSettings(Section):
    """What the wrist phantom draws; ranges are sampled uniformly, photons log-uniformly."""

    subjects: Annotated[int, Field(ge=1, le=10_000)] = 40
    """Number of broken wrists; a wrist is one group of a split."""
    views: Annotated[tuple[_Views, _Views], _Ordered] = (1, 3)
    """Range of the radiographs of each wrist."""
    size: Annotated[int, Field(ge=64, le=2_048)] = 256
    """Height and width of the square image, in pixels."""
    field_of_view: Annotated[tuple[_FieldOfView, _FieldOfView], _Ordered] = (240.0, 420.0)
    """Range of the image's side at the wrist, in mm; the pixel spacing is this side over size."""
    lateral: Share = 0.35
    """Probability of a lateral view; the others are posteroanterior."""
    in_plane_rotation: Annotated[float, Field(ge=0, le=180)] = 20.0
    """Largest rotation within the image plane, either way, in degrees."""
    out_of_plane_rotation: Annotated[float, Field(ge=0, le=30)] = 14.0
    """Largest rotation out of the true view, either way, in degrees."""
    mirrored: Share = 0.5
    """Probability that a wrist is a left one, seen as the mirror image."""
    anatomical_spread: Annotated[float, Field(ge=0, le=1.5)] = 1.0
    """Spread of anatomy between wrists: 0 makes all alike, 1 is that of adults."""
    band: Annotated[tuple[_Band, _Band], _Ordered] = (4.0, 11.0)
    """Range of the width of the labelled band around the line of a fracture, in mm."""
    height: Annotated[tuple[_Height, _Height], _Ordered] = (8.0, 45.0)
    """Range of the height of the fracture above the joint, in mm; most lie near the joint."""
    gap: Annotated[tuple[_Gap, _Gap], _Ordered] = (-2.5, 2.5)
    """Range of the opening of the line, in mm; below 0 the end is pushed into the shaft, a dense line."""
    displacement: Annotated[tuple[_Shift, _Shift], _Ordered] = (0.0, 4.0)
    """Range of the shift of the broken end across the bone, in mm."""
    angulation: Annotated[tuple[_Angle, _Angle], _Ordered] = (0.0, 25.0)
    """Range of the turn of the broken end, in degrees, most to the back of the hand."""
    ulna: Share = 0.25
    """Probability that the ulna is broken as well."""
    photons: Annotated[tuple[_Photons, _Photons], _Ordered] = (4_000.0, 60_000.0)
    """Range of the photons that reach 1 mm^2 of the detector through air; fewer is noisier."""
    collimation: Share = 0.25
    """Probability of a black or white collimation border."""
    markers: Share = 0.25
    """Probability of a side marker letter."""
    casts: Share = 0.2
    """Probability of a plaster cast, in all views of a wrist."""
    other_limb: Share = 0.1
    """Probability of the shadow of another limb, as of a hand that holds the arm."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of every random draw; the same settings give the same bytes."""

    @property
    def described(self) -> str:
        """What is drawn, in words."""
        low, high = self.views
        each = f"{low}" if low == high else f"{low} to {high}"
        return (
            f"radiographs of {self.subjects} simulated broken wrists, {each} of each, {self.size} by {self.size} pixels"
        )


_Side = Annotated[int, Field(ge=16, le=512)]
_Spacing = Annotated[float, Field(ge=0.3, le=8)]
_Width = Annotated[float, Field(ge=0.1, le=8)]
_Noise = Annotated[float, Field(ge=0, le=200)]


class HipSettings(Section):
    """What the hip phantom draws; ranges are sampled uniformly."""

    subjects: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Number of hips, a volume each; a hip is one group of a split."""
    size: tuple[_Side, _Side, _Side] = (64, 64, 64)
    """Slices, rows and columns of a volume: from distal to proximal, anterior to posterior, medial to lateral."""
    spacing: tuple[_Spacing, _Spacing, _Spacing] = (1.75, 1.75, 1.75)
    """Distance between slices, rows and columns in mm; a thick voxel shows the mean of what lies in it."""
    joint_space: Annotated[tuple[_Width, _Width], _Ordered] = (0.3, 4.0)
    """Range of the width of the joint where it is narrowest, in mm; below the spacing the bones touch in the image."""
    osteophytes: Annotated[tuple[Share, Share], _Ordered] = (0.0, 1.0)
    """Range of the size of bony outgrowths at the neck and the rim: 0 none, 1 up to 6.5 mm in radius."""
    deformity: Annotated[tuple[Share, Share], _Ordered] = (0.0, 1.0)
    """Range of the deformity of the head: 0 round, 1 flattened by 16 %."""
    rotation: Annotated[float, Field(ge=0, le=30)] = 12.0
    """Largest turn of the femur about each axis, either way, in degrees."""
    shift: Annotated[float, Field(ge=0, le=30)] = 6.0
    """Largest shift of the joint from its place in the volume along each axis, either way, in mm."""
    noise: Annotated[tuple[_Noise, _Noise], _Ordered] = (8.0, 30.0)
    """Range of the standard deviation of the noise, in HU."""
    mirrored: Share = 0.5
    """Probability that a hip is a left one, the mirror image."""
    anatomical_spread: Annotated[float, Field(ge=0, le=1.5)] = 1.0
    """Spread of anatomy between hips: 0 makes all alike, 1 is that of adults."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of every random draw; the same settings give the same bytes."""

    @property
    def described(self) -> str:
        """What is drawn, in words."""
        size, spacing = (" by ".join(f"{side:g}" for side in sides) for sides in (self.size, self.spacing))
        return f"CT volumes of {self.subjects} simulated arthritic hips, {size} voxels of {spacing} mm"
