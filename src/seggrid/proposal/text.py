"""The experiment file: what is proposed, and why, as comments."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from seggrid.config.data import CocoData, FolderData, NnunetData, members
from seggrid.proposal.classes import ObjectClass
from seggrid.proposal.findings import intensity_text
from seggrid.proposal.fingerprint import Fingerprint
from seggrid.proposal.grids import Grid
from seggrid.proposal.layout import Files
from seggrid.proposal.settings import Settings

_WIDTH = 118
#: A word that YAML needs no quotes for; what it takes for a number or a truth value is no such word.
_PLAIN = re.compile(
    r"(?!(?:y|n|yes|no|on|off|true|false|null)$)(?:\.{1,2}/)?[A-Za-z_/][A-Za-z0-9_/.+*() -]*(?<! )", re.IGNORECASE
)


def experiment_text(
    head: str,
    data: Files,
    fingerprint: Fingerprint,
    classes: Sequence[ObjectClass],
    settings: Settings,
    grids: Sequence[tuple[Grid, str]],
    findings: Sequence[str],
) -> str:
    """Return the file: the data, what all grids share, the first grid, and the others as comments.

    Args:
        head: where it comes from, in a sentence.
        grids: with what is known of the time of each.
    """
    lines = [*comment(head), *comment("All of it may be changed; what is not said here has its default of "
             "config/default.yaml.")]  # fmt: skip
    if findings:
        lines += ["#", "# What to look at in the data:"]
        lines += [line for text in findings for line in comment(text, "# - ", "#   ")]
    lines += ["", *_data(data, fingerprint, classes, settings), "", *_shared(data, fingerprint, settings)]
    (first, time), *others = grids
    lines += ["", f"# ---- {first.name} grid: {first.runs} runs, {time}", *comment(first.purpose)]
    lines += _keys(first.keys)
    for grid, time in others:
        lines += ["", f"# ---- {grid.name} grid: {grid.runs} runs, {time}", *comment(grid.purpose)]
        lines += comment("To run it, delete the grid above and take the first two characters of these lines away:")
        lines += [f"# {line}" for line in _keys(grid.keys)]
    return "\n".join(lines) + "\n"


def comment(text: str, first: str = "# ", next_lines: str = "# ") -> list[str]:
    """Wrap a text as comments; nothing in it can end a line."""
    return textwrap.wrap(one_line(text), _WIDTH, initial_indent=first, subsequent_indent=next_lines) or [first.rstrip()]


def one_line(text: str) -> str:
    """Return a text without anything that breaks or controls a line, as names of files may hold."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _data(data: Files, fingerprint: Fingerprint, classes: Sequence[ObjectClass], settings: Settings) -> Iterator[str]:
    yield "data:"
    yield f"  source: {data.source}"
    yield f"  path: {flow(str(data.path))}"
    if isinstance(data, FolderData) and data.series:
        yield "  # Each folder of DICOM files is a volume."
        yield "  series: true"
    if settings.blocks:
        yield "  # One patient: blocks of its volumes, each a case."
        yield f"  subvolumes: {flow({'grid': list(settings.blocks)})}"
    for key, usual in (("annotations", "coco.json"), ("images", "images"), ("masks", "masks"), ("shapes", "polygons")):
        if getattr(data, key, usual) != usual:
            yield f"  {key}: {flow(getattr(data, key))}"
    yield from _classes(data, classes, len(fingerprint.cases))
    if isinstance(data, CocoData) and len(data.on_top) > 1:
        yield "  # From bottom to top where outlines overlap: the largest object below."
        yield f"  on_top: {flow(list(data.on_top))}"
    if data.ignore:
        yield f"  ignore: {flow(list(data.ignore))}"
    if data.exclude:
        yield "  exclude:"
        said = ""
        for case in data.exclude:
            reason = fingerprint.excluded[case]
            yield from comment(reason, "    # ", "    # ") if reason != said else ()
            yield f"    - {flow(case)}"
            said = reason
    if data.allow_empty:
        yield "  # Some masks show no object."
        yield "  allow_empty: true"
    if fingerprint.cases[0].spacing is None:
        yield "  # Distances are in pixels, unless a pixel of every image has the same size in mm (rows, columns):"
        yield "  # spacing: [0.2, 0.2]"


def _classes(data: FolderData | CocoData | NnunetData, classes: Sequence[ObjectClass], cases: int) -> Iterator[str]:
    yield "  # Names are labels: after a new name nothing is trained again."
    yield "  classes:"
    for own in classes:
        value = members(data.classes[own.name])
        shown = flow(list(value) if len(value) > 1 else value[0])
        yield f"    {flow(own.name)}: {shown}  # in {own.cases} of {cases} images"


def _shared(data: Files, fingerprint: Fingerprint, settings: Settings) -> Iterator[str]:
    yield from comment(f"Intensities: {intensity_text(fingerprint)}.")
    shapes = [case.shape for case in fingerprint.cases]
    low, high = (" x ".join(str(f(sides)) for sides in zip(*shapes, strict=True)) for f in (min, max))
    median = " x ".join(map(str, fingerprint.median_shape))
    sizes = f"All images are {median} pixels." if low == high else f"Sizes {low} to {high}, median {median} pixels."
    if settings.patch:
        patch = " x ".join(map(str, settings.patch))
        sizes = f"{sizes.replace('images', 'volumes')} Axes are slices, rows, columns. Networks see patches of {patch}."
    else:
        sizes += (
            " Networks halve an image five times, so sides are multiples of 32; a larger size shows more detail and "
            "takes longer."
        )
    yield from comment(sizes)
    yield "preprocessing:"
    for step, why in settings.preprocessing:
        yield f"  - {flow(step)[1:-1] if isinstance(step, dict) else step}{f'  # {why}' if why else ''}"
    groups = settings.train + settings.validation + settings.test if settings.blocks else len(fingerprint.groups)
    table = data.path / data.cases
    known = f"patients; by {data.cases}" if table.is_file() else f"patients; no {data.cases}"
    known = "blocks of one patient" if settings.blocks else known
    yield from comment(
        f"{groups} groups ({known}), none on two sides of a fold: about {settings.train} images to train on, "
        f"{settings.validation} to validate, {settings.test} to test."
    )
    yield f"splits: {flow({'folds': settings.splits.folds})}"
    yield "# What the other mixtures are compared with."
    yield "scoring: {baseline: ce}"


def _keys(keys: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, value in keys.items():
        if key == "mixtures":
            lines += ["mixtures:", *(f"  - {flow(item)[1:-1] if isinstance(item, dict) else item}" for item in value)]
        else:
            lines.append(f"{key}: {flow(value)}")
    return lines


def flow(value: Any) -> str:
    """Return a value as YAML on one line, readable and safe whatever stands in it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        quoted = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=10**9)
        return str(quoted.strip())
    return value if isinstance(value, str) else str(yaml.safe_dump(value).splitlines()[0])
