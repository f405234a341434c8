"""Measuring a whole label image."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from seggrid.errors import UserError
from seggrid.metrics import label_surfaces, measure

TRUTH = np.zeros((20, 24), np.uint8)
TRUTH[2:8, 3:9] = 5
TRUTH[12:18, 10:20] = 9
PREDICTION = np.roll(TRUTH, 1, axis=1)


def test_one_record_per_class_in_the_order_asked_for() -> None:
    found = measure(PREDICTION, TRUTH, [9, 5], ["dice", "nsd@1", "hd"])
    assert [record.label for record in found] == [9, 5]
    assert [list(record.values) for record in found] == [["dice", "nsd@1", "hd"]] * 2
    first = found[0]
    assert (first.tp, first.fp, first.fn, first.tn) == (54, 6, 6, TRUTH.size - 66)
    assert first.values == {"dice": 0.9, "nsd@1": 1.0, "hd": 1.0}


def test_background_is_measured_when_named() -> None:
    (record,) = measure(PREDICTION, TRUTH, [0], ["accuracy", "hd"])
    assert record.status == "ok"
    assert record.values["accuracy"] == np.mean((PREDICTION == 0) == (TRUTH == 0))


def test_a_length_is_in_the_unit_of_the_spacing() -> None:
    (record,) = measure(PREDICTION, TRUTH, [5], ["hd", "assd"], spacing=(3.0, 0.4))
    assert record.values["hd"] == pytest.approx(0.4)


def test_counts_alone_need_no_borders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seggrid.metrics.evaluate.label_surfaces", None)
    assert measure(PREDICTION, TRUTH, [5], ["iou"])[0].values["iou"] == pytest.approx(30 / 42)


def test_prepared_truth_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two images without, one with: the borders of the truth are not found again."""
    prepared, images = label_surfaces(TRUTH, [5, 9]), []
    monkeypatch.setattr(
        "seggrid.metrics.evaluate.label_surfaces",
        lambda image, *rest: images.append(image) or label_surfaces(image, *rest),
    )
    measure(PREDICTION, TRUTH, [5], ["hd"], prepared=prepared)
    assert [image is PREDICTION for image in images] == [True]


@pytest.mark.parametrize(
    "prepared",
    [label_surfaces(TRUTH, [9]), label_surfaces(TRUTH, [5], (1, 2)), label_surfaces(TRUTH[:-1], [5])],
    ids=["class", "spacing", "shape"],
)
def test_prepared_truth_must_fit(prepared: object) -> None:
    with pytest.raises(UserError, match="prepare it from the same truth"):
        measure(PREDICTION, TRUTH, [5], ["hd"], prepared=prepared)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["nsd", "hd@2", "nsd@-1", "nsd@x", "hd59"])
def test_a_metric_that_is_not_one(name: str) -> None:
    with pytest.raises(UserError, match=r"^metrics: "):
        measure(PREDICTION, TRUTH, [5], [name])


def test_no_torch() -> None:
    code = "import sys, seggrid.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
