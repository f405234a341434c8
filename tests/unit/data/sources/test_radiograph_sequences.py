"""Radiographs of one frame are sequences by their series, in the order of their headers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from seggrid.data.sequences import places_of
from seggrid.data.sources.dicom import read_header
from seggrid.data.store import Store
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

#: Of eight images of one series: files and UIDs are in another order than the frames.
SHUFFLED = (3, 5, 8, 4, 7, 6, 1, 2)


def write_sequence(root: Path, folder: str, series: str, **headers: list[object]) -> list[str]:
    """Write an image for each value of the headers, and its mask; return their pseudonyms in the same order."""
    names = []
    for number, values in enumerate(zip(*headers.values(), strict=True)):
        more = {name: value for name, value in zip(headers, values, strict=True) if value is not None}
        path = root / "images" / folder / f"IM{number + 8}.dcm"
        write_dicom(
            path, radiograph(100 * len(folder) + number), patient=f"4711-0815-{folder}", SeriesInstanceUID=uid(series),
            **more,
        )  # fmt: skip
        write_png(root / "masks" / folder / f"IM{number + 8}.png", mask_of(number))
        names.append(read_header(path).pseudonym)
    return names


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"InstanceNumber": [*SHUFFLED]}, SHUFFLED),
        ({"InstanceNumber": [10 * number for number in SHUFFLED]}, [10 * number for number in SHUFFLED]),
        ({"InstanceNumber": [1] * 8, "AcquisitionTime": [f"10111{number}.5" for number in SHUFFLED]}, SHUFFLED),
        ({"InstanceNumber": [None] * 8}, range(1, 9)),
    ],
    ids=["number", "gaps", "time", "file"],
)
def test_images_of_one_frame_are_a_sequence_in_the_order_of_their_headers(
    tmp_path: Path, headers: dict[str, list[object]], expected: Iterable[int]
) -> None:
    names = write_sequence(tmp_path, "Doe", "one", **headers)
    cases = {case.case: case for case in source(tmp_path).list_cases().cases}
    assert [cases[name].frame for name in names] == list(expected)
    assert len({case.sequence for case in cases.values()}) == 1


def test_series_of_a_patient_are_sequences_and_so_is_a_file_of_frames(tmp_path: Path) -> None:
    for series in ("left", "right"):
        write_sequence(tmp_path, f"Doe/{series}", series, InstanceNumber=[2, 1])
    write_dicom(tmp_path / "images" / "film", radiograph(9, (3, 40, 48)), InstanceNumber=7)
    for frame in (1, 2, 3):
        write_png(tmp_path / "masks" / f"film-f{frame:04d}.png", mask_of(frame))
    found: dict[str, list[int]] = {}
    for case in source(tmp_path).list_cases().cases:
        assert case.sequence is not None
        assert case.frame is not None
        found.setdefault(case.sequence, []).append(case.frame)
    film = read_header(tmp_path / "images" / "film").pseudonym
    assert sorted(found[film]) == [1, 2, 3]
    assert sorted(map(len, found.values())) == [2, 2, 3]


def test_sequences_stand_in_the_index_and_tell_nobody(tmp_path: Path, build: Callable[..., Store]) -> None:
    root = tmp_path / "scans"
    names = {
        folder: write_sequence(
            root, folder, folder, InstanceNumber=[2, 3, 1], AcquisitionTime=["101112.131", "101113.131", "101111.131"]
        )
        for folder in ("Doe0", "Doe11", "Doe222", "Doe3333")
    }
    store = build({"source": "folder", "path": str(root), "classes": list(NAMES)})
    places = places_of(store.cases)
    for cases in names.values():
        assert [places[case][1] for case in cases] == [2, 3, 1]
        assert len({places[case][0] for case in cases}) == 1
    assert len({sequence for sequence, _ in places.values()}) == 4
    text = next(tmp_path.rglob("index.csv")).read_text()
    assert not any(word in text for word in (*IDENTIFIERS, *map(uid, names), "1011"))
