"""Surface models of the objects in a mask file, as binary STL or PLY, and a table of what they measure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from seggrid.data.sources import volumes
from seggrid.data.sources.files import read_mask, stem
from seggrid.data.sources.grids import Grid
from seggrid.errors import UserError
from seggrid.records import atomic, to_csv, write_text
from seggrid.surfaces.meshes import Surface, surface_of

Format = Literal["stl", "ply"]
FORMATS: tuple[Format, ...] = get_args(Format)
#: Which way the first two axes of the world point: left and posterior (DICOM, ITK, 3D Slicer's models), or right and
#: anterior (NIfTI).
Space = Literal["lps", "ras"]
SPACES: tuple[Space, ...] = get_args(Space)
COLUMNS = (
    "case", "object", "label", "file", "mask_volume_mm3", "volume_mm3", "area_mm2", "triangles", "closed",
    "mask_parts", "parts", "outside_mm",
)  # fmt: skip
_HEADER = 80
_NAME = re.compile(r"[\w .+-]{1,60}")


@dataclass(frozen=True)
class Style:
    """How surfaces are made and written.

    Attributes:
        kind: of the files.
        smooth: rounds, see ``surface_of``.
        space: of the coordinates.

    Raises:
        UserError: the rounds are negative.
    """

    kind: Format = "stl"
    smooth: int = 100
    space: Space = "lps"

    def __post_init__(self) -> None:
        if self.smooth < 0:
            raise UserError(f"--smooth: {self.smooth} is negative; give rounds, 0 for none")


def write_surfaces(mask: Path, out: Path, classes: str | None, style: Style) -> str:
    """Write the surface of every object of a mask file, and ``surfaces.csv``, into a folder.

    Args:
        classes: ``tibia=1,fibula=2``: objects and their labels; ``None``: all labels, named ``object-1`` and so on.

    Returns:
        A line per object.

    Raises:
        UserError: the mask cannot be read, is flat, or does not hold a label that was asked for.
    """
    voxels, grid = _read(mask)
    names = parse_objects(classes) if classes else _all_objects(voxels, mask)
    rows, lines = [], []
    for name, label in names.items():
        written = write_object(voxels == label, grid, out, f"{name}.{style.kind}", style)
        if written is None:
            raise UserError(f"{mask}: holds no voxel of label {label} ({name}); leave it out of --classes")
        measured, line = written
        rows.append([stem(Path(mask.name)), name, label, *measured])
        lines.append(line)
    write_text(out / "surfaces.csv", to_csv(COLUMNS, rows))
    return "\n".join(lines)


def write_object(
    mask: npt.NDArray[np.bool_], grid: Grid, out: Path, file: str, style: Style
) -> tuple[list[str], str] | None:
    """Write the surface of an object, and measure it; ``None`` where the mask is empty.

    Args:
        mask: in the axes of the grid.
        file: below ``out``.

    Returns:
        The columns of ``COLUMNS`` from ``file`` on, and a line that sums them up.
    """
    turn = np.diag([-1.0, -1.0, 1.0, 1.0]) if style.space == "lps" else np.eye(4)
    surface = surface_of(mask, turn @ grid.affine, style.smooth)
    if surface is None:
        return None
    _write(surface, out / file, style.kind, style.space)
    return [file, *_measured(surface)], f"{out / file}: {_said(surface)}"


def _measured(surface: Surface) -> list[str]:
    sizes = [f"{value:.6g}" for value in (surface.mask_volume, surface.volume, surface.mesh.area)]
    counts = [str(surface.mask_parts), str(surface.parts), f"{surface.outside:.4g}"]
    return [*sizes, str(len(surface.mesh.faces)), str(surface.closed).lower(), *counts]


def _said(surface: Surface) -> str:
    volume, triangles = surface.volume / 1000, len(surface.mesh.faces)
    said = f"{volume:.2f} ml (mask {surface.mask_volume / 1000:.2f}), {triangles} triangles"
    if surface.parts != surface.mask_parts:
        said += f", {surface.parts} parts (mask {surface.mask_parts})"
    if surface.outside:
        said += f", voxels of the mask up to {surface.outside:.2g} mm outside"
    return said if surface.closed else f"{said}, NOT closed: touching itself at an edge"


def _read(path: Path) -> tuple[npt.NDArray[np.generic], Grid]:
    """The voxels along the axes of the file, and where they lie."""
    if not path.is_file():
        raise UserError(f"{path}: no such file, and no run of this name under results/runs")
    grid = volumes.read_grid(path) if volumes.may_be_volume(path) else None
    if grid is None:
        raise UserError(f"{path}: not a volume; give a mask as NIfTI, NRRD, MHA or MHD with three axes")
    canonical, _ = read_mask(path, flat_slice=False)
    return grid.from_canonical(canonical), grid


def _all_objects(voxels: npt.NDArray[np.generic], path: Path) -> dict[str, int]:
    found = [int(label) for label in np.unique(voxels) if label > 0]
    if not found:
        raise UserError(f"{path}: an empty mask")
    return {f"object-{label}": label for label in found}


def file_name(name: str, label: int) -> str:
    """Return what the file of an object is called: its name, where files may be called so."""
    return name if _NAME.fullmatch(name) and name.strip(" .") else f"object-{label}"


def parse_objects(classes: str) -> dict[str, int]:
    """Read ``tibia=1,fibula=2``.

    Raises:
        UserError: an entry is none of these, or a name stands twice.
    """
    named: dict[str, int] = {}
    for entry in classes.split(","):
        name, _, label = entry.partition("=")
        if not _NAME.fullmatch(name) or not label.isdecimal() or int(label) == 0:
            raise UserError(
                f"--classes: {entry!r} is not NAME=LABEL, NAME of letters, digits, dots, hyphens and spaces"
            )
        if name in named:
            raise UserError(f"--classes: {name} stands twice")
        named[name] = int(label)
    return named


def _write(surface: Surface, path: Path, kind: Format, space: Space) -> None:
    """Write a file; its header names the space of the coordinates as 3D Slicer reads it."""
    # Normals follow from the order of the corners; written per vertex they would only double the file.
    content = surface.mesh.export(file_type=kind, **({"vertex_normal": False} if kind == "ply" else {}))
    said = f"seggrid SPACE={space.upper()} unit mm"
    if kind == "stl":
        content = said.encode().ljust(_HEADER) + content[_HEADER:]
    else:
        head, end, rest = content.partition(b"\n")
        content = head + end + rest.replace(b"\nelement", f"\ncomment {said}\nelement".encode(), 1)
    with atomic(path) as temporary:
        temporary.write_bytes(content)
