"""The folder source: what is listed, how values become labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seggrid.config.data import FolderData
from seggrid.data.sources import open_source
from seggrid.data.sources.base import Case
from seggrid.errors import UserError


def source(path: Path, **settings: object) -> FolderData:
    return FolderData.model_validate({"source": "folder", "path": path, "classes": ["disc", "box"], **settings})


def test_cases_are_named_and_sorted(folder: Path) -> None:
    listing = open_source(source(folder)).list_cases()
    assert [case.case for case in listing.cases] == [f"c{n}" for n in range(8)]
    assert all(case.case == case.group for case in listing.cases)
    assert listing.problems == ()


def test_labels_follow_the_order_of_the_classes(folder: Path) -> None:
    values = np.asarray(Image.open(folder / "masks" / "c0.png"))
    swapped = open_source(source(folder, classes={"box": 2, "disc": 1}))
    assert swapped.class_names == ("box", "disc")
    labels = swapped.load(Case("c0", "c0")).labels
    assert np.array_equal(labels == 1, values == 2)
    assert np.array_equal(labels == 2, values == 1)


def test_values_can_be_merged_and_ignored(folder: Path) -> None:
    values = np.asarray(Image.open(folder / "masks" / "c0.png"))
    merged = open_source(source(folder, classes={"both": [1, 2]})).load(Case("c0", "c0"))
    assert np.array_equal(merged.labels, values > 0)
    ignored = open_source(source(folder, classes={"disc": 1}, ignore=[2])).load(Case("c0", "c0"))
    assert np.array_equal(ignored.labels, values == 1)


def test_an_undeclared_value_is_counted(folder: Path) -> None:
    count = int((np.asarray(Image.open(folder / "masks" / "c0.png")) == 2).sum())
    with pytest.raises(UserError, match=rf"masks/c0.png: undeclared label 2 \({count} pixels\)"):
        open_source(source(folder, classes={"disc": 1})).load(Case("c0", "c0"))


def test_missing_and_extra_masks_are_named(folder: Path) -> None:
    (folder / "masks" / "c1.png").rename(folder / "masks" / "z.png")
    listing = open_source(source(folder)).list_cases()
    assert [case.case for case in listing.cases] == ["c0", *(f"c{n}" for n in range(2, 8))]
    assert len(listing.problems) == 2
    assert "images/c1.png: no mask" in listing.problems[0]
    assert "masks/z.png: no image" in listing.problems[1]


def test_an_excluded_case_needs_no_mask(folder: Path) -> None:
    (folder / "masks" / "c1.png").unlink()
    listing = open_source(source(folder, exclude=["c1"])).list_cases()
    assert listing.problems == ()
    assert len(listing.cases) == 7


def test_a_mask_without_image_can_be_excluded(folder: Path) -> None:
    (folder / "images" / "c1.png").unlink()
    listing = open_source(source(folder, exclude=["c1"])).list_cases()
    assert (len(listing.cases), listing.problems) == (7, ())


def test_a_case_without_group_is_read_all_the_same(folder: Path) -> None:
    (folder / "cases.csv").write_text("case,group\n" + "".join(f"c{n},p{n}\n" for n in range(7)))
    listing = open_source(source(folder)).list_cases()
    assert len(listing.cases) == 8
    assert "case c7 is missing" in listing.problems[0]


def test_unreadable_types_lossy_masks_and_double_names_are_named(folder: Path) -> None:
    (folder / "images" / "notes.docx").touch()
    Image.open(folder / "masks" / "c0.png").save(folder / "masks" / "c0.jpg")
    Image.open(folder / "images" / "c1.png").save(folder / "images" / "c1.tif")
    text = "\n".join(open_source(source(folder)).list_cases().problems)
    assert "notes.docx: files of type .docx are not read" in text
    assert "c0.jpg: a JPEG mask" in text
    assert "c1.tif: same name as a file with another suffix" in text


def test_groups_come_from_the_table(folder: Path) -> None:
    rows = [f"c{n},p{n // 2}" for n in range(8)]
    (folder / "cases.csv").write_text("\ufeffcase,group\n" + "\n".join(rows) + "\n", encoding="utf-8")
    listing = open_source(source(folder)).list_cases()
    assert [case.group for case in listing.cases] == ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3"]


def test_a_wrong_table_is_told_row_by_row(folder: Path) -> None:
    rows = ["c0,p0", "c0,p1", "c1,", "nobody,p9", *(f"c{n},p{n}" for n in range(3, 8))]
    (folder / "cases.csv").write_text("case,group\n" + "\n".join(rows) + "\n")
    text = "\n".join(open_source(source(folder, exclude=["c9"])).list_cases().problems)
    for expected in (
        "case c0 stands 2 times",
        "case c1 has no group",
        "case nobody has no image",
        "case c2 is missing",
        "data.exclude: there is no case c9",
    ):
        assert expected in text
    (folder / "cases.csv").write_text("name,group\nc0,p0\n")
    with pytest.raises(UserError, match=r"cases.csv: no column case"):
        open_source(source(folder)).list_cases()


def test_the_same_name_in_two_subfolders_is_two_cases(folder: Path) -> None:
    for part in ("images", "masks"):
        (folder / part / "p1").mkdir()
        (folder / part / "c0.png").rename(folder / part / "p1" / "c1.png")
    names = [case.case for case in open_source(source(folder)).list_cases().cases]
    assert "p1/c1" in names
    assert "c1" in names


def test_real_knees(shared: Path) -> None:
    names = ["patella", "femur", "tibia", "patellar_tendon"]
    knees = open_source(source(shared / "data" / "knee_lateral", classes=names))
    listing = knees.list_cases()
    assert len(listing.cases) == 12
    assert len({case.group for case in listing.cases}) == 10
    raw = knees.load(listing.cases[0])
    assert raw.image.shape == (1, 512, 512)
    assert sorted(np.unique(raw.labels)) == [0, 1, 2, 3, 4]
