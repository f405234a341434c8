"""The points of a knee on the mask of a lateral radiograph: shaft axes, poles of the patella, ends of the tendon.

Nothing is assumed of the image's orientation: either side, any rotation in its plane. What is in front is told by the
patella, what is above by the tibia's axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from seggrid.motion.measures import Measure, measure_points
from seggrid.motion.outline import Outline, Points, longest_diagonal, outline_of
from seggrid.motion.shaft import Shaft, find_shaft
from seggrid.motion.strap import midline

#: The parts of a knee, each of which a class of the mask plays.
ROLES = ("patella", "femur", "tibia", "patellar_tendon")


@dataclass
class Knee:
    """What was found on a mask.

    Attributes:
        points: name -> (row, column) in the unit of the spacing; ``tendon`` is a line of points.
        missing: name of a point that was not found -> why.
    """

    points: dict[str, Points] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def _lack(self, names: Sequence[str], reason: str) -> None:
        self.missing.update(dict.fromkeys(names, reason))


def measure_knee(
    mask: npt.NDArray[np.uint8], labels: Mapping[str, int], spacing: tuple[float, float] | None
) -> list[Measure]:
    """Measure a knee on the mask of a lateral radiograph.

    Args:
        mask: labels, shape ``(H, W)``.
        labels: value of each part of ``ROLES``.
        spacing: per axis, in mm; ``None``: lengths in pixels, which must then be square.

    Returns:
        A row per measure, in the order of ``MEASURES``; what cannot be measured has a status that says why.
    """
    knee = find_knee(mask, labels, spacing)
    return measure_points(knee.points, knee.missing, "mm" if spacing else "px")


def find_knee(mask: npt.NDArray[np.uint8], labels: Mapping[str, int], spacing: tuple[float, float] | None) -> Knee:
    """Find the points of a knee; see ``measure_knee``."""
    scale = spacing or (1.0, 1.0)
    parts = {role: outline_of(mask == labels[role], scale, whole=role != "patellar_tendon") for role in ROLES}
    knee, step = Knee(), max(scale)
    femur, tibia, patella = parts["femur"], parts["tibia"], parts["patella"]
    axes = [
        _add_shaft(knee, name, parts[name], other, 2 * step) for name, other in (("femur", tibia), ("tibia", femur))
    ]
    _add_patella(knee, patella, parts["patellar_tendon"], tibia)
    _add_tendon(knee, patella, parts["patellar_tendon"], step)
    _add_articular(knee, patella, femur)
    _add_plateau(knee, tibia, axes[1])
    return knee


def _add_shaft(knee: Knee, name: str, bone: Outline | None, other: Outline | None, step: float) -> Shaft | None:
    ends = (f"{name}_axis_near", f"{name}_axis_far")
    neighbour = {"femur": "tibia", "tibia": "femur"}[name]
    if bone is None or other is None:
        knee._lack(ends, f"{name if bone is None else neighbour}_absent")
        return None
    shaft = find_shaft(bone.border, bone.on_frame, other.centre, step)
    if shaft is None:
        knee._lack(ends, f"{name}_shaft_short")
        return None
    knee.points.update(zip(ends, (shaft.start, shaft.end), strict=True))
    return shaft


def _add_patella(knee: Knee, patella: Outline | None, tendon: Outline | None, tibia: Outline | None) -> None:
    """The ends of the longest diagonal; the apex is the one nearer to the tendon, or else to the tibia."""
    ends = ("patella_base", "patella_apex")
    below = tendon or tibia
    if patella is None or below is None or patella.cut:
        knee._lack(ends, "patella_absent" if patella is None else "patella_cut" if patella.cut else "tibia_absent")
        return
    diagonal = longest_diagonal(patella.border)
    far, near = np.argsort(-np.linalg.norm(diagonal - below.centre, axis=1))
    knee.points.update(zip(ends, diagonal[[far, near]], strict=True))


def _add_tendon(knee: Knee, patella: Outline | None, tendon: Outline | None, step: float) -> None:
    if tendon is None or patella is None or tendon.cut or "patella_apex" in knee.missing:
        reason = knee.missing.get("patella_apex", "patellar_tendon_cut")
        knee._lack(["tendon"], "patellar_tendon_absent" if tendon is None else reason)
        return
    line = midline(tendon.pixels, knee.points["patella_apex"], step)
    if line is None:
        knee._lack(["tendon"], "patellar_tendon_short")
    else:
        knee.points["tendon"] = line


def _add_articular(knee: Knee, patella: Outline | None, femur: Outline | None) -> None:
    """The corners of the patella towards the femur, above and below: where its border turns by 45 degrees."""
    names = ("articular_upper", "articular_lower")
    if patella is None or femur is None or "patella_apex" in knee.missing:
        absent = "patella_absent" if patella is None else "femur_absent"
        knee._lack(names, knee.missing.get("patella_apex", absent))
        return
    down = knee.points["patella_apex"] - knee.points["patella_base"]
    down = down / np.linalg.norm(down)
    back = femur.centre - patella.centre
    back = back - down * (back @ down)
    back = back / np.linalg.norm(back)
    knee.points["articular_upper"] = patella.corner(back - down)
    knee.points["articular_lower"] = patella.corner(back + down)


def _add_plateau(knee: Knee, tibia: Outline | None, shaft: Shaft | None) -> None:
    """The corner of the tibia in front and above: where its border turns by 45 degrees against the shaft."""
    if tibia is None or shaft is None or "patella_apex" in knee.missing:
        reason = knee.missing.get("tibia_axis_near") or knee.missing.get("patella_apex", "patella_absent")
        knee._lack(["plateau_corner"], reason)
        return
    up = -shaft.direction
    front = knee.points["patella_apex"] - shaft.start
    front = front - up * (front @ up)
    front = front / np.linalg.norm(front)
    knee.points["plateau_corner"] = tibia.corner(front + up)
