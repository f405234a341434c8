"""Every expected value and gradient of ``../shared/oracles/cases.npz`` has its place, and the page holds the table.

A place is: compared, a documented difference, or without a counterpart. An entry of which nobody says what became of
it fails here, whatever the name of its case.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from seggrid.config.tables import filled
from tests.oracles import test_component_oracles as components
from tests.oracles import test_loss_oracles as losses
from tests.oracles import test_metric_oracles as metrics
from tests.oracles import test_schedule_oracles as schedules
from tests.oracles.counterparts import FAMILIES
from tests.oracles.counterparts.base import DISTANCE

PLACES = ("compared", "documented difference", "without counterpart")
#: First letter of a case -> what its entries are.
KINDS = {
    "A": "losses",
    "L": "losses",
    "D": "distance transforms",
    "M": "metrics",
    "S": "schedules",
    "P": "preprocessing",
    "Q": "connected components",
}
#: Where other tests compare an entry: the file, and what must stand in it.
STEPS = "tests/unit/data/preprocessing/test_steps.py"
READ_BY = {
    **{name: name for name in ("equalize_hist@skimage", "stretch_p2_p98@skimage", "median3@scipy")},
    **{f"multiotsu_{count}classes@skimage": "multiotsu_{n}classes@skimage" for count in (2, 3, 4)},
}
WITHOUT_COUNTERPART = {
    "otsu@skimage": "no step of ours: multi-level thresholding with two classes is multi-Otsu's",
    "li_min_cross_entropy@skimage": "no step of ours: multi-level thresholding is multi-Otsu's",
}


class Entries:
    """The entries of the shared file and what became of each, ``(place, reason)``."""

    def __init__(self, path: Path, repository: Path) -> None:
        with np.load(path, allow_pickle=False) as archive:
            self.keys = [key for key in archive.files if re.search(r"/(exp|grad)/", key)]
            labels = [key for key in archive.files if re.match(r"[AL]\d+_.*/in/label$", key)]
            self._inputs = {key: archive[key] for key in labels}
        self._metrics = metrics.Oracles(path)
        self._steps = (repository / STEPS).read_text(encoding="utf-8")
        self.places = {key: self._place(key) for key in self.keys}

    def _place(self, key: str) -> tuple[str, str]:
        case, _, name = key.split("/")
        kind = KINDS.get(case[0], "")
        if kind == "losses":
            return losses.place_of(self._inputs, case, name)
        if kind == "metrics":
            return metrics.place_of(self._metrics, key)
        if kind == "distance transforms" and re.fullmatch(losses.TRANSFORMS, name):
            return "compared", ""
        if kind == "schedules" and name in schedules.READINGS:
            return "compared", ""
        if kind == "preprocessing" and name in READ_BY and READ_BY[name] in self._steps:
            return "compared", ""
        if kind == "connected components":
            return components.place_of(name)
        return "without counterpart", WITHOUT_COUNTERPART[name]

    def names(self, place: str) -> Counter[str]:
        """Return how many entries of each name of a loss or a map are in a place."""
        return Counter(key.split("/")[2] for key in self.keys if key[0] in "AL" and self.places[key][0] == place)


@pytest.fixture(scope="module")
def entries(shared: Path, repository: Path) -> Entries:
    return Entries(shared / "oracles" / "cases.npz", repository)


def counts(entries: Entries) -> list[list[str | int]]:
    """Return a row of counts for each kind, and one for all."""
    found = Counter((KINDS[key[0]], entries.places[key][0]) for key in entries.keys)
    rows: list[list[str | int]] = [
        [kind, *(found[kind, place] for place in PLACES)] for kind in dict.fromkeys(KINDS.values())
    ]
    return [*rows, ["**all**", *(sum(found[kind, place] for kind in set(KINDS.values())) for place in PLACES)]]


def test_the_counts_add_up_to_all_there_are(entries: Entries) -> None:
    rows = counts(entries)
    print()
    for kind, *numbers in rows:
        print(f"{kind:<22}" + ", ".join(f"{number} {place}" for number, place in zip(numbers, PLACES, strict=True)))
    reasons = Counter(f"{place}: {reason}" for place, reason in entries.places.values() if reason)
    for reason, number in reasons.most_common():
        print(f"  {number:4d}  {reason}")
    assert sum(int(number) for number in rows[-1][1:]) == len(entries.keys)


@pytest.mark.parametrize(
    "key", ["L01_2d_4cls/exp/ce@nobody", "M01_2d_4cls/exp/hd@nobody", "P01_image_96x80/exp/otsu@nobody", "Z01/grad/x@y"]
)
def test_an_entry_of_which_nobody_speaks_is_found(key: str, entries: Entries) -> None:
    with pytest.raises(KeyError):
        entries._place(key)


def test_the_active_contours_of_the_public_code_are_a_documented_difference(entries: Entries) -> None:
    place, reason = entries._place("A01_2d_256/grad/active_contour@activecontour")
    assert place == "documented difference"
    assert "cropped by two pixels" in reason


def table(entries: Entries) -> str:
    """The tables of the reference page: losses family by family, then the counts of all."""
    compared, differs = entries.names("compared"), Counter[str]()
    for name, count in entries.names("documented difference").items():
        differs[losses.named_otherwise(name)] += count
    lines = ["| quantity @ public code | entries | what became of them |", "| --- | --- | --- |"]
    for family in FAMILIES:
        title = (family.__doc__ or "").strip().rstrip(".")
        lines.append(f"| **{title}** | | |")
        for name in sorted({*family.COUNTERPARTS, *family.DEFINED_OTHERWISE}):
            if count := compared[name]:
                lines.append(f"| `{name}` | {count} | equal to {family.COUNTERPARTS[name].tolerance:g} |")
            if name in family.DEFINED_OTHERWISE:
                lines.append(f"| `{name}` | {differs[name]} | differs: {family.DEFINED_OTHERWISE[name]} |")
    lines += ["| **Maps** | | |"]
    lines += [f"| `{name}` | {compared[name]} | equal to {DISTANCE:g} |" for name in losses.MAPS]
    lines += ["", "All entries of the shared inputs, with those that are not losses:", ""]
    lines += [f"| entries | {' | '.join(PLACES)} |", "| --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(map(str, row))} |" for row in counts(entries)]
    return "\n".join(lines)


def test_the_reference_page_holds_the_table(entries: Entries, repository: Path) -> None:
    """SEGGRID_WRITE_ORACLES=1 writes it."""
    path = repository / "docs" / "reference" / "loss-oracles.md"
    text = path.read_text(encoding="utf-8")
    expected = filled(text, "oracles", table(entries) + "\n", path.name)
    if os.environ.get("SEGGRID_WRITE_ORACLES"):
        path.write_text(expected, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == expected
