"""Picture of a knee with the axes and points that its measures are computed from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from seggrid.motion.knee import Knee
from seggrid.motion.measures import Measure, Points

#: Line from point to point -> its colour, blue green red, of Okabe and Ito 2008.
_LINES = {
    ("femur_axis_near", "femur_axis_far"): (0, 94, 213),
    ("tibia_axis_near", "tibia_axis_far"): (0, 94, 213),
    ("patella_base", "patella_apex"): (167, 121, 204),
    ("articular_upper", "articular_lower"): (178, 114, 0),
    ("articular_lower", "plateau_corner"): (178, 114, 0),
}
_TENDON = (115, 158, 0)
_SIDE = 640
#: Axes are drawn longer than they were found, by this share on either side.
_LONGER = 0.6


def draw_knee(
    image: npt.NDArray[Any], knee: Knee, spacing: tuple[float, float] | None, measures: Sequence[Measure]
) -> bytes:
    """Draw what was found on a mask over its image, as PNG.

    Args:
        image: grey values or labels, shape ``(H, W)``.
        knee: points in the unit of the spacing.
        measures: written into the picture.
    """
    low, high = np.percentile(image, (0.5, 99.5))
    grey = np.clip((image - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
    factor = _SIDE / max(grey.shape)
    shown = cv2.cvtColor(cv2.resize(grey, None, fx=factor, fy=factor), cv2.COLOR_GRAY2BGR)
    scale = factor / np.asarray(spacing or (1.0, 1.0))

    def pixel(point: Points) -> tuple[int, int]:
        row, column = (point * scale + 0.5 * factor).tolist()
        return round(column), round(row)

    for (first, second), colour in _LINES.items():
        if first in knee.points and second in knee.points:
            start, end = knee.points[first], knee.points[second]
            stretch = _LONGER * (end - start) if "axis" in first else 0.0
            cv2.line(shown, pixel(start - stretch), pixel(end + stretch), colour, 2, cv2.LINE_AA)
            for point in (start, end):
                cv2.circle(shown, pixel(point), 4, colour, -1, cv2.LINE_AA)
    if "tendon" in knee.points:
        line = np.array([pixel(point) for point in knee.points["tendon"]])
        cv2.polylines(shown, [line], False, _TENDON, 2, cv2.LINE_AA)
    for number, measure in enumerate(measures):
        said = f"{measure.value:.2f} {measure.unit}" if measure.status == "ok" else measure.status
        place = (8, 20 + 20 * number)
        cv2.putText(shown, f"{measure.name}: {said}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1)
    done, content = cv2.imencode(".png", shown)
    if not done:
        raise OSError("the picture of a knee cannot be written as PNG")
    return content.tobytes()
