"""Draw what the measures of motion are computed from: ``docs/images/motion.png``, on a radiograph of the phantom."""

from __future__ import annotations

from pathlib import Path

from seggrid.config.phantom import KneeSettings
from seggrid.motion import find_knee, measure_knee
from seggrid.motion.drawing import draw_knee
from seggrid.motion.knee import ROLES
from seggrid.phantom import radiograph

LABELS = {role: number for number, role in enumerate(ROLES, start=1)}
SETTINGS = KneeSettings(
    subjects=1, frames=5, size=512, field_of_view=(220.0, 230.0), out_of_plane_rotation=3, mirrored=0, collimation=0,
    markers=0, in_plane_rotation=10, seed=4,
)  # fmt: skip


def main() -> None:
    case = radiograph(SETTINGS, 0, 1)
    knee = find_knee(case.labels, LABELS, case.spacing)
    measures = measure_knee(case.labels, LABELS, case.spacing)
    picture = draw_knee(case.image, knee, case.spacing, measures)
    (Path(__file__).parent / "images" / "motion.png").write_bytes(picture)


if __name__ == "__main__":
    main()
