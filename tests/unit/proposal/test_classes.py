"""From mask values to named objects."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seggrid.errors import UserError
from tests.unit.data.sources.test_radiographs import write_segmentation
from tests.unit.proposal.conftest import CASES, Look, mask_of, save, write_coco, write_nnunet, write_scans


def change(folder: Path, number: int, **pixels: tuple[slice, slice]) -> None:
    """Draw values, given as ``v7=(rows, columns)``, into a mask."""
    mask = mask_of(number)
    for value, where in pixels.items():
        mask[where] = int(value[1:])
    save(folder / "masks" / f"c{number}.png", mask)


def test_objects_without_names_are_numbered_and_it_is_said(folder: Path, look: Look) -> None:
    data, _, classes, notes = look(folder)
    assert data.classes == {"object_1": 1, "object_2": 2}
    assert "values 1, 2: object_1 and so on stand for them" in notes[0]
    assert [(own.cases, own.groups) for own in classes] == [(9, 9), (9, 9)]
    assert classes[1].areas[0] == 16 * 35


def test_a_single_value_255_is_one_object(folder: Path, look: Look) -> None:
    for number in range(CASES):
        save(folder / "masks" / f"c{number}.png", (255 * (mask_of(number) > 0)).astype(np.uint8))
    data, _, _, notes = look(folder)
    assert data.classes == {"object_1": 255}
    assert len(notes) == 1


def test_gaps_and_what_may_be_nobody_s_are_told(folder: Path, look: Look) -> None:
    change(folder, 0, v4=(slice(0, 12), slice(30, 40)), v255=(slice(12, 20), slice(30, 40)))
    data, _, _, notes = look(folder)
    assert data.classes == {"object_1": 1, "object_2": 2, "object_3": 4, "object_4": 255}
    assert not any("no mask holds" in note for note in notes)  # with 255 far beyond the others
    assert "255 often marks" in notes[-1]
    change(folder, 0, v4=(slice(0, 12), slice(30, 40)))
    assert "no mask holds the value 3, although 4 occurs" in look(folder)[3][1]


def test_a_slip_of_the_pen_is_ignored(folder: Path, look: Look) -> None:
    change(folder, 2, v7=(slice(0, 3), slice(40, 43)))
    data, _, classes, notes = look(folder)
    assert (data.classes, data.ignore) == ({"object_1": 1, "object_2": 2}, (7,))
    assert len(classes) == 2
    assert "the mask value 7 is nowhere on more than 9 pixels" in notes[-1]
    change(folder, 2, v7=(slice(0, 3), slice(40, 44)))
    assert look(folder)[0].classes == {"object_1": 1, "object_2": 2, "object_3": 7}


def test_tiny_objects_alone_are_objects(folder: Path, look: Look) -> None:
    mask = np.zeros((40, 48), np.uint8)
    mask[5, 5] = 1
    for number in range(CASES):
        save(folder / "masks" / f"c{number}.png", mask)
    data, _, _, _ = look(folder)
    assert (data.classes, data.ignore) == ({"object_1": 1}, ())


def test_grey_values_and_nothing_at_all_are_refused(folder: Path, look: Look) -> None:
    ramp = np.arange(40 * 48).reshape(40, 48).astype(np.uint16)
    for number in range(CASES):
        save(folder / "masks" / f"c{number}.png", ramp)
    with pytest.raises(UserError, match="1919 values, more than 254 classes"):
        look(folder)
    for number in range(CASES):
        save(folder / "masks" / f"c{number}.png", 0 * ramp)
    with pytest.raises(UserError, match="no mask shows an object"):
        look(folder)


def test_empty_masks_are_allowed_where_there_are_some(folder: Path, look: Look) -> None:
    assert not look(folder)[0].allow_empty
    save(folder / "masks" / "c0.png", 0 * mask_of(0))
    assert look(folder)[0].allow_empty


def test_segments_of_dicom_bring_their_names(tmp_path: Path, look: Look) -> None:
    root = write_scans(tmp_path / "scans")
    for number in range(CASES):
        (root / "masks" / f"Doe{number}.png").unlink()
        image = root / "images" / f"Doe{number}.dcm"
        write_segmentation(image, root / "masks" / f"Doe{number}.dcm", mask_of(number)[None], ("screw", "bone"))
    data, _, _, notes = look(root)
    assert data.classes == {"screw": 1, "bone": 2}
    assert notes == ()


def test_a_label_that_nobody_drew_is_left_out(tmp_path: Path, look: Look) -> None:
    root = write_nnunet(tmp_path / "bones")
    header = json.loads((root / "dataset.json").read_text())
    header["labels"] |= {"plate": 5}
    (root / "dataset.json").write_text(json.dumps(header))
    data, _, classes, notes = look(root)
    assert (data.classes, data.ignore) == ({"screw": 1, "bone": 2}, (5,))
    assert [own.name for own in classes] == ["screw", "bone"]
    assert notes == ("no usable case shows plate: left out of data.classes",)


def test_a_category_that_only_bad_cases_show_leaves_the_order_too(tmp_path: Path, look: Look) -> None:
    root = write_coco(tmp_path / "bones")
    content = json.loads((root / "coco.json").read_text())
    content["annotations"].append(
        {"id": 99, "image_id": 0, "category_id": 9, "segmentation": [[1, 1]], "bbox": [1, 1, 2, 2]}
    )
    (root / "coco.json").write_text(json.dumps(content))
    data, fingerprint, _, _ = look(root)
    assert list(fingerprint.excluded) == ["c0"]
    assert (list(data.classes), data.ignore, data.on_top) == (["screw", "bone"], ("plate",), ("bone", "screw"))
