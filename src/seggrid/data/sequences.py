"""Which images follow one another, and in which order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


class Placed(Protocol):
    """A case that may know its place in a sequence, such as an entry of ``index.csv``."""

    @property
    def case(self) -> str:
        """Its name."""

    @property
    def group(self) -> str:
        """The patient."""

    @property
    def sequence(self) -> str | None:
        """Name of the sequence; ``None`` where the source knows of none."""

    @property
    def frame(self) -> int | None:
        """Number in the sequence; ``None`` where the source knows of none."""


@dataclass(frozen=True)
class Stamp:
    """What an image says about its place in its sequence.

    Attributes:
        number: as its header has it.
        time: of acquisition, as DICOM writes it; empty where unknown.
        file: the path of its file.
    """

    number: int | None
    time: str
    file: str


def natural(name: str) -> list[tuple[int, str]]:
    """Sorts names as people do: ``f2`` before ``f10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def number_frames(stamps: Mapping[str, Stamp]) -> dict[str, int]:
    """Number the images of one sequence.

    An image keeps the number of its header where each has another one, so that a gap stays a gap. Else they are counted
    from 1, in the order of their numbers, then times, then files.
    """
    numbers = [stamp.number for stamp in stamps.values() if stamp.number is not None]
    if len(set(numbers)) == len(stamps):
        return {name: stamp.number for name, stamp in stamps.items() if stamp.number is not None}

    def order(name: str) -> tuple[bool, int, str, list[tuple[int, str]], str]:
        stamp = stamps[name]
        return stamp.number is None, stamp.number or 0, stamp.time, natural(stamp.file), name

    return {name: place for place, name in enumerate(sorted(stamps, key=order), start=1)}


def places_of(cases: Iterable[Placed]) -> dict[str, tuple[str, int]]:
    """Return the sequence of each case by its name, and its number there.

    Cases of which the source tells no sequence are one for each group, counted from 1 in the natural order of their
    names.
    """
    found: dict[str, tuple[str, int]] = {}
    others: dict[str, list[str]] = {}
    for entry in cases:
        if entry.sequence is not None and entry.frame is not None:
            found[entry.case] = entry.sequence, entry.frame
        else:
            others.setdefault(entry.group, []).append(entry.case)
    for group, names in others.items():
        found |= {name: (group, place) for place, name in enumerate(sorted(names, key=natural), start=1)}
    return found
