"""Figures of publications: the files that there are, and what a user reads after a mistake in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from seggrid.catalogue.references import REFERENCES
from seggrid.config.published import load_published
from seggrid.errors import UserError

NAMES = ("chen2023", "jin2025", "radillah", "wang2026", "wen2023")
GOOD: dict[str, Any] = {
    "reference": "wang2026",
    "task": "knees",
    "data": "some",
    "unit": "mm",
    "readings": {},
    "results": [{"label": "net", "object": "patella", "values": {"dice": 0.9, "hd95": 2.0}}],
}


@pytest.fixture
def refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what is said of a file that differs from a good one."""
    folder = tmp_path / "config" / "published"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    def say(**changes: Any) -> str:
        (folder / "own.yaml").write_text(yaml.safe_dump({**GOOD, **changes}), encoding="utf-8")
        with pytest.raises(UserError) as caught:
            load_published("own")
        return str(caught.value)

    return say


def test_every_file_of_the_checkout_is_valid(repository: Path) -> None:
    assert sorted(path.stem for path in (repository / "config" / "published").glob("*")) == list(NAMES)
    for name in NAMES:
        assert load_published(name).reference in REFERENCES


def test_the_best_model_of_wang_et_al() -> None:
    (best,) = load_published("wang2026").results
    assert best.values == {
        "iou": 0.8921, "dice": 0.9373, "precision": 0.9316, "recall": 0.9490, "hd95": 2.9145, "assd": 1.0309,
    }  # fmt: skip


def test_wrists_before_and_after() -> None:
    before, after = (result.values for result in load_published("radillah").results)
    assert before == {"accuracy": 0.7076, "precision": 0.8092, "recall": 0.8063, "dice": 0.8077}
    assert after == {"accuracy": 0.7134, "precision": 0.7873, "recall": 0.8543, "dice": 0.8184}


def test_the_mean_of_jin_et_al_is_that_of_their_objects() -> None:
    mean, femur, hip = (result.values["dice"] for result in load_published("jin2025").results)
    assert mean == pytest.approx((femur + hip) / 2)


def test_a_publication_of_ones_own_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config" / "published").mkdir(parents=True)
    (tmp_path / "config" / "published" / "own.yaml").write_text(yaml.safe_dump(GOOD), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_published("own").metrics == ("dice", "hd95")
    assert load_published("own").name == "own"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": "wang2025"}, "reference: unknown reference 'wang2025' (did you mean wang2026?)"),
        ({"taks": "x"}, "taks: unknown key (did you mean task?)"),
        ({"results": []}, "results: "),
        ({"results": [{**GOOD["results"][0], "values": {"dcie": 0.9}}]}, "results[0].values: unknown metric 'dcie'"),
        (
            {"results": [{**GOOD["results"][0], "values": {"dice": 93.7}}]},
            "results[0].values: dice: 93.7 lies outside 0 to 1",
        ),
        ({"results": [{**GOOD["results"][0], "values": {"hd95": -1.0}}]}, "results[0].values: hd95: -1 lies outside"),
        ({"results": [{**GOOD["results"][0], "vlaues": {}}]}, "results[0].vlaues: unknown key (did you mean values?)"),
        ({"readings": {"hd": "x"}}, "readings: no result holds hd (did you mean hd95?)"),
        ({"unit": "cm"}, 'unit: "cm" should be'),
    ],
)
def test_a_mistake_is_named_with_its_key(refuse: Any, changes: dict[str, Any], message: str) -> None:
    text = refuse(**changes)
    assert "own.yaml: " + message in text, text


def test_an_unknown_publication_lists_the_known_ones() -> None:
    with pytest.raises(
        UserError, match=r"no publication wang2062 \(did you mean wang2026\?\); known are chen2023, jin2025"
    ):
        load_published("wang2062")


def test_a_file_that_is_no_mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config" / "published").mkdir(parents=True)
    (tmp_path / "config" / "published" / "own.yaml").write_text("- a\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"own\.yaml: a publication is a mapping of keys"):
        load_published("own")
