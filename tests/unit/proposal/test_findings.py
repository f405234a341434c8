"""What is said about the data, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seggrid.proposal.findings import file_findings, list_findings, summary
from seggrid.proposal.settings import choose_settings
from tests.unit.proposal.conftest import CASES, Look, mask_of, picture, save, write_scans

Told = Callable[[Path], str]


@pytest.fixture
def told(look: Look) -> Told:
    """All findings on a data set, as one text."""

    def at(path: Path) -> str:
        data, fingerprint, classes, _ = look(path)
        settings = choose_settings(fingerprint, classes)
        return "\n".join([*file_findings(fingerprint), *list_findings(data, fingerprint, classes, settings)])

    return at


def write_groups(folder: Path, groups: int) -> None:
    rows = "".join(f"c{number},p{number % groups}\n" for number in range(CASES))
    (folder / "cases.csv").write_text(f"case,group\n{rows}")


def test_files_that_are_left_out_and_those_to_be_mended(folder: Path, told: Told) -> None:
    save(folder / "masks" / "c0.png", mask_of(0)[:30])
    (folder / "images" / "notes.txt").touch()
    text = told(folder)
    assert "to be mended before anything can run: " in text.splitlines()[0]
    assert "notes.txt: files of type .txt are not read" in text.splitlines()[0]
    assert "left out (data.exclude): c0: " in text.splitlines()[1]


def test_cases_with_the_same_fault_are_one_finding(folder: Path, told: Told) -> None:
    for number in range(10, 17):
        save(folder / "images" / f"c{number}.png", picture(number))
    text = "left out (data.exclude): c10, c11, c12, c13, c14 and 2 more cases: its image, mask or a channel is missing"
    assert text in told(folder).splitlines()


def test_images_without_a_table_of_groups(folder: Path, told: Told) -> None:
    assert "no cases.csv: every image counts as a patient of its own" in told(folder)
    write_groups(folder, 9)
    assert "cases.csv" not in told(folder)


def test_names_that_look_like_patients(folder: Path, told: Told) -> None:
    assert "names look like" not in told(folder)
    for part in ("images", "masks"):
        for number in range(CASES):
            (folder / part / f"c{number}.png").rename(folder / part / f"pat{number // 3}_{number}.png")
    assert "names look like 3 patients or series: pat0_0, pat0_1, pat0_2 would be one group" in told(folder)


def test_few_groups_and_too_few(folder: Path, told: Told) -> None:
    assert "only 9 groups" in told(folder)
    write_groups(folder, 2)
    assert "2 groups (patients): at least 3 are needed" in told(folder)


def test_patients_of_dicom_need_no_table(tmp_path: Path, told: Told) -> None:
    assert "cases.csv" not in told(write_scans(tmp_path / "scans"))


def test_rare_empty_and_tiny_objects(folder: Path, told: Told, look: Look) -> None:
    for number in range(CASES):
        mask = np.where(mask_of(number) == 2, 2, 0).astype(np.uint8)
        if number == 4:
            mask[:] = 0
        if number == 5:
            mask[2:5, 2:6] = 1
        save(folder / "masks" / f"c{number}.png", mask)
    text = told(folder)
    assert "1 of 9 masks show no object" in text
    assert "object_1 is shown by 1 of 9 groups: some folds neither train nor test it" in text
    assert "object_1 comes down to 21 pixels at 64 x 64" in text
    assert "object_2 is" not in text
    assert "object_2 comes" not in text


def test_clipped_mixed_and_unlike_images(folder: Path, told: Told) -> None:
    image = picture(0)
    image[:20] = 0
    save(folder / "images" / "c0.png", image)
    image = picture(1)
    image[:4] = 255
    save(folder / "images" / "c1.png", image)
    save(folder / "images" / "c2.png", picture(2).astype(np.uint16) * 100)
    large = np.kron(picture(3), np.ones((5, 5), np.uint8))
    save(folder / "images" / "c3.png", large)
    save(folder / "masks" / "c3.png", np.kron(mask_of(3), np.ones((5, 5), np.uint8)))
    text = told(folder)
    assert "in 1 of 9 images more than 25 % of the pixels have the lowest value: a border, or cut off" in text
    assert "in 1 of 9 images more than 2 % of the pixels have the highest value: burnt out" in text
    assert "images of different types of pixels: uint8 (8), uint16 (1)" in text
    assert "sizes differ much, from 40 x 48 to 200 x 240" in text


def test_a_sound_data_set_has_no_finding(folder: Path, look: Look) -> None:
    write_groups(folder, 9)
    data, found, classes, _ = look(folder)
    cases = tuple(
        replace(case, case=f"{case.case}{copy}", group=f"{case.case}{copy}") for case in found.cases for copy in "ab"
    )
    sound = replace(found, cases=cases)
    classes = tuple(replace(own, areas=tuple(np.repeat(own.areas, 2)), groups=18) for own in classes)
    assert list(list_findings(data, sound, classes, choose_settings(sound, classes))) == []


def test_the_summary_counts_what_there_is(folder: Path, tmp_path: Path, look: Look) -> None:
    data, fingerprint, classes, _ = look(folder)
    text = summary(data, fingerprint, classes)
    assert "9 images with masks (folder), 9 groups, grey, pixels: 40 x 48" in text
    assert "no spacing" in text
    assert "8 bit in use; percentiles " in text
    assert "object_2: in 9 images, 29.2 % of all pixels" in text
    assert "spacing 0.2 x 0.3 mm" in summary(*look(write_scans(tmp_path / "scans"))[:3])
