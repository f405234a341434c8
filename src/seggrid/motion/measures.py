"""Measures of a knee from its named points; the same for points found on a mask and for those that a phantom knows.

Where a measure differs from the radiological one it is called its style: see ``docs/explanation/motion.md``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
#: Name of a point -> its coordinates, or of a line -> its points, in 2-D or 3-D.
Landmarks = Mapping[str, Points]


@dataclass(frozen=True)
class Kind:
    """A measure.

    Attributes:
        title: as tables and figures head it.
        short: the same where there is little room.
        unit: ``degrees``, ``length`` (that of the spacing) or ``ratio``.
        needs: the points that it is computed from.
        compute: from points to value.
    """

    title: str
    short: str
    unit: str
    needs: tuple[str, ...]
    compute: Callable[[Landmarks], float]


@dataclass(frozen=True)
class Measure:
    """A measure of one frame.

    Attributes:
        value: NaN unless the status is ``ok``.
        status: ``ok``, or why it cannot be measured.
        unit: ``degrees``, ``mm``, ``px``, or nothing for a ratio.
    """

    name: str
    value: float
    status: str
    unit: str


def _distance(points: Landmarks, first: str, second: str) -> float:
    return float(np.linalg.norm(points[second] - points[first]))


def _flexion(points: Landmarks) -> float:
    """Angle by which the femoral shaft has turned from the line of the tibial one; positive where the knee bends.

    What is in front is told by the patella's apex, which lies before the tibial axis in every position.
    """
    femur = points["femur_axis_far"] - points["femur_axis_near"]
    tibia = points["tibia_axis_far"] - points["tibia_axis_near"]
    up = -tibia / np.linalg.norm(tibia)
    front = points["patella_apex"] - points["tibia_axis_near"]
    front = front - up * (front @ up)
    front = front / np.linalg.norm(front)
    return math.degrees(math.atan2(-float(femur @ front), float(femur @ up)))


def _tendon_length(points: Landmarks) -> float:
    return float(np.linalg.norm(np.diff(points["tendon"], axis=0), axis=1).sum())


def _patella_length(points: Landmarks) -> float:
    return _distance(points, "patella_base", "patella_apex")


def _insall_salvati(points: Landmarks) -> float:
    chord = float(np.linalg.norm(points["tendon"][-1] - points["patella_apex"]))
    return chord / _patella_length(points)


def _caton_deschamps(points: Landmarks) -> float:
    surface = _distance(points, "articular_upper", "articular_lower")
    return _distance(points, "articular_lower", "plateau_corner") / surface


#: Every measure by name, in the order of tables.
MEASURES: dict[str, Kind] = {
    "flexion": Kind(
        "Flexion", "Flexion", "degrees",
        ("femur_axis_near", "femur_axis_far", "tibia_axis_near", "tibia_axis_far", "patella_apex"), _flexion,
    ),
    "tendon_length": Kind("Patellar tendon length", "Tendon", "length", ("tendon",), _tendon_length),
    "patella_length": Kind("Patellar length", "Patella", "length", ("patella_base", "patella_apex"), _patella_length),
    "insall_salvati": Kind(
        "Insall-Salvati style index", "Insall-Salvati", "ratio",
        ("tendon", "patella_base", "patella_apex"), _insall_salvati,
    ),
    "caton_deschamps": Kind(
        "Caton-Deschamps style index", "Caton-Deschamps", "ratio",
        ("articular_upper", "articular_lower", "plateau_corner"), _caton_deschamps,
    ),
}  # fmt: skip


def measure_points(points: Landmarks, missing: Mapping[str, str], length_unit: str) -> list[Measure]:
    """Compute every measure whose points are known.

    Args:
        points: those that were found.
        missing: point -> why it was not found.
        length_unit: ``mm`` or ``px``.
    """
    found = []
    for name, kind in MEASURES.items():
        unit = {"degrees": "degrees", "length": length_unit, "ratio": ""}[kind.unit]
        status = next((missing[point] for point in kind.needs if point in missing), "ok")
        value = kind.compute(points) if status == "ok" else math.nan
        if status == "ok" and not math.isfinite(value):
            value, status = math.nan, "points_coincide"
        found.append(Measure(name, value, status, unit))
    return found
