"""Surface models of the objects in the test masks of a run."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from seggrid.errors import UserError
from seggrid.inference.masks import members, read_volume
from seggrid.paths import EvaluationFolder, RunFolder
from seggrid.records import to_csv, write_text
from seggrid.specification import read_evaluation
from seggrid.surfaces.files import COLUMNS, Style, file_name, parse_objects, write_object

Row = list[object]


def write_run_surfaces(run_id: str, out: Path, classes: str | None, style: Style, evaluation: str | None = None) -> str:
    """Write ``CASE/OBJECT.stl`` for every object of every test mask of a run, and ``surfaces.csv``, into a folder.

    An object that a mask does not show has a row without file.

    Args:
        classes: ``tibia=1,fibula=2``; ``None``: all objects of the run by their names.
        evaluation: its digits, of a run that was measured in several ways.

    Returns:
        A line per object and case.

    Raises:
        UserError: the run has no such evaluation or no masks of volumes, or there is no such object.
    """
    folder = _evaluation(run_id, evaluation)
    names = read_evaluation(folder.folder.name.removeprefix("eval-")).class_names
    objects = parse_objects(classes) if classes else {file_name(n, k): k for k, n in enumerate(names, start=1)}
    for name, label in objects.items():
        if label > len(names):
            raise UserError(f"--classes: {name}={label}: the run has objects 1 to {len(names)}: {', '.join(names)}")
    try:
        with zipfile.ZipFile(folder.predictions) as archive:
            written = list(_surfaces(archive, out, objects, style))
    except FileNotFoundError:
        raise UserError(f"{folder.predictions}: no such file; delete cases.csv beside it and evaluate again") from None
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise UserError(f"{folder.predictions}: damaged ({error}); delete it and evaluate the run again") from error
    if not written:
        raise UserError(f"{folder.predictions}: holds no test mask; the run failed, or no case is held out")
    write_text(out / "surfaces.csv", to_csv(COLUMNS, (row for row, _ in written)))
    return "\n".join(line for _, line in written)


def _evaluation(run_id: str, wanted: str | None) -> EvaluationFolder:
    folder = RunFolder(run_id).folder
    found = sorted(path.name.removeprefix("eval-") for path in folder.glob("eval-*"))
    if wanted is None and len(found) > 1:
        raise UserError(f"{folder}: measured in several ways; give --evaluation, one of {', '.join(found)}")
    if not found or (wanted is not None and wanted not in found):
        raise UserError(f"{folder}: has no evaluation{f' {wanted}' if wanted else ''}; run `seggrid evaluate` first")
    return RunFolder(run_id).evaluation(wanted or found[0])


def _surfaces(archive: zipfile.ZipFile, out: Path, objects: dict[str, int], style: Style) -> Iterator[tuple[Row, str]]:
    """Yield a row and a line for every object and test case."""
    for split, case in members(archive):
        if split != "test":
            continue
        voxels, grid = read_volume(archive, f"{split}/{case}")
        for name, label in objects.items():
            written = write_object(voxels == label, grid, out, f"{case}/{name}.{style.kind}", style)
            if written is None:
                nothing = ["", "0", *[""] * (len(COLUMNS) - 5)]
                yield [case, name, label, *nothing], f"{case}: no voxel of label {label} ({name})"
            else:
                yield [case, name, label, *written[0]], written[1]
