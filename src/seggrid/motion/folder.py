"""Measures of knees in mask files, such as ``seggrid predict`` writes them: for knees without a true mask."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seggrid.data.sources.files import by_stem, read_image, read_mask
from seggrid.errors import UserError
from seggrid.motion.drawing import draw_knee
from seggrid.motion.knee import ROLES, find_knee
from seggrid.motion.measures import Measure, measure_points
from seggrid.motion.stage import natural, number_text
from seggrid.records import to_csv, write_text

COLUMNS = ("group", "case", "frame", "measure", "unit", "value", "status")


def measure_folder(
    masks: Path,
    out: Path,
    classes: str | None = None,
    spacing: tuple[float, float] | None = None,
    images: Path | None = None,
) -> str:
    """Measure the knee of every mask in a folder; write ``motion.csv`` and a picture of each into another one.

    The masks of a subfolder are the frames of a sequence, in the order of their names.

    Args:
        classes: what the parts are in the masks, ``patella=1,femur=2,...``; default: 1 to 4 in the order of ``ROLES``.
        spacing: per axis in mm; default: that of the files, else lengths are in px.
        images: folder of the images, to draw on; default: the masks are drawn on.

    Returns:
        A sentence on how many were measured.

    Raises:
        UserError: there is no mask, or one cannot be read.
    """
    labels = parse_classes(classes)
    if spacing and not all(0 < side < np.inf for side in spacing):
        raise UserError(f"--spacing: {spacing[0]:g} {spacing[1]:g} is not positive; give mm per row and column")
    for folder in (masks, *([images] if images else [])):
        if folder.resolve().is_relative_to(out.resolve()):
            raise UserError(f"--out: {out} holds {folder}, whose files pictures could replace; give another folder")
    files = _files(masks, out)
    pictures = _files(images, out) if images else {}
    rows: list[list[object]] = []
    counts: dict[str, int] = {}
    for name in sorted(files, key=natural):
        group = str(Path(name).parent.as_posix())
        counts[group] = counts.get(group, 0) + 1
        mask, found = read_mask(files[name])
        measures = _measure(mask, labels, found, spacing, files[name], out / f"{name}.png", pictures.get(name))
        place = [masks.name if group == "." else group, name, counts[group]]
        rows += [[*place, one.name, one.unit, number_text(one), one.status] for one in measures]
    write_text(out / "motion.csv", to_csv(COLUMNS, rows))
    whole = sum(row[-1] == "ok" for row in rows)
    return f"{out / 'motion.csv'}: {len(files)} masks, {whole} of {len(rows)} measures"


def parse_classes(text: str | None) -> dict[str, int]:
    """Read ``patella=1,femur=2,tibia=3,patellar_tendon=4``.

    Raises:
        UserError: a part is unknown, missing or has no number.
    """
    if text is None:
        return {role: number for number, role in enumerate(ROLES, start=1)}
    found = {}
    for entry in text.split(","):
        role, _, value = entry.partition("=")
        if role not in ROLES or not value.isdigit() or not 0 < int(value) < 256:
            raise UserError(f"--classes: {entry!r} is not PART=LABEL with a part of {', '.join(ROLES)}")
        found[role] = int(value)
    for role in ROLES:
        if role not in found:
            raise UserError(f"--classes: {role} is missing; write {role}=LABEL, of a label that no mask has if need be")
    return found


def _files(folder: Path, out: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    hidden = (
        file.relative_to(folder)
        for file in folder.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
    results = out.resolve()
    inside = [file for file in hidden if not (folder / file).resolve().is_relative_to(results)]
    found, _ = by_stem(inside, folder, lossless=False)
    if not found:
        raise UserError(f"{folder}: holds no mask that can be read")
    return found


def _measure(
    mask: npt.NDArray[np.int64],
    labels: Mapping[str, int],
    found: tuple[float, ...] | None,
    given: tuple[float, float] | None,
    path: Path,
    picture: Path,
    image: Path | None,
) -> list[Measure]:
    if mask.ndim != 2:
        raise UserError(f"{path}: a volume; motion is measured on radiographs")
    spacing = given or ((found[0], found[1]) if found else None)
    small = np.where((mask > 0) & (mask < 256), mask, 0).astype(np.uint8)
    knee = find_knee(small, labels, spacing)
    measures = measure_points(knee.points, knee.missing, "mm" if spacing else "px")
    shown = read_image(image)[0].mean(axis=0) if image else small.astype(np.float64)
    if shown.shape != small.shape:
        raise UserError(f"{image}: another size than its mask {path}")
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(draw_knee(shown, knee, spacing, measures))
    return measures
