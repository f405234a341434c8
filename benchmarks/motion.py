"""How wrong are the measures of motion on true masks of the knee phantom, whose pose is known?

Prints, for three ways of imaging the same knees, how many frames can be measured and the errors: of the measure on the
mask against the projected points, and of projection itself, projected against 3-D points.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from seggrid.config.phantom import KneeSettings
from seggrid.motion import MEASURES, measure_knee
from seggrid.motion.knee import ROLES
from seggrid.motion.known import known_measures
from seggrid.phantom import PoseError, radiograph

KNEES, FRAMES = 40, 4
LABELS = {role: number for number, role in enumerate(ROLES, start=1)}
_WIDE = (220.0, 300.0)
IMAGING = {
    "wide field, true lateral": {"field_of_view": _WIDE, "out_of_plane_rotation": 0.0, "size": 320},
    "wide field, up to 6 degrees off": {"field_of_view": _WIDE, "out_of_plane_rotation": 6.0, "size": 320},
    "wide field, up to 18 degrees off": {"field_of_view": _WIDE, "size": 320},
    "default (125 to 190 mm, up to 18 degrees off)": {},
}


def measured(settings: KneeSettings) -> tuple[pd.DataFrame, float]:
    """A row per frame and measure, and the time that a mask takes, in ms."""
    rows, seconds, masks = [], 0.0, 0
    for subject in range(KNEES):
        for frame in range(FRAMES):
            try:
                known = known_measures(settings, subject, frame)
            except PoseError:
                continue
            case = radiograph(settings, subject, frame)
            start = time.perf_counter()
            found = measure_knee(case.labels, LABELS, case.spacing)
            seconds, masks = seconds + time.perf_counter() - start, masks + 1
            for one, projected, spatial in zip(found, known.projected, known.spatial, strict=True):
                rows.append((one.name, one.status, one.value - projected.value, projected.value - spatial.value))
    return pd.DataFrame(rows, columns=["measure", "status", "mask", "projection"]), 1000 * seconds / masks


def told(errors: pd.Series) -> str:
    """``bias +0.3, SD 0.5, 95 % below 1.2, worst 2.0``."""
    known = errors.dropna().to_numpy()
    size = np.abs(known)
    return f"{known.mean():+.3f} | {known.std():.3f} | {np.percentile(size, 95):.3f} | {size.max():.3f}"


def main() -> None:
    print(f"{KNEES} knees x {FRAMES} frames; degrees, mm or ratio: bias | SD | 95 % below | worst")
    for name, changes in IMAGING.items():
        table, milliseconds = measured(KneeSettings(subjects=KNEES, frames=FRAMES, seed=2, **changes))
        print(f"\n{name}: {milliseconds:.1f} ms a mask")
        for measure, kind in MEASURES.items():
            rows = table[table["measure"] == measure]
            done = rows["status"] == "ok"
            print(f"| {kind.title} | {done.sum()} of {len(rows)} | {told(rows['mask'])} | {told(rows['projection'])} |")
            for status, count in rows.loc[~done, "status"].value_counts().items():
                print(f"    {status}: {count}")


if __name__ == "__main__":
    main()
