"""Which layout a folder is taken for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seggrid.config.data import CocoData
from seggrid.errors import UserError
from seggrid.proposal.layout import find_layout
from tests.unit.proposal.conftest import LAYOUTS, write_coco, write_folder, write_nnunet


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_is_recognised(tmp_path: Path, name: str) -> None:
    data = find_layout(LAYOUTS[name](tmp_path / "bones")).data
    assert data.source == {"dicom": "folder"}.get(name, name)
    assert data.path == tmp_path / "bones"


def test_other_names_of_the_folders_are_found_in_any_case(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "bones")
    (root / "images").rename(root / "Imgs")
    (root / "masks").rename(root / "Segmentations")
    data = find_layout(root).data
    assert (data.images, data.masks) == ("Imgs", "Segmentations")


def test_masks_come_before_outlines_and_both_are_told(tmp_path: Path) -> None:
    root = write_coco(write_folder(tmp_path / "bones"))
    layout = find_layout(root)
    assert layout.data.source == "folder"
    (note,) = layout.notes
    assert f"seggrid init {root / 'coco.json'}" in note
    assert find_layout(root / "coco.json").data.source == "coco"


def test_the_categories_that_are_drawn_are_the_classes_the_small_ones_on_top(tmp_path: Path) -> None:
    layout = find_layout(write_coco(tmp_path / "bones"))
    assert isinstance(layout.data, CocoData)
    assert list(layout.data.classes) == ["screw", "bone"]
    assert layout.data.on_top == ("bone", "screw")
    assert layout.notes == ("categories without any outline are left out: plate",)


def test_annotations_in_a_folder_of_their_own(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "bones")
    (root / "annotations").mkdir()
    (root / "coco.json").rename(root / "annotations" / "instances.json")
    data = find_layout(root).data
    assert (data.source, data.path, data.annotations) == ("coco", root, "annotations/instances.json")


def test_boxes_without_outlines_are_filled(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "bones")
    content = json.loads((root / "coco.json").read_text())
    for annotation in content["annotations"]:
        del annotation["segmentation"]
    (root / "coco.json").write_text(json.dumps(content))
    layout = find_layout(root)
    assert layout.data.shapes == "boxes"
    assert "boxes only" in layout.notes[-1]


def test_a_category_background_is_no_object(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "bones")
    (root / "coco.json").write_text((root / "coco.json").read_text().replace('"bone"', '"background"'))
    data = find_layout(root).data
    assert (list(data.classes), data.ignore) == (["screw"], ("background",))


def test_an_ignore_label_of_nnunet_becomes_background(tmp_path: Path) -> None:
    root = write_nnunet(tmp_path / "bones")
    (root / "dataset.json").write_text((root / "dataset.json").read_text().replace('"bone"', '"ignore"'))
    layout = find_layout(root)
    assert (dict(layout.data.classes), layout.data.ignore) == ({"screw": 1}, (2,))
    assert "ignore label" in layout.notes[0]


def test_labels_that_cannot_be_classes_are_named(tmp_path: Path) -> None:
    root = write_nnunet(tmp_path / "bones")
    text = (root / "dataset.json").read_text()
    for labels, message in (
        ('{"a": 1, "b": 1}', "the mask value 1 belongs to two classes"),
        ('{"0": "background", "1": "bone"}', "those of nnU-Net version 1"),
        ("{}", "no labels"),
    ):
        (root / "dataset.json").write_text(text.replace('{"background": 0, "screw": 1, "bone": 2}', labels))
        with pytest.raises(UserError, match=f"dataset.json: .*{message}"):
            find_layout(root)


def test_what_is_no_data_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such folder"):
        find_layout(tmp_path / "nowhere")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match=r"notes\.txt: give the folder"):
        find_layout(tmp_path / "notes.txt")
    with pytest.raises(UserError, match=r"holds neither images/ and masks/.*it holds notes\.txt"):
        find_layout(tmp_path)


def test_several_annotation_files_are_a_question(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "bones")
    (root / "second.json").write_text((root / "coco.json").read_text())
    (root / "other.json").write_text("{}")
    with pytest.raises(UserError, match="several COCO files"):
        find_layout(root)


def test_annotations_without_images_or_outlines_are_refused(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "bones")
    content = json.loads((root / "coco.json").read_text())
    (root / "coco.json").write_text(json.dumps({**content, "annotations": []}))
    with pytest.raises(UserError, match="no outline of any category"):
        find_layout(root)
    (root / "images").rename(root / "pictures")
    with pytest.raises(UserError, match="no folder images/"):
        find_layout(root / "coco.json")
