"""Our metrics against the values that public implementations gave on the shared cases M01 to M22.

Every entry lands in exactly one of three groups, printed by ``test_every_entry.py``: compared (equal within the
precision of the reference), documented (a difference whose reason stands here, checked for what we return instead),
or without a counterpart (a reference that measures something else).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seggrid.metrics import Measurement, label_surfaces, measure
from seggrid.metrics.distances import surface_distances
from seggrid.metrics.surface import LabelImage

METRICS = (
    "iou", "dice", "precision", "recall", "accuracy",
    "hd", "hd95", "hd95_pooled", "hd95_mean", "asd", "assd", "masd", "nsd@1", "nsd@2",
)  # fmt: skip

#: Relative tolerance by the precision in which a reference computes.
DOUBLE, SINGLE = 1e-9, 2e-6
#: A float32 quantile also rounds the rank between two distances.
SINGLE_RANK = 2e-5
#: One directed percentile: not a metric of ours, compared on the array it is taken from.
COUNTS = "tp_fp_fn_tn@numpy"
DIRECTED = {"hd95_pred2gt@monai": False, "hd95_gt2pred@monai": True}

#: Quantity and reference -> our metric, whether prediction and truth change places, tolerance.
COUNTERPARTS: dict[str, tuple[str, bool, float]] = {
    **{f"{name}@medpy": (name, False, DOUBLE) for name in ("iou", "dice", "precision", "recall", "hd", "assd")},
    "hd95@medpy": ("hd95_pooled", False, DOUBLE),
    "asd_pred2gt@medpy": ("asd", False, DOUBLE),
    "asd_gt2pred@medpy": ("asd", True, DOUBLE),
    "hd@monai": ("hd", False, SINGLE),
    "hd95@monai": ("hd95", False, SINGLE),
    "hd95_mean@derived_monai": ("hd95_mean", False, SINGLE),
    "assd@monai": ("assd", False, SINGLE),
    "asd_pred2gt@monai": ("asd", False, SINGLE),
    "asd_gt2pred@monai": ("asd", True, SINGLE),
    "asd_mean@derived_monai": ("masd", False, SINGLE),
    "nsd_tol1@monai": ("nsd@1", False, SINGLE),
    "nsd_tol2@monai": ("nsd@2", False, SINGLE),
    **{
        f"{name}@metricsreloaded": (name, False, DOUBLE)
        for name in ("iou", "dice", "recall", "hd", "hd95", "assd", "masd")
    },
    # These two come out of the reference in float32.
    "precision@metricsreloaded": ("precision", False, SINGLE),
    "accuracy@metricsreloaded": ("accuracy", False, SINGLE),
    "nsd_tol1@metricsreloaded": ("nsd@1", False, DOUBLE),
    "dice@torchmetrics": ("dice", False, SINGLE),
    "iou@torchmetrics": ("iou", False, SINGLE),
    "hd@torchmetrics": ("hd", False, SINGLE),
}

SUBVOXEL = "surface elements on the corners between pixels, weighted by their size, not border pixels"
CONTOUR = "another border: SimpleITK's contour, on which the image frame does not count"
CONNECTIVITY = "another border: erosion by the 8- or 26-neighbourhood, ours is 4 or 6"
#: Prefix of quantity and reference -> why there is nothing of ours to compare with.
NO_COUNTERPART = {
    "volume_asd_hd95_literal@transcription": "over all pixels of the object, not its border",
    **{f"{name}_conn{k}@medpy": CONNECTIVITY for name in ("hd", "hd95", "assd") for k in (2, 3)},
    **{f"asd_{way}_conn{k}@medpy": CONNECTIVITY for way in ("pred2gt", "gt2pred") for k in (2, 3)},
    **{f"{name}{mode}@segmetrics": CONTOUR for name in ("hd", "hd95", "msd") for mode in ("", "_fullyconn")},
    **{f"nsd_tol{tolerance}_subvoxel@monai": SUBVOXEL for tolerance in (1, 2)},
    **{f"{name}@deepmind": SUBVOXEL for name in ("hd100", "hd95", "nsd_tol1", "nsd_tol2")},
    **{f"asd_{way}@deepmind": SUBVOXEL for way in ("pred2gt", "gt2pred")},
}


class Oracles:
    """The shared cases, and our measurement of each, made once and in both directions."""

    def __init__(self, path: Path) -> None:
        self.values = np.load(path)
        self.entries: dict[str, dict[str, Any]] = json.loads(str(self.values["meta"]))["entries"]
        self._measured: dict[tuple[str, bool], list[Measurement]] = {}

    def metric_entries(self) -> Iterator[tuple[str, str, str]]:
        """Yield key, case and quantity@reference of every metric entry."""
        for key in self.values.files:
            if key.startswith("M") and "/exp/" in key:
                case, _, quantity = key.split("/")
                yield key, case, quantity

    def cases(self) -> list[str]:
        """Return the names of the cases."""
        return sorted({case for _, case, _ in self.metric_entries()})

    def pair(self, case: str, swapped: bool) -> tuple[LabelImage, LabelImage]:
        """Return prediction and truth of a case, or truth and prediction."""
        prediction, truth = self.values[f"{case}/in/pred"], self.values[f"{case}/in/gt"]
        return (truth, prediction) if swapped else (prediction, truth)

    def measured(self, case: str, swapped: bool = False) -> list[Measurement]:
        """Return our measurement of a case, one record per class from 1."""
        if (case, swapped) not in self._measured:
            prediction, truth = self.pair(case, swapped)
            classes = range(1, int(self.values[f"{case}/in/num_classes"]))
            spacing = self.values[f"{case}/in/spacing"].tolist()
            self._measured[case, swapped] = measure(prediction, truth, classes, METRICS, spacing)
        return self._measured[case, swapped]

    def diagonal(self, case: str) -> float:
        """Return the image diagonal of a case in mm."""
        return math.hypot(*(self.values[f"{case}/in/spacing"] * self.values[f"{case}/in/gt"].shape))


@pytest.fixture(scope="module")
def oracles(shared: Path) -> Oracles:
    """The shared oracles."""
    return Oracles(shared / "oracles" / "cases.npz")


def _difference(status: str, ours: float, expected: float) -> str | None:
    """Return the documented reason why a class of an entry differs, if it does; only an empty mask is one."""
    if status == "ok" or (expected == ours or math.isclose(expected, ours, rel_tol=SINGLE)):
        return None
    return f"{status}: the reference gives {expected:.4g} where we follow the policy for empty masks"


def test_counts(oracles: Oracles) -> None:
    for case in oracles.cases():
        expected = oracles.values[f"{case}/exp/{COUNTS}"]
        ours = [(record.tp, record.fp, record.fn, record.tn) for record in oracles.measured(case)]
        np.testing.assert_array_equal(ours, expected, err_msg=case)


@pytest.mark.parametrize("quantity", sorted(COUNTERPARTS))
def test_equals_the_reference(oracles: Oracles, quantity: str) -> None:
    metric, swapped, tolerance = COUNTERPARTS[quantity]
    compared = 0
    for key, case, name in oracles.metric_entries():
        if name != quantity:
            continue
        for record, expected in zip(oracles.measured(case, swapped), oracles.values[key], strict=True):
            ours = record.values[metric]
            if _difference(record.status, ours, expected) is None:
                assert ours == pytest.approx(expected, rel=tolerance, abs=tolerance), (key, record.label)
                compared += 1
    assert compared > 0


@pytest.mark.parametrize("quantity", DIRECTED)
def test_directed_percentiles(oracles: Oracles, quantity: str) -> None:
    """Not a metric of ours, but one array of the pair that all metrics share."""
    for case in oracles.cases():
        prediction, truth = oracles.pair(case, DIRECTED[quantity])
        spacing = oracles.values[f"{case}/in/spacing"]
        surfaces = [label_surfaces(image, range(1, 256), spacing) for image in (prediction, truth)]
        for record, expected in zip(oracles.measured(case), oracles.values[f"{case}/exp/{quantity}"], strict=True):
            if record.status == "ok":
                directed = surface_distances(surfaces[0], surfaces[1], record.label).to_truth
                assert np.percentile(directed, 95) == pytest.approx(expected, rel=SINGLE_RANK), (
                    case,
                    record.label,
                )


def test_empty_masks_follow_the_policy(oracles: Oracles) -> None:
    seen = Counter[str]()
    for case in oracles.cases():
        for record in oracles.measured(case):
            seen[record.status] += 1
            values = record.values
            if record.status == "both_empty":
                assert all(math.isnan(value) for value in values.values())
            elif record.status != "ok":
                overlaps = ("iou", "dice", "precision", "recall", "nsd@1", "nsd@2")
                lengths = ("hd", "hd95", "hd95_pooled", "hd95_mean", "asd", "assd", "masd")
                assert {values[name] for name in overlaps} == {0.0}
                assert {values[name] for name in lengths} == {oracles.diagonal(case)}
    assert seen["pred_empty"] and seen["truth_empty"]


def test_subvoxel_surfaces_stay_within_a_pixel(oracles: Oracles) -> None:
    """The corner-based surface of the deepmind code is another surface, but not another place."""
    for case in oracles.cases():
        pixel = math.hypot(*oracles.values[f"{case}/in/spacing"])
        for record, expected in zip(oracles.measured(case), oracles.values[f"{case}/exp/hd100@deepmind"], strict=True):
            if record.status == "ok":
                assert record.values["hd"] == pytest.approx(expected, abs=pixel), (case, record.label)


def place_of(oracles: Oracles, key: str) -> tuple[str, str]:
    """Return what became of an entry, and the reason where it is not compared.

    Raises:
        KeyError: nobody says.
    """
    case, _, quantity = key.split("/")
    if quantity in DIRECTED:
        empty = any(record.status != "ok" for record in oracles.measured(case))
        return ("documented difference", "an empty mask has no directed array") if empty else ("compared", "")
    if quantity in COUNTERPARTS:
        metric, swapped, _ = COUNTERPARTS[quantity]
        pairs = zip(oracles.measured(case, swapped), oracles.values[key], strict=True)
        reason = next(filter(None, (_difference(r.status, r.values[metric], e) for r, e in pairs)), None)
        return ("documented difference", reason) if reason else ("compared", "")
    return ("compared", "") if quantity == COUNTS else ("without counterpart", NO_COUNTERPART[quantity])
