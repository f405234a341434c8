"""What the knee phantom knows of its own pose: the same measures from true points, in 3-D and as projected.

A measure's error against the projected points is that of measuring on a mask; the projected against the 3-D value is
what projection does, above all rotation out of a true lateral.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from seggrid.config.phantom import KneeSettings
from seggrid.motion.measures import Measure, Points, measure_points
from seggrid.motion.outline import longest_diagonal
from seggrid.phantom import bones
from seggrid.phantom.anatomy import Anatomy
from seggrid.phantom.pose import Pose, pose
from seggrid.phantom.projection import View
from seggrid.phantom.sampling import anatomy_of, draw_view, flexion_of
from seggrid.phantom.shapes import Field

#: Our name of a point -> that of the phantom's landmark.
_AXES = {
    "femur_axis_near": "femur_axis_distal",
    "femur_axis_far": "femur_axis_proximal",
    "tibia_axis_near": "tibia_axis_proximal",
    "tibia_axis_far": "tibia_axis_distal",
}
#: Step of the grid on which a bone's section is looked at, in mm.
_GRID = 0.25


@dataclass(frozen=True)
class Known:
    """The measures of a frame that need no mask.

    Attributes:
        spatial: from points in 3-D.
        projected: from the same points in the image.
    """

    spatial: list[Measure]
    projected: list[Measure]


def known_measures(settings: KneeSettings, subject: int, frame: int) -> Known:
    """Measure a frame of the phantom on its own points.

    Raises:
        PoseError: the knee cannot take the pose.
    """
    anatomy = anatomy_of(settings, subject)
    posed = pose(anatomy, flexion_of(settings, subject, frame))
    view, _ = draw_view(settings, subject, frame, anatomy, posed)
    return measures_of_pose(anatomy, posed, view)


def measures_of_pose(anatomy: Anatomy, posed: Pose, view: View) -> Known:
    """Measure a posed knee on its own points, in space and in a view."""
    points = spatial_points(anatomy, posed)
    seen = {name: view.to_pixel(point) * view.spacing for name, point in points.items()}
    return Known(measure_points(points, {}, "mm"), measure_points(seen, {}, "mm"))


def spatial_points(anatomy: Anatomy, posed: Pose) -> dict[str, Points]:
    """The points of a posed knee in world coordinates, in mm, defined as on a mask, but on the middle of the bones."""
    landmarks = posed.landmarks(anatomy)
    points = {name: landmarks[known] for name, known in _AXES.items()}
    return points | _patellar_points(anatomy, posed) | _tibial_points(anatomy, posed)


def _patellar_points(anatomy: Anatomy, posed: Pose) -> dict[str, Points]:
    shape = anatomy.patella
    section = _section(
        lambda *at: bones.patella(shape, *at), (-0.7 * shape.thickness, 0.7 * shape.thickness),
        (-0.6 * shape.length, 0.6 * shape.length),
    )  # fmt: skip
    apex, base = sorted(longest_diagonal(section), key=lambda point: float(point[1]))
    down = (apex - base) / np.linalg.norm(apex - base)
    back = np.array([down[1], -down[0]])
    found = {
        "patella_base": base,
        "patella_apex": apex,
        "articular_upper": section[(section @ (back - down)).argmax()],
        "articular_lower": section[(section @ (back + down)).argmax()],
    }
    return {name: posed.patella.to_world((float(x), float(y), 0.0)) for name, (x, y) in found.items()}


def _tibial_points(anatomy: Anatomy, posed: Pose) -> dict[str, Points]:
    """The corner of the plateau, and the tendon's arc from the patella to where it meets the tibia."""
    shape = anatomy.tibia
    depth = shape.plateau_radii[0]
    section = _section(lambda *at: bones.tibia(shape, *at), (0.0, 1.3 * depth), (-0.6 * depth, 12.0))
    x, y = section[section.sum(axis=1).argmax()].tolist()
    arc = _arc(posed)
    across = np.arange(-12.0, 13.0, 2.0)
    world = arc[:, None, :] + np.stack([0 * across, 0 * across, across], 1)
    local = posed.tibia.to_local(*np.moveaxis(world, -1, 0).astype(np.float32))
    free = bones.tibia(shape, *local).min(axis=1) > 0
    # Bent far, the tendon may touch the corner of the tibia on its way to the tuberosity.
    end = int(np.flatnonzero(free).max(initial=1)) + 1
    return {"plateau_corner": posed.tibia.to_world((x, y, 0.0)), "tendon": arc[:end]}


def _section(solid: Callable[..., Field], x: tuple[float, float], y: tuple[float, float]) -> Points:
    """Points inside a bone in the sagittal plane through its middle, ``(n, 2)``, in its own frame."""
    sides = (np.arange(low, high, _GRID).astype(np.float32) for low, high in (x, y))
    across, up = np.meshgrid(*sides)
    inside = solid(across, up, np.zeros_like(across)) < 0
    return np.stack([across[inside], up[inside]], 1).astype(np.float64)


def _arc(posed: Pose) -> Points:
    """Points along the tendon's arc, from the patella to its insertion."""
    arc = posed.tendon
    first, last = arc.start - arc.centre, arc.end - arc.centre
    turn = np.arctan2(first[0] * last[1] - first[1] * last[0], first @ last)
    cosine, sine = (part(np.linspace(0.0, turn, 257)) for part in (np.cos, np.sin))
    flat = np.stack([cosine * first[0] - sine * first[1], sine * first[0] + cosine * first[1]], 1)
    return np.column_stack([arc.centre + flat, np.zeros(len(flat))])
