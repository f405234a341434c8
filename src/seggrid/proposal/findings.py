"""What is wrong with the data, or may be: one sentence each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from seggrid.data.card import PERCENTILES
from seggrid.proposal.classes import ObjectClass
from seggrid.proposal.fingerprint import Fingerprint, bits, counted
from seggrid.proposal.layout import Files
from seggrid.proposal.settings import Settings, smallest_kept

#: Fewer groups than this say little of how sure a ranking is.
_FEW_GROUPS = 10
#: Pixels of an object in a network's image below which it is easily missed.
_SMALL = 30
#: Names of cases that are left out for the same reason; the file has all of them.
_MOST_NAMED = 5
#: Share of pixels at the lowest or highest intensity from which an image counts as clipped.
_CLIPPED = {"at_lowest": 0.25, "at_highest": 0.02}
#: What may stand between a patient and the number of an image in a file's name.
_PARTS = re.compile(r"^(.*[^/_.\-])[/_.\-]+[^/_.\-]+$")


def list_findings(
    data: Files, fingerprint: Fingerprint, classes: Sequence[ObjectClass], settings: Settings
) -> Iterator[str]:
    """Yield a sentence for each finding on groups, objects and intensities."""
    yield from _groups(data, fingerprint, settings)
    yield from _objects(fingerprint, classes, settings)
    yield from _pixels(fingerprint)


def file_findings(fingerprint: Fingerprint) -> Iterator[str]:
    """Yield a sentence for each finding on files: what a user must mend first, then what is left out."""
    yield from (f"to be mended before anything can run: {problem}" for problem in fingerprint.problems)
    alike: dict[str, list[str]] = {}
    for case, reason in fingerprint.excluded.items():
        alike.setdefault(reason.removeprefix(f"{case}: "), []).append(case)
    for reason, cases in alike.items():
        more = f" and {len(cases) - _MOST_NAMED} more cases" if len(cases) > _MOST_NAMED else ""
        yield f"left out (data.exclude): {', '.join(cases[:_MOST_NAMED])}{more}: {reason}"


def _groups(data: Files, fingerprint: Fingerprint, settings: Settings) -> Iterator[str]:
    number = len(fingerprint.groups)
    least = settings.splits.least_groups
    if settings.blocks:
        yield (
            "1 patient: technical demonstration; its volumes are cut into blocks (data.subvolumes), which are no "
            "independent groups, so nothing can be claimed of other patients"
        )
        return
    if number < least:
        yield f"{number} group{'s' * (number != 1)} (patients): at least 3 are needed, so nothing can be trained yet"
    elif number < _FEW_GROUPS:
        yield f"only {number} groups (patients): no ranking on them is sure, whatever its figures"
    if not (data.path / data.cases).is_file() and all(case.group == case.case for case in fingerprint.cases):
        yield (
            f"no {data.cases}: every image counts as a patient of its own; if some are of one patient, name the "
            "groups there (columns case and group), or scores are too good"
        )
        yield from _patients_in_names([case.case for case in fingerprint.cases])


def _patients_in_names(names: Sequence[str]) -> Iterator[str]:
    """Point to names that look like PATIENT_IMAGE."""
    heads = Counter(match[1] for name in names if (match := _PARTS.match(name)))
    several = [head for head, count in heads.items() if count > 1]
    if heads.total() == len(names) and len(heads) > 1 and len(several) >= len(heads) / 2:
        members = [name for name in names if (match := _PARTS.match(name)) and match[1] == several[0]]
        yield f"names look like {len(heads)} patients or series: {', '.join(members[:3])} would be one group"


def _objects(fingerprint: Fingerprint, classes: Sequence[ObjectClass], settings: Settings) -> Iterator[str]:
    cases = len(fingerprint.cases)
    empty = sum(not any(own.areas[index] for own in classes) for index in range(cases))
    if empty:
        yield f"{empty} of {cases} masks show no object: they stay in (data.allow_empty); exclude what nobody drew"
    for own in classes:
        if own.groups < settings.splits.folds and not settings.blocks:
            yield (
                f"{own.name} is shown by {own.groups} of {len(fingerprint.groups)} groups: some folds neither train "
                "nor test it"
            )
        elif own.cases < 0.1 * cases:
            yield f"{own.name} is shown by {own.cases} of {cases} images only"
        left = smallest_kept(fingerprint, own, settings)
        if left < _SMALL:
            what, where = (
                ("voxels", "finer spacing (resample)") if settings.patch else ("pixels", "larger size (resize)")
            )
            yield (
                f"{own.name} comes down to {left:.0f} {what} at {' x '.join(map(str, settings.size))}: a {where} keeps "
                "it, and takes longer"
            )


def _pixels(fingerprint: Fingerprint) -> Iterator[str]:
    kinds = Counter(case.kind for case in fingerprint.cases)
    if len(kinds) > 1:
        yield f"images of different types of pixels: {counted(kinds)}"
    sides = np.array([case.shape for case in fingerprint.cases])
    if (sides.max(0) > 4 * sides.min(0)).any():
        yield f"sizes differ much, from {_size(sides.min(0))} to {_size(sides.max(0))}"
    for name, share in _CLIPPED.items():
        clipped = [case for case in fingerprint.cases if getattr(case, name) > share]
        if clipped:
            end, why = ("lowest", "a border, or cut off") if name == "at_lowest" else ("highest", "burnt out")
            yield (
                f"in {len(clipped)} of {len(fingerprint.cases)} images more than {100 * share:g} % of the pixels have "
                f"the {end} value: {why}"
            )


def _size(sides: Sequence[int]) -> str:
    return " x ".join(str(int(side)) for side in sides)


def summary(data: Files, fingerprint: Fingerprint, classes: Sequence[ObjectClass]) -> str:
    """Return what was found, in a few lines."""
    cases, groups = len(fingerprint.cases), len(fingerprint.groups)
    sizes = Counter(" x ".join(map(str, case.shape)) for case in fingerprint.cases)
    channels = "colour" if fingerprint.cases[0].channels == 3 else f"{fingerprint.cases[0].channels} channels"
    images = "grey" if fingerprint.cases[0].channels == 1 else channels
    spacing = fingerprint.cases[0].spacing
    lines = [
        f"{data.path}: {cases} image{'s' * (cases != 1)} with masks ({data.source}), {groups} group"
        f"{'s' * (groups != 1)}, {images}, pixels: {size_text(sizes)}",
        f"  spacing {_size_mm(fingerprint)} mm" if spacing else "  no spacing: distances are in pixels",
        f"  intensities: {intensity_text(fingerprint)}",
    ]
    total = sum(float(np.prod(case.shape)) for case in fingerprint.cases)
    for own in classes:
        share = f"{100 * sum(own.areas) / total:.3g} % of all pixels"
        lines.append(f"  {own.name}: in {own.cases} image{'s' * (own.cases != 1)}, {share}")
    return "\n".join(lines)


def _size_mm(fingerprint: Fingerprint) -> str:
    return " x ".join(f"{side:.3g}" for side in fingerprint.median("spacing"))


def size_text(sizes: Counter[str]) -> str:
    """Return one size, or the most frequent of several."""
    (usual, count), *others = sizes.most_common()
    return f"{usual} ({count} of them; {len(others)} other size{'s' * (len(others) > 1)})" if others else usual


def intensity_text(fingerprint: Fingerprint) -> str:
    """Return type, bit depth, percentiles and clipped shares of the median image."""
    depth = bits(fingerprint.cases)
    kinds = counted(Counter(case.kind for case in fingerprint.cases)) if depth == 0 else f"{depth} bit in use"
    shown = zip(PERCENTILES, fingerprint.median("percentiles"), strict=True)
    percentiles = ", ".join(f"{value:.5g} ({percentile:g} %)" for percentile, value in shown)
    low, high = (f"{100 * fingerprint.median(name):.2g} %" for name in _CLIPPED)
    return f"{kinds}; percentiles {percentiles}; {low} of the pixels at the lowest value, {high} at the highest"
