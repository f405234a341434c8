"""``card.json``: what a data set holds, in a few numbers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seggrid.data.index import CaseEntry

#: Percentiles of the intensities that the card holds.
PERCENTILES = (0.5, 5, 50, 95, 99.5)


@dataclass(frozen=True)
class Summary:
    """One case as it was read.

    Attributes:
        digest: of the decoded image, its size and type.
        channels: of the image before preprocessing.
        areas: pixels of background and of each class at the original resolution.
        percentiles: of the intensities of all channels, at ``PERCENTILES``.
    """

    digest: str
    channels: int
    areas: tuple[int, ...]
    percentiles: tuple[float, ...]

    @property
    def present(self) -> frozenset[int]:
        """Labels of the objects that the case shows."""
        return frozenset(label for label, area in enumerate(self.areas) if label and area)


def image_digest(image: npt.NDArray[Any]) -> str:
    """Return what stands for a decoded image: its pixels, size and type."""
    head = f"{image.shape} {image.dtype.str}".encode()
    found = hashlib.sha256(head)
    found.update(np.ascontiguousarray(image).data)
    return found.hexdigest()


def make_card(names: Sequence[str], entries: Sequence[CaseEntry], summaries: Mapping[str, Summary]) -> dict[str, Any]:
    """Sum up a data set.

    ``patients`` are those that statistics count; ``groups`` those that are split, which are as many, but where the
    blocks of a single patient are split. Class areas and shares are in pixels at the original resolution;
    ``cases_with`` and ``groups_with`` count the cases and patients where a class occurs; ``intensities`` are medians
    over the cases of each case's percentiles.
    """
    groups = {entry.case: entry.group for entry in entries}
    areas = np.sum([summary.areas for summary in summaries.values()], axis=0)
    classes = ["background", *names]
    percentiles = np.median([summary.percentiles for summary in summaries.values()], axis=0)
    with_class = {
        name: [case for case, summary in summaries.items() if label in summary.present]
        for label, name in enumerate(names, start=1)
    }
    known = [entry.spacing for entry in entries if entry.spacing is not None]
    sizes = Counter(entry.original_shape for entry in entries)
    return {
        "cases": len(groups),
        "patients": len(set(groups.values())),
        "class_names": list(names),
        "in_channels": entries[0].channels,
        "unit": "mm" if known else "px",
        "areas": dict(zip(classes, areas.tolist(), strict=True)),
        "shares": dict(zip(classes, (areas / areas.sum()).tolist(), strict=True)),
        "cases_with": {name: len(cases) for name, cases in with_class.items()},
        "groups_with": {name: len({groups[case] for case in cases}) for name, cases in with_class.items()},
        "intensities": dict(zip(map(str, PERCENTILES), percentiles.tolist(), strict=True)),
        "sizes": [{"shape": list(shape), "cases": count} for shape, count in sorted(sizes.items())],
        "spacing": _range(known),
    }


def _range(spacings: Sequence[tuple[float, ...]]) -> dict[str, list[float]] | None:
    if not spacings:
        return None
    table: npt.NDArray[np.float64] = np.array(spacings)
    return {"smallest": table.min(0).tolist(), "median": np.median(table, 0).tolist(), "largest": table.max(0).tolist()}
