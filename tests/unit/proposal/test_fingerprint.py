"""What is read of a data set, and which cases are left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seggrid.errors import UserError
from seggrid.proposal.fingerprint import bits
from tests.unit.proposal.conftest import LAYOUTS, Look, mask_of, picture, save, write_scans


def test_numbers_of_a_case_are_those_of_its_files(folder: Path, look: Look) -> None:
    image, mask = picture(4), mask_of(4)
    image[:4], image[4:6] = 0, 255
    save(folder / "images" / "c4.png", image)
    case = look(folder)[1].cases[4]
    assert (case.case, case.group, case.shape, case.channels, case.kind) == ("c4", "c4", (40, 48), 1, "uint8")
    assert (case.lowest, case.highest) == (0, 255)
    assert case.at_lowest == pytest.approx(4 / 40)
    assert case.at_highest == pytest.approx(2 / 40)
    assert case.percentiles[2] == np.median(image)
    assert case.areas == {1: int((mask == 1).sum()), 2: int((mask == 2).sum())}


def test_each_bad_case_is_left_out_with_its_reason_and_the_rest_is_kept(folder: Path, look: Look) -> None:
    save(folder / "masks" / "c0.png", mask_of(0)[:30])
    (folder / "masks" / "c1.png").unlink()
    save(folder / "images" / "c2.png", np.full((40, 48), 7, np.uint8))
    save(folder / "images" / "c4.png", picture(3))
    save(folder / "images" / "c5.png", np.stack([picture(5), picture(6), picture(7)], -1))
    (folder / "images" / "c6.png").write_bytes((folder / "images" / "c6.png").read_bytes()[:200])
    fingerprint = look(folder)[1]
    assert [case.case for case in fingerprint.cases] == ["c3", "c7", "c8"]
    for case, reason in {
        "c0": "the mask is 30 x 48 pixels, its image 40 x 48",
        "c1": "its image, mask or a channel is missing",
        "c2": "has the value 7 everywhere",
        "c4": "the same image as c3",
        "c5": "3 channels, but",
        "c6": "unreadable or truncated",
    }.items():
        assert reason in fingerprint.excluded[case]
    assert fingerprint.problems == ()


@pytest.mark.parametrize(
    ("name", "file"),
    [("folder", "images/c0.png"), ("coco", "images/c0.png"), ("nnunet", "imagesTr/c_0_0000.png"),
     ("nnunet", "labelsTr/c_0.png"), ("dicom", "masks/Doe0.png")],
)  # fmt: skip
def test_a_case_that_lacks_a_file_is_left_out_in_every_layout(tmp_path: Path, look: Look, name: str, file: str) -> None:
    root = LAYOUTS[name](tmp_path / "bones")
    (root / file).unlink()
    fingerprint = look(root)[1]
    assert (len(fingerprint.cases), fingerprint.problems) == (8, ())
    assert list(fingerprint.excluded.values()) == ["its image, mask or a channel is missing"]


def test_what_no_exclusion_mends_is_a_problem(folder: Path, look: Look) -> None:
    (folder / "images" / "notes.txt").touch()
    (folder / "cases.csv").write_text("case,group\n" + "".join(f"c{n},p{n // 2}\n" for n in range(8)))
    fingerprint = look(folder)[1]
    assert [
        "notes.txt: files of type .txt" in text or "case c8 is missing" in text for text in fingerprint.problems
    ] == [
        True,
        True,
    ]
    assert len(fingerprint.groups) == 5


def test_where_nothing_can_be_used_every_reason_is_told(folder: Path, look: Look) -> None:
    for number in range(9):
        (folder / "masks" / f"c{number}.png").unlink()
    with pytest.raises(UserError) as error:
        look(folder)
    assert len(error.value.problems) == 9


def test_masks_with_a_suffix_are_recognised_and_a_long_list_is_cut(folder: Path, look: Look) -> None:
    for number in range(9):
        (folder / "masks" / f"c{number}.png").rename(folder / "masks" / f"c{number}_mask.png")
    for number in range(9, 15):
        save(folder / "images" / f"c{number}.png", picture(number))
    with pytest.raises(UserError) as error:
        look(folder)
    first, *_, last = error.value.problems
    assert first.startswith("names end in '_mask' where those of their images do not")
    assert (len(error.value.problems), last) == (21, "and 5 more")


def test_a_mask_of_negative_numbers_is_left_out(folder: Path, look: Look) -> None:
    (folder / "masks" / "c0.png").unlink()
    save(folder / "masks" / "c0.tif", mask_of(0).astype(np.int32) - 1)
    assert "they must lie in 1 to 65535" in look(folder)[1].excluded["c0"]


def test_dicom_goes_by_pseudonyms_and_is_grouped_by_patient(tmp_path: Path, look: Look) -> None:
    fingerprint = look(write_scans(tmp_path / "scans"))[1]
    assert all(case.case.startswith("dcm-") for case in fingerprint.cases)
    assert len(fingerprint.groups) == 5
    assert fingerprint.cases[0].spacing == (0.2, 0.3)
    assert bits(fingerprint.cases) == 12


def test_fractions_have_no_bit_depth(folder: Path, look: Look) -> None:
    (folder / "images" / "c0.png").unlink()
    save(folder / "images" / "c0.tif", picture(0).astype(np.float32))
    cases = look(folder)[1].cases
    assert bits(cases) == 0
    assert bits(cases[1:]) == 8
