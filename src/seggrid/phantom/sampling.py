"""What is random about a subject and about a frame; each draw depends on (seed, subject, frame) alone."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np

from seggrid.config.phantom import KneeSettings
from seggrid.phantom.anatomy import Anatomy, draw_anatomy
from seggrid.phantom.contact import Vector
from seggrid.phantom.pose import Pose
from seggrid.phantom.projection import View

#: Landmarks that every image shows, so that every class is in every mask.
SHOWN = ("patella_base", "patella_apex", "tendon_middle", "femur_condyles", "tibia_plateau")


class Stream(IntEnum):
    """Independent random streams; a new one never shifts the others."""

    ANATOMY = 0
    TEXTURE = 1
    SEQUENCE = 2
    FLEXION = 3
    VIEW = 4
    EXPOSURE = 5
    ELLIPSES = 6
    SIDE = 7
    DISEASE = 8


class Drawn(Protocol):
    """Settings of any phantom."""

    @property
    def seed(self) -> int:
        """Seed of every draw."""

    @property
    def mirrored(self) -> float:
        """Probability that a subject is mirrored."""


def generator(settings: Drawn, stream: Stream, subject: int, frame: int = 0) -> np.random.Generator:
    """Generator of one stream of one subject and frame."""
    return np.random.default_rng([settings.seed, int(stream), subject, frame])


def anatomy_of(settings: KneeSettings, subject: int) -> Anatomy:
    """The knee of a subject."""
    return draw_anatomy(generator(settings, Stream.ANATOMY, subject), settings.anatomical_spread)


def faces_left(settings: Drawn, subject: int) -> bool:
    """Whether a subject is mirrored, the same in all frames."""
    return bool(generator(settings, Stream.SIDE, subject).random() < settings.mirrored)


def flexion_of(settings: KneeSettings, subject: int, frame: int) -> float:
    """Flexion in degrees, rising through the sequence over at least a third of the range."""
    first, last = np.sort(generator(settings, Stream.SEQUENCE, subject).uniform(size=2))
    middle, half = 0.5 * (first + last), max(0.5 * float(last - first), 1.0 / 6.0)
    start, stop = max(0.0, middle - half), min(1.0, middle + half)
    jitter = generator(settings, Stream.FLEXION, subject, frame).uniform(0.2, 0.8)
    low, high = settings.flexion
    return float(low + (high - low) * (start + (stop - start) * (frame + jitter) / settings.frames))


@dataclass(frozen=True)
class Collimation:
    """Field of the collimator: a rotated rectangle in pixels; open when `border` is None."""

    centre: tuple[float, float]
    half_size: tuple[float, float]
    angle: float
    border: float | None

    def margin(self, rows: Vector, columns: Vector) -> Vector:
        """Distance inside the field in pixels, negative outside."""
        dy, dx = rows - self.centre[0], columns - self.centre[1]
        cosine, sine = np.cos(np.deg2rad(self.angle)), np.sin(np.deg2rad(self.angle))
        return np.asarray(
            np.minimum(
                self.half_size[0] - np.abs(dy * cosine - dx * sine),
                self.half_size[1] - np.abs(dx * cosine + dy * sine),
            )
        )


def draw_view(
    settings: KneeSettings, subject: int, frame: int, anatomy: Anatomy, pose: Pose
) -> tuple[View, Collimation]:
    """Draw source, detector and collimation so that the landmarks `SHOWN` are in the field."""
    rng = generator(settings, Stream.VIEW, subject, frame)
    landmarks = pose.landmarks(anatomy)
    shown = np.stack([landmarks[name] for name in SHOWN])
    # Technicians leave more room behind the joint than in front of it.
    return aim(settings, view_rotation(settings, rng), shown, Leeway((-0.23, -0.17), (0.11, 0.17)), rng)


class Imaging(Protocol):
    """Settings of a phantom's radiographs, as those of the knee."""

    @property
    def size(self) -> int:
        """Side of the image in pixels."""

    @property
    def field_of_view(self) -> tuple[float, float]:
        """Range of its side in mm."""

    @property
    def collimation(self) -> float:
        """Probability of a border."""

    @property
    def in_plane_rotation(self) -> float:
        """Largest rotation within the image, in degrees."""

    @property
    def out_of_plane_rotation(self) -> float:
        """Largest rotation out of the true view, in degrees."""


@dataclass(frozen=True)
class Leeway:
    """How far (right, up) the isocentre may lie off what is shown, as shares of the image's side."""

    low: tuple[float, float]
    high: tuple[float, float]


def aim(
    settings: Imaging, rotation: Vector, shown: Vector, leeway: Leeway, rng: np.random.Generator
) -> tuple[View, Collimation]:
    """Draw source, detector and collimation so that the points `shown` (n, 3) are in the field."""
    side = float(rng.uniform(*settings.field_of_view))
    distance = float(rng.uniform(900.0, 1600.0))
    collimated = bool(rng.random() < settings.collimation)
    middle = shown.mean(axis=0)
    for shrink in np.linspace(1.0, 0.0, 24):
        right, up = rng.uniform(leeway.low, leeway.high) * side * shrink
        offset = rotation @ np.array([right, up, 0.0])
        view = View(rotation, middle + offset, side / settings.size, settings.size, distance)
        field = _draw_field(rng, settings.size, collimated, 1.0 - 0.5 * shrink)
        pixels = view.to_pixel(shown)
        if field.margin(pixels[:, 0], pixels[:, 1]).min() > 0.04 * settings.size:
            break
    return view, field


def view_rotation(settings: Imaging, rng: np.random.Generator) -> Vector:
    """Draw the rotation from view to world around a true view along the world's z axis."""
    limit = settings.out_of_plane_rotation
    turn, tip = np.deg2rad(np.clip(rng.normal(0.0, (0.5 * limit, 0.3 * limit)), -limit, limit))
    roll = np.deg2rad(rng.uniform(-1.0, 1.0) * settings.in_plane_rotation)
    about_v = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    about_u = np.array([[1, 0, 0], [0, np.cos(tip), -np.sin(tip)], [0, np.sin(tip), np.cos(tip)]])
    about_w = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return np.asarray(about_v @ about_u @ about_w)


def _draw_field(rng: np.random.Generator, size: int, collimated: bool, widen: float) -> Collimation:
    middle = 0.5 * (size - 1)
    if not collimated:
        return Collimation((middle, middle), (0.5 * size, 0.5 * size), 0.0, None)
    height, width = size * np.minimum(rng.uniform(0.36, 0.56, 2) + 0.1 * widen, 0.6)
    row, column = middle + size * rng.uniform(-0.08, 0.08, 2)
    border = float(rng.choice([0.0, 0.02, 1.0], p=[0.6, 0.25, 0.15]))
    return Collimation((row, column), (float(height), float(width)), float(rng.uniform(-12.0, 12.0)), border)
