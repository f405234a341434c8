"""What every case must be before anything is trained; all that is wrong is told at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from seggrid.data.sources import RawCase
from seggrid.errors import UserError


def check_case(raw: RawCase, allow_empty: bool) -> list[str]:
    """Return what is wrong with the pixels of one case, a sentence each."""
    problems = []
    image, labels = raw.image, raw.labels
    if 0 in labels.shape:
        return [f"{raw.case}: the image has no pixels"]
    if raw.spacing is not None and len(raw.spacing) != labels.ndim:
        problems.append(
            f"{raw.case}: data.spacing has {len(raw.spacing)} values, the image {labels.ndim} axes; give one per axis"
        )
    broken = np.count_nonzero(~np.isfinite(image)) if image.dtype.kind in "fc" else 0
    if broken:
        problems.append(f"{raw.case}: {broken} pixels of the image are NaN or infinite")
    for number, channel in enumerate(image):
        if not broken and channel.min() == channel.max():
            which = f"channel {number} of the image" if len(image) > 1 else "the image"
            problems.append(f"{raw.case}: {which} has the value {channel.flat[0]:g} everywhere")
    if not allow_empty and not labels.any():
        problems.append(f"{raw.case}: the mask shows no object; exclude the case, or set data.allow_empty to true")
    return problems


def is_left_out(raw: RawCase, allow_empty: bool) -> bool:
    """Whether a part of a volume is no case: it shows no object, and empty ones are not allowed, or nothing at all."""
    if not raw.part or raw.labels.any():
        return False
    return not allow_empty or any(channel.min() == channel.max() for channel in raw.image)


def check_duplicates(digests: Iterable[tuple[str, str]]) -> list[str]:
    """Name the cases whose decoded images are the same, pixel for pixel.

    Args:
        digests: case and digest of its image.
    """
    return [
        f"{', '.join(cases)}: the same image under {len(cases)} names; keep one and put the others into data.exclude"
        for cases in same_images(digests)
    ]


def same_images(digests: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the cases of each image that has several."""
    alike: dict[str, list[str]] = {}
    for case, digest in digests:
        alike.setdefault(digest, []).append(case)
    return [cases for cases in alike.values() if len(cases) > 1]


def check_uniform(cases: Iterable[tuple[str, int, int, bool]]) -> dict[str, str]:
    """Name the cases that differ from most in their axes, their channels or in having a spacing.

    Args:
        cases: case, number of axes, of channels, and whether the spacing is known.

    Returns:
        A sentence for each case that differs.
    """
    kinds = {case: (axes, channels, spaced) for case, axes, channels, spaced in cases}
    if len(set(kinds.values())) < 2:
        return {}
    (usual, _), *_ = Counter(kinds.values()).most_common(1)
    example = next(case for case, kind in kinds.items() if kind == usual)
    problems = {}
    for case, (axes, channels, spaced) in kinds.items():
        if axes != usual[0]:
            problems[case] = f"{case}: {axes} axes, but {example} and most others have {usual[0]}"
        elif channels != usual[1]:
            problems[case] = (
                f"{case}: {channels} channels, but {example} and most others have {usual[1]}; "
                "save all as grey or all as colour"
            )
        elif spaced != usual[2]:
            has = "a" if spaced else "no"
            problems[case] = f"{case}: has {has} spacing, unlike {example} and most others; set data.spacing"
    return problems


def check_classes(names: Sequence[str], presence: Iterable[Iterable[int]]) -> list[str]:
    """Name the classes that no case shows; ``presence`` holds the labels of each case."""
    seen = {label for labels in presence for label in labels}
    return [
        f"data.classes: no case shows {name}; correct its value or take it out"
        for label, name in enumerate(names, start=1)
        if label not in seen
    ]


def refuse(problems: Sequence[str]) -> None:
    """Stop when anything is wrong.

    Raises:
        UserError: every problem, a line each.
    """
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise UserError(f"{count} in the data, so nothing was preprocessed:\n" + "\n".join(f"  {p}" for p in problems))
