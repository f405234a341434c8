"""DICOM series: slices are put together by their positions, under a pseudonym."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from highdicom.seg import SegmentDescription
from pydicom.sr.codedict import codes

from seggrid.config.data import FolderData
from seggrid.data.sources import RawCase, Source, open_source
from seggrid.data.store import Store
from seggrid.errors import UserError
from tests.unit.data.sources.dicom_files import IDENTIFIERS, uid, write_dicom
from tests.unit.data.sources.volume_files import orientations, write_series, write_volume

VOLUME = np.random.default_rng(0).integers(-1000, 1000, (4, 12, 10)).astype(np.int16)
MASK = (VOLUME > 500).astype(np.uint8)


def open_folder(root: Path, **more: Any) -> Source:
    return open_source(FolderData(source="folder", path=root, classes={"bone": 1}, series=True, **more))


def load(root: Path, **more: Any) -> RawCase:
    source = open_folder(root, **more)
    listing = source.list_cases()
    assert listing.problems == ()
    (case,) = listing.cases
    return source.load(case)


def test_slices_in_any_order_are_one_volume(tmp_path: Path) -> None:
    write_series(tmp_path / "images" / "Doe", VOLUME, RescaleSlope=2, RescaleIntercept=-1024)
    write_volume(tmp_path / "masks" / "Doe.nrrd", MASK, turn=list(orientations())[21])
    raw = load(tmp_path)
    assert np.array_equal(raw.image[0], 2 * VOLUME.astype(np.float32) - 1024)
    assert np.array_equal(raw.labels, MASK)
    assert raw.spacing == (5.0, 1.0, 0.5)
    assert raw.case.startswith("dcm-")
    assert raw.group == f"patient-{raw.case.removeprefix('dcm-')}"
    assert f"{raw.case},images/Doe" in (tmp_path / "pseudonyms.csv").read_text()


def test_slices_are_read_by_their_windows_where_asked_for(tmp_path: Path) -> None:
    scaled = {"RescaleSlope": 2, "RescaleIntercept": -1024}
    window = {"WindowCenter": 40, "WindowWidth": 400, "VOILUTFunction": "LINEAR_EXACT"}
    write_series(tmp_path / "images" / "Doe", VOLUME, **scaled, **window)
    write_volume(tmp_path / "masks" / "Doe.nrrd", MASK)
    expected = np.clip((2.0 * VOLUME - 1024 - 40) / 400 + 0.5, 0, 1)
    assert np.allclose(load(tmp_path, voi=True).image[0], expected, atol=1e-6)


def test_padding_is_as_dark_in_every_slice(tmp_path: Path) -> None:
    """Also in a slice that is nothing else."""
    filled = VOLUME.copy()
    filled[:, :, -2:] = -2000
    filled[3] = -2000
    write_series(tmp_path / "images" / "Doe", filled, PixelPaddingValue=-2000)
    write_volume(tmp_path / "masks" / "Doe.nrrd", MASK)
    image = load(tmp_path).image[0]
    padding = filled == -2000
    assert np.array_equal(image[~padding], filled[~padding])
    assert set(image[padding]) == {filled[~padding].min()}


def test_a_mask_without_its_voxels_is_told_by_the_pseudonym(tmp_path: Path) -> None:
    write_series(tmp_path / "images" / "Doe_Jane", VOLUME)
    write_volume(tmp_path / "masks" / "Doe_Jane.mhd", MASK, compressed=False)
    (tmp_path / "masks" / "Doe_Jane.raw").unlink()
    with pytest.raises(UserError, match=r"dcm-\w+: its mask: unreadable or truncated") as error:
        load(tmp_path)
    assert not any(name in str(error.value) for name in IDENTIFIERS)


def test_a_dicom_segmentation_of_some_slices_is_a_mask(tmp_path: Path) -> None:
    files = write_series(tmp_path / "images" / "a", VOLUME)
    shown = [pydicom.dcmread(files[number]) for number in (1, 3)]
    description = SegmentDescription(
        1, "bone", codes.SCT.AnatomicalStructure, codes.SCT.Bone, highdicom.seg.SegmentAlgorithmTypeValues.MANUAL
    )
    for found in shown:
        found.StudyDate = found.StudyTime = found.StudyID = found.PatientSex = ""
    (tmp_path / "masks").mkdir()
    highdicom.seg.Segmentation(
        shown, MASK[[1, 3]], "BINARY", [description], uid("seg"), 1, uid("instance"), 1, "m", "m", "1", "1",
    ).save_as(tmp_path / "masks" / "a.dcm")  # fmt: skip
    raw = load(tmp_path)
    assert np.array_equal(raw.labels[[1, 3]], MASK[[1, 3]])
    assert not raw.labels[[0, 2]].any()


def remove_one(files: list[Path]) -> None:
    files[1].unlink()


def add_scout(files: list[Path]) -> None:
    pixels = np.zeros((12, 10), np.int16)
    place: dict[str, Any] = {"ImagePositionPatient": [0, 0, 0], "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
    found = pydicom.dcmread(files[0])
    place |= {"SeriesInstanceUID": found.SeriesInstanceUID, "PixelSpacing": [1, 1]}
    write_dicom(files[0].with_name("IM9999"), pixels, **place)


def change(number: int, **values: Any) -> Any:
    def act(files: list[Path]) -> None:
        found = pydicom.dcmread(files[number])
        for name, value in values.items():
            if value is None:
                delattr(found, name)
            else:
                setattr(found, name, value)
        found.save_as(files[number])

    return act


def tilt(files: list[Path]) -> None:
    for number, file in enumerate(files):
        change(0, ImagePositionPatient=[-10, -20 + 2 * number, -30 + 5 * number])([file])


def truncate(files: list[Path]) -> None:
    files[2].write_bytes(files[2].read_bytes()[:-100])


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (remove_one, r"10 mm lie between slices 1 and 2 .* 5 mm|slices are missing"),
        (add_scout, r"1 of 5 slices differ from the others in size, spacing or direction \(a scout view\?\)"),
        (change(1, SeriesInstanceUID="1.2.3"), r"2 series in one folder; put each into a folder of its own"),
        (change(1, ImagePositionPatient=None), r"does not say where its slice lies"),
        (change(1, ImagePositionPatient=[-10, -20, -30]), r"slices 1 and 2 lie at one place"),
        (tilt, r"shifted sideways against the next, by up to 2 mm"),
        (truncate, r"slice 3 of 4: unreadable or truncated"),
    ],
    ids=["missing", "scout", "mixed", "nowhere", "twice", "tilted", "truncated"],
)
def test_what_is_no_volume_is_told_without_a_name(tmp_path: Path, damage: Any, text: str) -> None:
    files = write_series(tmp_path / "images" / "Doe", VOLUME)
    write_volume(tmp_path / "masks" / "Doe.mha", MASK)
    damage(files)
    source = open_folder(tmp_path)
    listing = source.list_cases()
    if listing.cases:
        with pytest.raises(UserError, match=text) as caught:
            source.load(listing.cases[0])
        told = str(caught.value)
    else:
        told = "\n".join(listing.problems)
    assert re.search(text, told), told
    assert not any(secret in told for secret in (*IDENTIFIERS, "IM0"))


def test_files_outside_of_folders_and_lonely_series_are_told(tmp_path: Path) -> None:
    write_series(tmp_path / "images" / "a", VOLUME)
    write_series(tmp_path / "images", VOLUME[:2])
    write_volume(tmp_path / "masks" / "b.mha", MASK)
    told = "\n".join(open_folder(tmp_path).list_cases().problems)
    assert "files lie in no folder of a series" in told
    assert "no mask has the name of its folder" in told
    assert "no image of this name" in told


def test_one_slice_is_a_volume(tmp_path: Path) -> None:
    write_series(tmp_path / "images" / "a", VOLUME[:1])
    write_volume(tmp_path / "masks" / "a.nrrd", MASK[:1], spacing=(1.0, 1.0, 0.5))
    assert load(tmp_path).image.shape == (1, 1, 12, 10)


def test_a_mask_elsewhere_is_told_by_the_pseudonym(tmp_path: Path) -> None:
    write_series(tmp_path / "images" / "Doe", VOLUME)
    write_volume(tmp_path / "masks" / "Doe.mha", MASK, origin=(0.0, 0.0, 0.0))
    with pytest.raises(UserError, match=r"^dcm-\w{12}: its mask: its affine is not that of its series") as caught:
        load(tmp_path)
    assert "Doe" not in str(caught.value)


def test_nothing_of_a_patient_reaches_the_results(tmp_path: Path, build: Callable[..., Store]) -> None:
    for number in range(4):
        folder = tmp_path / "raw" / "images" / f"Doe{number}"
        write_series(folder, VOLUME + number, patient=f"4711-0815-{number // 2}")
        write_volume(tmp_path / "raw" / "masks" / f"Doe{number}.nrrd", MASK)
    data = {"source": "folder", "path": str(tmp_path / "raw"), "classes": ["bone"], "series": True, "slices": 0}
    with pytest.raises(UserError, match=r"2 folds need at least 4 groups \(patients\), the data has 2"):
        build(data, splits={"folds": 2})
    rows = "".join(f"Doe{number},Jane{number}\n" for number in range(4))
    (tmp_path / "raw" / "cases.csv").write_text("case,group\n" + rows)
    store = build(data, splits={"folds": 2})
    assert len(store.cases) == 16
    assert len({entry.group for entry in store.cases}) == 4
    raw = tmp_path / "raw"
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(raw)]
    results = b"".join(path.read_bytes() for path in files)
    assert "index.csv" in {path.name for path in files}
    assert not any(secret.encode() in results for secret in IDENTIFIERS)
