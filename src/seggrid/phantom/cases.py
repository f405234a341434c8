"""The phantom's cases."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seggrid.config.phantom import KneeSettings
from seggrid.phantom import ellipses, lateral
from seggrid.phantom.sampling import flexion_of


@dataclass(frozen=True)
class PhantomCase:
    """One image with its exact mask.

    `image` uint8 (H, W), bone bright. `labels` uint8 (H, W): 0 background, 1 patella, 2 femur, 3 tibia,
    4 patellar tendon; where they overlap in projection patella lies over femur over tibia over tendon. The
    fibula is in the image but not a class. `spacing` in mm per row and column in the plane of the joint.
    `flexion` in degrees. `landmarks` name -> (row, column) in pixels, pixel centres at integers, possibly
    outside the image; empty for ellipses.
    """

    case: str
    group: str
    image: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    spacing: tuple[float, float]
    flexion: float
    landmarks: dict[str, tuple[float, float]]


def radiograph(settings: KneeSettings, subject: int, frame: int) -> PhantomCase:
    """Make one case; it depends on the settings' ranges, the seed, the subject and the frame alone.

    Raises IndexError when the subject or frame is not one of the settings'.
    """
    if not (0 <= subject < settings.subjects and 0 <= frame < settings.frames):
        made = f"{settings.subjects} subjects x {settings.frames} frames"
        raise IndexError(f"no frame {frame} of subject {subject} in {made}")
    landmarks: dict[str, tuple[float, float]] = {}
    if settings.style == "ellipses":
        image, labels, spacing = ellipses.render(settings, subject, frame)
    else:
        image, labels, spacing, landmarks = lateral.render(settings, subject, frame)
    return PhantomCase(
        case=f"s{subject:03d}_f{frame:02d}",
        group=f"s{subject:03d}",
        image=image,
        labels=labels,
        spacing=(spacing, spacing),
        flexion=flexion_of(settings, subject, frame),
        landmarks=landmarks,
    )


def radiographs(settings: KneeSettings) -> Iterator[PhantomCase]:
    """Make all cases, subject by subject and frame by frame."""
    for subject in range(settings.subjects):
        for frame in range(settings.frames):
            yield radiograph(settings, subject, frame)
