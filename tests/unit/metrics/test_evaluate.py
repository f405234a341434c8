"""Measuring a whole label image."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest

from seggrid.catalogue import METRICS
from seggrid.errors import UserError
from seggrid.metrics import distances, label_surfaces, measure, surface

TRUTH = np.zeros((20, 24), np.uint8)
TRUTH[2:8, 3:9] = 5
TRUTH[12:18, 10:20] = 9
PREDICTION = np.roll(TRUTH, 1, axis=1)


def discs(radius: float) -> npt.NDArray[np.uint8]:
    rows, columns = np.indices((200, 200)) - 100
    return (rows**2 + columns**2 <= radius**2).astype(np.uint8)


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


def test_distances_are_made_once_for_all_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """One search each way for each class that both images hold, however many metrics read the distances."""
    searches, nearest = [], distances.nearest
    monkeypatch.setattr(distances, "nearest", lambda *pair: searches.append(pair) or nearest(*pair))
    missing = np.where(PREDICTION == 5, 0, PREDICTION).astype(np.uint8)
    names = [f"{name}@2" if name == "nsd" else name for name in METRICS]
    for prediction, bordered in ((PREDICTION, 2), (missing, 1)):
        searches.clear()
        measure(prediction, TRUTH, [5, 9], names)
        assert len(searches) == 2 * bordered


def test_the_search_tree_of_a_prepared_truth_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    trees, made = [], surface.cKDTree
    monkeypatch.setattr(surface, "cKDTree", lambda points, **how: trees.append(points) or made(points, **how))
    truth, prepared = discs(60), label_surfaces(discs(60), [1])
    for size in (55, 50, 45):
        measure(discs(size), truth, [1], ["hd95", "assd"], prepared=prepared)
    assert len(trees) == 1 + 3  # that of the truth, and one of each prediction


@pytest.mark.parametrize(
    "prepared",
    [label_surfaces(TRUTH, [9]), label_surfaces(TRUTH, [5], (1, 2)), label_surfaces(TRUTH[:-1], [5])],
    ids=["class", "spacing", "shape"],
)
def test_prepared_truth_must_fit(prepared: object) -> None:
    with pytest.raises(UserError, match="prepare it from the same truth"):
        measure(PREDICTION, TRUTH, [5], ["hd"], prepared=prepared)


@pytest.mark.parametrize("name", ["nsd", "hd@2", "nsd@-1", "nsd@x", "hd59"])
def test_a_metric_that_is_not_one(name: str) -> None:
    with pytest.raises(UserError, match=r"^metrics: "):
        measure(PREDICTION, TRUTH, [5], [name])


def test_no_torch() -> None:
    code = "import sys, seggrid.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
