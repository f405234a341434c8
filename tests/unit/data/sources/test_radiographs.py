"""DICOM images in the folder source: frames, groups, masks, and names that tell nobody."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest
from pydicom import dcmread, dcmwrite

from seggrid.data.sources import Listing
from seggrid.data.sources.dicom import read_header
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.prediction.segmentation import encode_segmentation
from tests.unit.data.sources.dicom_files import (
    IDENTIFIERS,
    NAMES,
    mask_of,
    radiograph,
    source,
    uid,
    write_dicom,
    write_png,
)


def write_segmentation(image: Path, path: Path, masks: npt.NDArray[np.uint8], names: tuple[str, ...] = NAMES) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_segmentation(read_header(image), masks, names, "0123456789ab"))


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Four patients with two radiographs each, in folders and files that are called after them."""
    root = tmp_path / "scans"
    for number in range(8):
        key = f"Doe_Jane_{number // 2}/IM{number}"
        patient = f"4711-0815-{number // 2}"
        headers = {"ImagerPixelSpacing": [0.2, 0.3], "InstanceNumber": number + 1}
        write_dicom(root / "images" / f"{key}.dcm", radiograph(number), patient=patient, **headers)
        write_png(root / "masks" / f"{key}.png", mask_of(number))
    return root


def test_windows_are_applied_where_asked_for(scans: Path) -> None:
    path = scans / "images" / "Doe_Jane_0" / "IM0.dcm"
    window = {"WindowCenter": 2000, "WindowWidth": 1000, "VOILUTFunction": "LINEAR_EXACT"}
    write_dicom(path, radiograph(0), patient="4711-0815-0", **window)
    name = read_header(path).pseudonym
    for voi in (False, True):
        opened = source(scans, voi=voi)
        listing = opened.list_cases()
        case = next(case for case in listing.cases if case.case == name)
        expected = np.clip((radiograph(0) - 2000.0) / 1000 + 0.5, 0, 1) if voi else radiograph(0)
        assert np.allclose(opened.load(case).image[0], expected, atol=1e-6)
    other = next(case for case in listing.cases if case.case != name)
    with pytest.raises(UserError, match=f"{other.case}: has neither window nor VOI look-up table"):
        opened.load(other)


def problems(listing: Listing) -> str:
    text = "\n".join(listing.problems)
    assert not any(name in text for name in IDENTIFIERS), text
    return text


def names_of(root: Path) -> dict[str, str]:
    """The file of each pseudonym."""
    with (root / "pseudonyms.csv").open(newline="") as file:
        return {row["name"]: row["file"] for row in csv.DictReader(file)}


def test_images_go_by_pseudonyms_and_patients_are_groups(scans: Path) -> None:
    found = source(scans)
    listing = found.list_cases()
    assert problems(listing) == ""
    assert len(listing.cases) == 8
    files = names_of(scans)
    groups: dict[str, set[str]] = {}
    for case in listing.cases:
        assert case.case.startswith("dcm-")
        patient = Path(files[case.case]).parent.name
        groups.setdefault(case.group, set()).add(patient)
        number = int(Path(files[case.case]).stem[2:])
        raw = found.load(case)
        assert np.array_equal(raw.image[0], radiograph(number))
        assert np.array_equal(raw.labels, mask_of(number))
        assert raw.spacing == (0.2, 0.3)
    assert len(groups) == 4
    assert all(len(patients) == 1 for patients in groups.values())
    # Each is called after the first of its images, for the number of a patient could be found by trying all.
    firsts = {case.group: case.case for case in reversed(listing.cases)}
    assert {group.removeprefix("patient-") for group in groups} == {name[4:] for name in firsts.values()}


def test_without_a_patient_the_images_of_one_study_are_a_group(tmp_path: Path) -> None:
    """De-identified images keep their study: two of them on two sides of a split would be a leak."""
    for number, study in enumerate(("1", "1", "2", None)):
        headers = {"StudyInstanceUID": uid(f"study {study}") if study else ""}
        write_dicom(tmp_path / "images" / f"{number}.dcm", radiograph(number), patient="", **headers)
        write_png(tmp_path / "masks" / f"{number}.png", mask_of(number))
    groups = {case.case: case.group for case in source(tmp_path).list_cases().cases}
    files = names_of(tmp_path)
    by_file = {Path(files[case]).stem: group for case, group in groups.items()}
    assert by_file["0"] == by_file["1"]
    assert len(set(by_file.values())) == 3


def test_names_stay_where_files_are_moved_and_renamed(scans: Path) -> None:
    before = source(scans).list_cases().cases
    for part, suffix in (("images", ".dcm"), ("masks", ".png")):
        for number in range(8):
            old = scans / part / f"Doe_Jane_{number // 2}" / f"IM{number}{suffix}"
            old.rename(scans / part / f"{7 - number}{suffix if part == 'masks' else ''}")
    assert source(scans).list_cases().cases == before


def test_frames_of_a_sequence_are_cases_of_one_group(scans: Path) -> None:
    frames = radiograph(9, (3, 40, 48))
    write_dicom(scans / "images" / "film", frames, patient="")
    for frame in (1, 2, 3):
        write_png(scans / "masks" / f"film-f{frame:04d}.png", mask_of(frame))
    found = source(scans)
    listing = found.list_cases()
    assert problems(listing) == ""
    name = read_header(scans / "images" / "film").pseudonym
    cases = [case for case in listing.cases if case.case.startswith(name)]
    assert [case.case for case in cases] == [f"{name}-f000{frame}" for frame in (1, 2, 3)]
    assert {case.group for case in cases} == {f"patient-{name[4:]}"}
    for frame, case in enumerate(cases, start=1):
        assert np.array_equal(found.load(case).image[0], frames[frame - 1])
        assert np.array_equal(found.load(case).labels, mask_of(frame))
    (scans / "masks" / "film-f0002.png").unlink()
    assert f"{name}-f0002: no mask; call it like the file with -f0001" in problems(source(scans).list_cases())
    listing = source(scans, exclude=[f"{name}-f0002"]).list_cases()
    assert (problems(listing), len(listing.cases)) == ("", 10)


@pytest.mark.parametrize("frames", [1, 3])
def test_a_dicom_segmentation_is_a_mask(scans: Path, frames: int) -> None:
    image, mask = scans / "images" / "film.dcm", scans / "masks" / "film.dcm"
    write_dicom(image, radiograph(9, (3, 40, 48)) if frames > 1 else radiograph(9))
    masks = np.stack([mask_of(number) for number in range(frames)])
    write_segmentation(image, mask, masks)
    found, name = source(scans), read_header(image).pseudonym
    listing = found.list_cases()
    assert problems(listing) == ""
    loaded = [found.load(case).labels for case in listing.cases if case.case.startswith(name)]
    assert np.array_equal(np.stack(loaded), masks)


def test_a_segmentation_that_does_not_fit_is_refused(scans: Path, tmp_path: Path) -> None:
    image, mask = scans / "images" / "a.dcm", scans / "masks" / "a.dcm"
    write_dicom(image, radiograph(9))
    name = read_header(image).pseudonym

    def told() -> str:
        found = source(scans)
        case = next(case for case in found.list_cases().cases if case.case == name)
        with pytest.raises(UserError) as error:
            found.load(case)
        assert not any(word in str(error.value) for word in IDENTIFIERS)
        return str(error.value)

    write_segmentation(image, mask, mask_of(1)[None], NAMES[::-1])
    assert f"{name}: its mask: segment 1 is called box, which data.classes gives another value" in told()
    write_dicom(tmp_path / "other.dcm", radiograph(9))
    write_segmentation(tmp_path / "other.dcm", mask, mask_of(1)[None])
    assert f"{name}: its mask: a segmentation of another image" in told()
    shutil.copy(image, mask)
    assert f"{name}: its mask: not a DICOM segmentation" in told()
    write_segmentation(image, mask, mask_of(1)[None])
    overlapping = dcmread(mask)
    overlapping.PixelData = b"\xff" * len(overlapping.PixelData)
    dcmwrite(mask, overlapping)
    assert f"{name}: its mask: its segments overlap" in told()
    overlapping.SegmentationType, overlapping.SegmentationFractionalType = "FRACTIONAL", "PROBABILITY"
    overlapping.MaximumFractionalValue = 255
    dcmwrite(mask, overlapping)
    assert f"{name}: its mask: a segmentation of shares" in told()


def test_a_nifti_mask_of_a_dicom_image_is_refused(scans: Path) -> None:
    """Its first axis is the columns, and dcm2niix turns the rows round: a square one would be wrong unseen."""
    (scans / "masks" / "Doe_Jane_0" / "IM1.png").unlink()
    nib.save(nib.Nifti1Image(mask_of(1), np.eye(4)), scans / "masks" / "Doe_Jane_0" / "IM1.nii.gz")
    assert "its mask is NIfTI, whose rows and columns may be swapped" in problems(source(scans).list_cases())


def test_a_dicom_mask_of_another_image_type_is_refused(scans: Path) -> None:
    write_png(scans / "images" / "flat.png", mask_of(1) * 9)
    write_segmentation(scans / "images" / "Doe_Jane_0" / "IM1.dcm", scans / "masks" / "flat.dcm", mask_of(1)[None])
    found = source(scans)
    case = next(case for case in found.list_cases().cases if case.case == "flat")
    with pytest.raises(UserError, match="a DICOM mask belongs to a DICOM image"):
        found.load(case)


def test_problems_name_no_file(scans: Path) -> None:
    images, masks = scans / "images" / "Doe_Jane_0", scans / "masks" / "Doe_Jane_0"
    (masks / "IM1.png").rename(masks / "Doe.png")
    (images / "IM0.dcm").write_bytes((images / "IM0.dcm").read_bytes()[:300])
    shutil.copy(scans / "images" / "Doe_Jane_2" / "IM4.dcm", images / "Jane.dcm")
    (images / "Jane.txt").write_text("notes")
    (images / "report.dcm").write_bytes((images / "IM1.dcm").read_bytes())
    report = dcmread(images / "report.dcm")
    report.SOPInstanceUID = "1.2.3"
    report.file_meta.MediaStorageSOPClassUID = report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.11.1"
    del report.Rows
    dcmwrite(images / "report.dcm", report)
    text = problems(source(scans).list_cases())
    files = names_of(scans)
    for part, file in (
        ("unreadable or truncated", "images/Doe_Jane_0/IM0.dcm"),
        ("no mask has the name of its file", "images/Doe_Jane_0/IM1.dcm"),
        ("no image of this name", "masks/Doe_Jane_0/Doe.png"),
        ("files of type .txt are not read", "images/Doe_Jane_0/Jane.txt"),
        ("holds no image", "images/Doe_Jane_0/report.dcm"),
    ):
        assert part in text
        line = next(line for line in text.splitlines() if part in line)
        assert files[line.partition(":")[0]] == file
    assert "the same image in 2 files" in text


def test_the_table_of_cases_goes_by_files_and_stays_unseen(scans: Path) -> None:
    rows = [f"Doe_Jane_{n // 2}/IM{n},{'Jane' if n < 5 else 'Doe'}" for n in range(8)]
    (scans / "cases.csv").write_text("\n".join(["case,group", *rows]))
    listing = source(scans).list_cases()
    assert problems(listing) == ""
    files = names_of(scans)
    groups = {Path(files[case.case]).stem: case.group for case in listing.cases}
    assert len({groups[f"IM{n}"] for n in range(5)}) == len({groups[f"IM{n}"] for n in range(5, 8)}) == 1
    assert len(set(groups.values())) == 2
    assert all(group.startswith("patient-") for group in groups.values())
    rows[0:2] = ["Doe_Jane_9/IM9,Doe", "Doe_Jane_0/IM1,Doe", "Doe_Jane_0/IM1,"]
    (scans / "cases.csv").write_text("\n".join(["case,group", *rows]))
    text = problems(source(scans).list_cases())
    name = {file: name for name, file in names_of(scans).items()}
    for part in (
        "row 1 has no image",
        f"case {name['images/Doe_Jane_0/IM1.dcm']} stands 2 times",
        f"case {name['images/Doe_Jane_0/IM1.dcm']} has no group",
        f"case {name['images/Doe_Jane_0/IM0.dcm']} is missing; add its row",
    ):
        assert part in text


def test_a_folder_without_permission_is_told_and_read(
    scans: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("seggrid.data.sources.pseudonyms.write_if_changed", refuse)
    assert len(source(scans).list_cases().cases) == 8
    assert "pseudonyms.csv: cannot be written (Permission denied), so no table says" in capsys.readouterr().err


def test_nothing_of_a_patient_reaches_the_results(
    scans: Path, tmp_path: Path, build: Callable[..., Store], capfd: pytest.CaptureFixture[str]
) -> None:
    data: dict[str, Any] = {"source": "folder", "path": str(scans), "classes": list(NAMES)}
    store = build(data, processes=2)
    assert (len(store.cases), store.unit) == (8, "mm")
    results = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(scans)]
    assert {"index.csv", "card.json", "splits.json", ".hashes.json"} <= {path.name for path in results}
    (scans / "masks" / "Doe_Jane_0" / "IM0.png").write_bytes(b"no image")
    shutil.copy(scans / "images" / "Doe_Jane_1" / "IM2.dcm", scans / "images" / "Doe_Jane_1" / "IM3.dcm")
    with pytest.raises(UserError) as error:
        build(data, name="again")
    told = str(error.value) + "".join(capfd.readouterr())
    assert "its mask: unreadable or truncated" in told
    assert "the same image in 2 files" in told
    for word in IDENTIFIERS:
        assert word not in told
        assert not [path for path in results if word.encode() in path.read_bytes() or word in path.name]
