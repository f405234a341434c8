"""COCO: outlines, overlaps and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seggrid.config.data import CocoData
from seggrid.data.sources import open_source
from seggrid.data.sources.base import Case
from seggrid.data.sources.coco import fill_polygon
from seggrid.errors import UserError

SQUARE = [[10, 10, 20, 10, 20, 20, 10, 20]]
OBLONG = [[15, 5, 35, 5, 35, 15, 15, 15]]


@pytest.fixture
def content() -> dict[str, Any]:
    return {
        "images": [{"id": 7, "file_name": "a.png", "width": 40, "height": 30}],
        "categories": [{"id": 3, "name": "bone"}, {"id": 5, "name": "screw"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "segmentation": SQUARE, "bbox": [10, 10, 10, 10]},
            {"id": 2, "image_id": 7, "category_id": 5, "segmentation": OBLONG, "bbox": [15, 5, 20, 10]},
        ],
    }


def write(root: Path, content: dict[str, Any], **settings: Any) -> CocoData:
    (root / "images").mkdir(exist_ok=True)
    Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40)).save(root / "images" / "a.png")
    (root / "coco.json").write_text(json.dumps(content))
    return CocoData.model_validate({"source": "coco", "path": root, "classes": ["bone", "screw"], **settings})


def labels(data: CocoData) -> np.ndarray:
    return open_source(data).load(Case("a", "a")).labels


def test_whole_pixels_are_exact() -> None:
    expected = np.zeros((30, 40), bool)
    expected[10:20, 10:20] = True
    assert np.array_equal(fill_polygon(np.reshape(SQUARE[0], (-1, 2)).astype(float), (30, 40)), expected)


def test_area_of_a_circle_and_of_one_beyond_the_image() -> None:
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    circle = 20 * np.stack([np.cos(angle), np.sin(angle)], -1)
    grown = np.pi * 20.125**2
    assert fill_polygon(circle + 50, (100, 100)).sum() == pytest.approx(grown, rel=0.01)
    assert fill_polygon(circle + np.array([0, 50]), (100, 100)).sum() == pytest.approx(grown / 2, rel=0.01)
    assert not fill_polygon(circle + 500, (100, 100)).any()


@pytest.mark.parametrize("shapes", ["polygons", "boxes"])
def test_the_later_class_lies_on_top(tmp_path: Path, content: dict[str, Any], shapes: str) -> None:
    first = labels(write(tmp_path, content, shapes=shapes))
    assert (first[12, 12], first[12, 17], first[8, 30], first[0, 0]) == (1, 2, 2, 0)
    turned = labels(write(tmp_path, content, shapes=shapes, on_top=["screw", "bone"]))
    assert (turned[12, 12], turned[12, 17], turned[8, 30]) == (1, 1, 2)
    assert np.count_nonzero(first) == np.count_nonzero(turned) == 100 + 200 - 25


def test_parts_and_annotations_of_a_class_are_joined(tmp_path: Path, content: dict[str, Any]) -> None:
    content["annotations"][0]["segmentation"] = [SQUARE[0], [15, 15, 25, 15, 25, 25, 15, 25]]
    content["annotations"][1] |= {"category_id": 3, "segmentation": [[0, 0, 5, 0, 5, 5, 0, 5]]}
    assert np.count_nonzero(labels(write(tmp_path, content)) == 1) == 100 + 100 - 25 + 25


def test_categories_can_be_merged_and_ignored(tmp_path: Path, content: dict[str, Any]) -> None:
    assert np.count_nonzero(labels(write(tmp_path, content, classes={"all": ["bone", "screw"]})) == 1) == 275
    assert np.count_nonzero(labels(write(tmp_path, content, classes=["screw"], ignore=["bone"])) == 1) == 200


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"segmentation": {"counts": [0, 5], "size": [30, 40]}}, "annotation 1 is run-length encoded"),
        ({"segmentation": []}, "annotation 1 has no polygon"),
        ({"segmentation": [[1, 2, 3, 4]]}, "annotation 1: a polygon needs at least three"),
        ({"category_id": 99}, "undeclared category 99"),
    ],
)
def test_an_annotation_that_cannot_be_drawn_is_named(
    tmp_path: Path, content: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    content["annotations"][0] |= change
    with pytest.raises(UserError, match=message):
        labels(write(tmp_path, content))


def test_all_annotations_that_cannot_be_drawn_are_named(tmp_path: Path, content: dict[str, Any]) -> None:
    for annotation in content["annotations"]:
        annotation["segmentation"] = []
    with pytest.raises(UserError) as caught:
        labels(write(tmp_path, content))
    assert [problem.split(": ")[1] for problem in caught.value.problems] == [
        f"annotation {number} has no polygon; draw it, or set data.shapes to boxes" for number in (1, 2)
    ]


def test_a_contradictory_file_is_refused(tmp_path: Path, content: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="no category nail; its categories are bone, screw"):
        open_source(write(tmp_path, content, classes=["nail"]))
    content["annotations"][0]["image_id"] = 8
    with pytest.raises(UserError, match="annotation 1 belongs to image 8"):
        open_source(write(tmp_path, content))
    with pytest.raises(UserError, match=r"coco.json: not a COCO annotation file: images: Field required"):
        open_source(write(tmp_path, {"annotations": []}))


@pytest.mark.parametrize(
    ("kind", "entry"),
    [
        ("images", {"id": 7, "file_name": "b.png", "width": 40, "height": 30}),
        ("categories", {"id": 3, "name": "nail"}),
    ],
)
def test_an_id_that_stands_twice_is_refused(
    tmp_path: Path, content: dict[str, Any], kind: str, entry: dict[str, Any]
) -> None:
    content[kind].append(entry)
    with pytest.raises(UserError, match=f"two {kind} have the id {entry['id']}"):
        open_source(write(tmp_path, content))


@pytest.mark.parametrize("box", [[1, 2, 3], [1, 2, -3, 4], [1, 2, float("nan"), 4]])
def test_a_box_that_is_none_is_refused(tmp_path: Path, content: dict[str, Any], box: list[float]) -> None:
    content["annotations"][0]["bbox"] = box
    with pytest.raises(UserError, match="annotation 1 has no bbox"):
        labels(write(tmp_path, content, shapes="boxes"))


def test_images_without_entry_and_entries_without_image(tmp_path: Path, content: dict[str, Any]) -> None:
    content["images"].append({"id": 8, "file_name": "b.png", "width": 40, "height": 30})
    data = write(tmp_path, content)
    Image.new("L", (4, 4)).save(tmp_path / "images" / "z.png")
    listing = open_source(data).list_cases()
    assert [case.case for case in listing.cases] == ["a"]
    assert "b.png: listed in" in listing.problems[0]
    assert "z.png: not listed in" in listing.problems[1]


def test_a_size_that_differs_from_the_file_is_refused(tmp_path: Path, content: dict[str, Any]) -> None:
    content["images"][0]["width"] = 41
    with pytest.raises(UserError, match=r"a.png: is 30 x 40 pixels, .* says 30 x 41"):
        labels(write(tmp_path, content))


def test_real_outlines_give_the_real_masks(shared: Path) -> None:
    root = shared / "data" / "knee_lateral"
    data = {
        "source": "coco",
        "path": root,
        "classes": ["patella", "femur", "tibia", "patellar_tendon"],
        "on_top": ["patellar_tendon", "tibia", "femur", "patella"],
    }
    knees = open_source(CocoData.model_validate(data))
    listing = knees.list_cases()
    assert (len(listing.cases), listing.problems) == (12, ())
    for case in listing.cases:
        mask = np.asarray(Image.open(root / "masks" / f"{case.case}.png"))
        assert np.array_equal(knees.load(case).labels, mask)
