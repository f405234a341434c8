"""Measures of knees in mask files, such as ``seggrid predict`` writes them: for knees without a true mask."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from seggrid.errors import UserError
from seggrid.motion.drawing import draw_knee
from seggrid.motion.frames import Frame, find_frames
from seggrid.motion.knee import ROLES, find_knee
from seggrid.motion.measures import Measure, measure_points
from seggrid.motion.stage import number_text
from seggrid.records import to_csv, write_text

COLUMNS = ("sequence", "case", "frame", "measure", "unit", "value", "status")


def measure_folder(
    masks: Path,
    out: Path,
    classes: str | None = None,
    spacing: tuple[float, float] | None = None,
    images: Path | None = None,
) -> str:
    """Measure the knee of every mask in a folder; write ``motion.csv`` and a picture of each into another one.

    See ``find_frames`` for what a sequence is.

    Args:
        classes: what the parts are in the masks, ``patella=1,femur=2,...``; default: 1 to 4 in the order of ``ROLES``.
        spacing: per axis in mm; default: that of the masks, else of the images, else lengths are in px.
        images: folder of the images, to draw on and, of DICOM, to order frames by; default: the masks are drawn on.

    Returns:
        A sentence on how many were measured.

    Raises:
        UserError: there is no mask, or one cannot be read or has other labels.
    """
    labels = parse_classes(classes)
    if spacing and not all(0 < side < np.inf for side in spacing):
        raise UserError(f"--spacing: {spacing[0]:g} {spacing[1]:g} is not positive; give mm per row and column")
    for folder in (masks, *([images] if images else [])):
        if folder.resolve().is_relative_to(out.resolve()):
            raise UserError(f"--out: {out} holds {folder}, whose files pictures could replace; give another folder")
    rows: list[list[object]] = []
    frames = find_frames(masks, out, images)
    for frame in frames:
        measures = _measure(frame, labels, spacing, out / f"{frame.case}.png")
        place = [frame.sequence, frame.case, frame.number]
        rows += [[*place, one.name, one.unit, number_text(one), one.status] for one in measures]
    write_text(out / "motion.csv", to_csv(COLUMNS, rows))
    whole = sum(row[-1] == "ok" for row in rows)
    return f"{out / 'motion.csv'}: {len(frames)} masks, {whole} of {len(rows)} measures"


def parse_classes(text: str | None) -> dict[str, int]:
    """Read ``patella=1,femur=2,tibia=3,patellar_tendon=4``.

    Raises:
        UserError: a part is unknown, missing or has no number, or one stands twice.
    """
    if text is None:
        return {role: number for number, role in enumerate(ROLES, start=1)}
    found: dict[str, int] = {}
    for entry in text.split(","):
        role, _, value = entry.partition("=")
        if role not in ROLES or not value.isdecimal() or not 0 < int(value) < 256:
            raise UserError(f"--classes: {entry!r} is not PART=LABEL with a part of {', '.join(ROLES)}")
        if role in found or int(value) in found.values():
            raise UserError(f"--classes: {entry} names a part or a label that stands there already; give each its own")
        found[role] = int(value)
    for role in ROLES:
        if role not in found:
            raise UserError(f"--classes: {role} is missing; write {role}=LABEL, of a label that no mask has if need be")
    return found


def _measure(
    frame: Frame, labels: Mapping[str, int], given: tuple[float, float] | None, picture: Path
) -> list[Measure]:
    mask, found, names = frame.read_mask()
    if mask.ndim != 2:
        raise UserError(f"{frame.mask}: a volume; motion is measured on radiographs")
    _check_names(frame, names, labels)
    image = frame.read_image()
    found = found or (image[1] if image else None)
    spacing = given or ((found[0], found[1]) if found else None)
    small = np.where((mask > 0) & (mask < 256), mask, 0).astype(np.uint8)
    knee = find_knee(small, labels, spacing)
    measures = measure_points(knee.points, knee.missing, "mm" if spacing else "px")
    shown = image[0].mean(axis=0) if image else small.astype(np.float64)
    if shown.shape != small.shape:
        raise UserError(f"{frame.case}: its image has another size than its mask {frame.mask}")
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(draw_knee(shown, knee, spacing, measures))
    return measures


def _check_names(frame: Frame, names: Mapping[int, str], labels: Mapping[str, int]) -> None:
    """Compare the names that a segmentation gives to its labels with the parts that are measured."""
    for number, name in names.items():
        if labels.get(name, number) != number:
            raise UserError(
                f"{frame.mask}: label {number} is called {name}, which is looked for in label {labels[name]}; "
                f"give --classes {name}={number} and so on"
            )
