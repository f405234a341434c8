"""Read every case once: sizes, intensities, mask values, and what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from seggrid.data import checks
from seggrid.data.card import PERCENTILES, image_digest
from seggrid.data.sources import Case, RawCase, Source, open_source
from seggrid.data.sources.folder import FolderSource
from seggrid.errors import UserError
from seggrid.proposal.layout import Files

#: Reasons that are told where no case can be used.
_MOST_REASONS = 20


@dataclass(frozen=True)
class CaseFingerprint:
    """What one case holds.

    Attributes:
        shape: of the image, without channels.
        kind: type of the pixels, e.g. ``uint8``.
        percentiles: of the intensities of all channels, at ``PERCENTILES``.
        lowest, highest: intensities.
        at_lowest, at_highest: shares of the pixels that have them.
        areas: mask value -> pixels, without the background. Values are those of the file (folder), else 1 to K.
    """

    case: str
    group: str
    shape: tuple[int, ...]
    channels: int
    kind: str
    spacing: tuple[float, ...] | None
    digest: str
    percentiles: tuple[float, ...]
    lowest: float
    highest: float
    at_lowest: float
    at_highest: float
    areas: Mapping[int, int]


@dataclass(frozen=True)
class Fingerprint:
    """A data set as its files are.

    Attributes:
        cases: those that can be used, by name.
        excluded: name of each case that cannot -> why.
        problems: what no exclusion mends, a sentence each.
        class_names: of the source; of the folder source nothing is known yet.
        value_names: labels that mask files give to their values.
    """

    cases: tuple[CaseFingerprint, ...]
    excluded: Mapping[str, str]
    problems: tuple[str, ...]
    class_names: tuple[str, ...]
    value_names: Mapping[int, str]

    @cached_property
    def groups(self) -> dict[str, list[CaseFingerprint]]:
        """The cases of each group."""
        found: dict[str, list[CaseFingerprint]] = {}
        for case in self.cases:
            found.setdefault(case.group, []).append(case)
        return found

    @cached_property
    def values(self) -> dict[int, list[int]]:
        """Mask value -> its pixels in each case that shows it; by rising value."""
        found: dict[int, list[int]] = {}
        for case in self.cases:
            for value, pixels in case.areas.items():
                found.setdefault(value, []).append(pixels)
        return dict(sorted(found.items()))

    @cached_property
    def axes(self) -> int:
        """Axes of an image: 2, or 3 of a volume."""
        return len(self.cases[0].shape)

    @cached_property
    def median_shape(self) -> tuple[int, ...]:
        """The median of each side."""
        return tuple(int(side) for side in np.median([case.shape for case in self.cases], axis=0))

    def median(self, name: str) -> Any:
        """The median over the cases of one of their numbers, or tuple of numbers."""
        return np.median([getattr(case, name) for case in self.cases], axis=0).tolist()


def take_fingerprint(data: Files, tell: Callable[[str], None]) -> Fingerprint:
    """Read every case, check it as ``seggrid preprocess`` does, and leave out those that it would refuse.

    Args:
        tell: where it says how far it is.

    Raises:
        UserError: no case can be used.
    """
    source = open_source(data)
    listing = source.list_cases()
    excluded = dict.fromkeys(listing.incomplete, "its image, mask or a channel is missing")
    found: dict[str, CaseFingerprint] = {}
    names: dict[int, str] = {}
    faults: list[str] = []
    for number, case in enumerate(listing.cases, start=1):
        if number % 500 == 0:
            tell(f"{number} of {len(listing.cases)} cases read")
        try:
            found[case.case] = _read(source, case, names)
        except UserError as error:
            faults += error.problems
            excluded[case.case] = "; ".join(error.problems)
    excluded |= _odd(found)
    kept = tuple(case for name, case in found.items() if name not in excluded)
    if not kept:
        reasons = [*_other_names(listing.incomplete), *listing.problems, *faults] or ["no image with a mask was found"]
        more = [f"and {len(reasons) - _MOST_REASONS} more"] if len(reasons) > _MOST_REASONS else []
        raise UserError(*reasons[:_MOST_REASONS], *more)
    remaining = open_source(data.model_copy(update={"exclude": tuple(excluded)})).list_cases().problems
    return Fingerprint(kept, excluded, remaining, source.class_names, names)


def _other_names(names: Sequence[str]) -> list[str]:
    """Say so where masks are called like their images, with something behind."""
    known = set(names)
    behind = Counter(name[cut:] for name in names for cut in range(1, len(name)) if name[:cut] in known)
    suffix, count = behind.most_common(1)[0] if behind else ("", 0)
    if not suffix or count < len(names) / 4:
        return []
    return [f"names end in {suffix!r} where those of their images do not: give every mask the name of its image"]


def _odd(cases: Mapping[str, CaseFingerprint]) -> dict[str, str]:
    """Cases that do not go together with the others -> why; of equal images the first stays."""
    kinds = [(name, len(c.shape), c.channels, c.spacing is not None) for name, c in cases.items()]
    found = checks.check_uniform(kinds)
    for first, *others in checks.same_images((name, case.digest) for name, case in cases.items()):
        found |= dict.fromkeys(others, f"the same image as {first}; find out whose it is")
    return found


def _read(source: Source, case: Case, names: dict[int, str]) -> CaseFingerprint:
    """Read a case; labels that its mask file gives to values are added to ``names``.

    Raises:
        UserError: it cannot be used.
    """
    mask: npt.NDArray[Any]
    if isinstance(source, FolderSource):
        pair = source.read(case)
        image, mask, spacing = pair.image, pair.mask, pair.spacing
        for value, name in pair.names.items():
            names.setdefault(value, name)
    else:
        raw = source.load(case)
        image, mask, spacing = raw.image, raw.labels, raw.spacing
    shown = RawCase(case.case, case.group, image, (mask != 0).astype(np.uint8), spacing)
    problems = checks.check_case(shown, allow_empty=True)
    if problems:
        raise UserError(*problems)
    values, counts = np.unique(mask[mask != 0], return_counts=True)
    if len(values) and (values[0] < 0 or values[-1] > 65535):
        raise UserError(f"{case.case}: mask values from {values[0]} to {values[-1]}; they must lie in 1 to 65535")
    lowest, highest = image.min(), image.max()
    return CaseFingerprint(
        case=case.case,
        group=case.group,
        shape=mask.shape,
        channels=len(image),
        kind=image.dtype.name,
        spacing=spacing,
        digest=image_digest(image),
        percentiles=tuple(np.percentile(image, PERCENTILES).tolist()),
        lowest=float(lowest),
        highest=float(highest),
        at_lowest=float(np.mean(image == lowest)),
        at_highest=float(np.mean(image == highest)),
        areas=dict(zip(values.tolist(), counts.tolist(), strict=True)),
    )


def bits(cases: tuple[CaseFingerprint, ...]) -> int:
    """Bits that the highest intensity of whole numbers takes; 0 where intensities are fractions or negative."""
    if any(case.kind.startswith("float") or case.lowest < 0 for case in cases):
        return 0
    return int(max(case.highest for case in cases)).bit_length()


def counted(kinds: Counter[str]) -> str:
    """Return counted words as text, the most frequent first."""
    return ", ".join(f"{name} ({count})" for name, count in kinds.most_common())
