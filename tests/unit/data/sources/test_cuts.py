"""Blocks and slices of volumes as cases: their names, groups, places, and which of them are left out."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from seggrid.config.data import FolderData
from seggrid.data.sources import Source, open_source
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.paths import DataFolder
from seggrid.records import read_json
from tests.unit.data.sources.volume_files import write_series, write_volume

SHAPE = (6, 9, 10)


def volume(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise, and an object that fills the two uppermost slices but one corner."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[4:, 2:, 2:] = 1
    return (100 * mask + np.random.default_rng(number).integers(0, 50, SHAPE)).astype(np.int16), mask


def write(root: Path, count: int, groups: str = "") -> dict[str, Any]:
    for number in range(count):
        image, mask = volume(number)
        write_volume(root / "images" / f"v{number}.nii.gz", image)
        write_volume(root / "masks" / f"v{number}.nii.gz", mask)
    if groups:
        (root / "cases.csv").write_text(groups)
    return {"source": "folder", "path": root, "classes": ["top"]}


def opened(data: dict[str, Any], **more: Any) -> Source:
    return open_source(FolderData.model_validate({**data, **more}))


def test_blocks_put_together_are_the_volume(tmp_path: Path) -> None:
    data = write(tmp_path, 1)
    for cut in ({"grid": [2, 4, 3]}, {"size": [2, 4, 5]}, {"size": [4, 4, 4]}, {"size": [50, 50, 50]}):
        source = opened(data, subvolumes=cut)
        cases = source.list_cases().cases
        total = np.concatenate([source.load(case).image.ravel() for case in cases])
        assert np.array_equal(np.sort(total), np.sort(volume(0)[0].ravel())), cut
        raw = source.load(cases[-1])
        assert np.array_equal(raw.image[0][-1, -1], volume(0)[0][-1, -1, -raw.image.shape[-1] :])
        assert raw.spacing == (5.0, 1.0, 0.5)


def test_names_say_where_a_block_lies_and_sort_so(tmp_path: Path) -> None:
    cases = opened(write(tmp_path, 1), subvolumes={"grid": [2, 1, 10]}).list_cases().cases
    assert [case.case for case in cases][:2] == ["v0_z0y0x0", "v0_z0y0x1"]
    cases = opened(write(tmp_path, 1), slices=2).list_cases().cases
    assert [case.case for case in cases] == [f"v0_x{number}" for number in range(10)]


def test_a_rest_of_less_than_half_a_block_goes_to_the_last_one(tmp_path: Path) -> None:
    source = opened(write(tmp_path, 2), subvolumes={"size": [4, 4, 4], "stride": [4, 2, 4]})
    shapes = {source.load(case).labels.shape for case in source.list_cases().cases}
    assert shapes == set(itertools.product((4, 2), (4, 5), (4, 2)))


def test_the_blocks_of_one_patient_are_groups_of_their_own(tmp_path: Path) -> None:
    one = opened(write(tmp_path / "one", 2, "case,group\nv0,p\nv1,p\n"), subvolumes={"grid": [1, 1, 2]}).list_cases()
    assert {(case.group, case.patient) for case in one.cases} == {(case.case, "p") for case in one.cases}
    two = opened(write(tmp_path / "two", 2), subvolumes={"grid": [1, 1, 2]}).list_cases()
    assert [case.group for case in two.cases] == ["v0", "v0", "v1", "v1"]
    slices = opened(write(tmp_path / "one", 2), slices=0).list_cases()
    assert {case.group for case in slices.cases} == {"p"}


def test_blocks_of_one_patient_must_not_overlap(tmp_path: Path) -> None:
    cut = {"size": [4, 4, 4], "stride": [2, 4, 4]}
    (problem,) = opened(write(tmp_path / "one", 1), subvolumes=cut).list_cases().problems
    assert "blocks of a single patient are groups of their own, and must not overlap" in problem
    assert not opened(write(tmp_path / "two", 2), subvolumes=cut).list_cases().problems


def test_slices_have_two_axes_and_the_spacing_of_these(tmp_path: Path) -> None:
    data = write(tmp_path, 1)
    for axis, spacing in enumerate([(1.0, 0.5), (5.0, 0.5), (5.0, 1.0)]):
        source = opened(data, slices=axis)
        raw = source.load(source.list_cases().cases[3])
        assert np.array_equal(raw.image[0], np.take(volume(0)[0], 3, axis))
        assert raw.spacing == spacing


def test_empty_parts_are_left_out_unless_they_are_allowed(tmp_path: Path, build: Callable[..., Store]) -> None:
    data = write(tmp_path / "raw", 4)
    for name, more, kept in (("a", {}, 2), ("b", {"allow_empty": True}, 6)):
        store = build({**data, "slices": 0, **more}, name=name)
        assert len(store.cases) == 4 * kept
        card = read_json(DataFolder(name, tmp_path).card)
        assert (card["patients"], card["groups"], card["left_out"]) == (4, 4, 4 * (6 - kept))
        for fold in (store.fold(number) for number in range(4)):
            sides = [{store.cases[case].group for case in side} for side in (fold.train, fold.val, fold.test)]
            assert sum(map(len, sides)) == 4


def test_parts_without_any_content_are_left_out(tmp_path: Path, build: Callable[..., Store]) -> None:
    data = write(tmp_path / "raw", 4)
    image, _ = volume(9)
    image[0] = 7
    write_volume(tmp_path / "raw" / "images" / "v0.nii.gz", image)
    store = build({**data, "slices": 0, "allow_empty": True})
    assert "v0_z0" not in [entry.case for entry in store.cases]


@pytest.mark.parametrize("step", ["z_score", "min_max"])
def test_parts_without_contrast_in_the_window_are_left_out(
    tmp_path: Path, build: Callable[..., Store], step: str
) -> None:
    data = {**write(tmp_path / "raw", 4), "slices": 0, "allow_empty": True}
    image, _ = volume(9)
    image[0] = -np.arange(90).reshape(9, 10)
    write_volume(tmp_path / "raw" / "images" / "v0.nii.gz", image)
    window = {"window": {"low": 0, "high": 100}}
    store = build(data, (window, step))
    assert "v0_z0" not in [entry.case for entry in store.cases]
    assert (len(store.cases), read_json(DataFolder("built", tmp_path).card)["left_out"]) == (23, 1)
    # With a scale of its own the window keeps it: black.
    scaled = build(data, ({"window": {"low": 0, "high": 100, "scale": True}},), name="scaled")
    assert len(scaled.cases) == 24
    assert not scaled.image(0).any()
    # A part that shows an object is never passed over.
    image[5] = -np.arange(90).reshape(9, 10)
    write_volume(tmp_path / "raw" / "images" / "v0.nii.gz", image)
    with pytest.raises(UserError, match=rf"v0_z5: preprocessing step {step}: a channel has the value 0 everywhere"):
        build(data, (window, step), name="broken")


def test_one_patient_is_preprocessed_and_counted_as_one(tmp_path: Path, build: Callable[..., Store]) -> None:
    store = build({**write(tmp_path / "raw", 1), "subvolumes": {"grid": [1, 3, 3]}})
    card = read_json(DataFolder("built", tmp_path).card)
    assert (len(store.cases), card["groups"], card["patients"]) == (9, 9, 1)


def test_a_sliver_may_vanish_where_a_part_is_resampled(tmp_path: Path, build: Callable[..., Store]) -> None:
    data = write(tmp_path / "raw", 4)
    steps = ({"resample": {"spacing": [10.0, 2.0, 2.0]}}, "z_score")
    store = build({**data, "subvolumes": {"size": [5, 9, 10]}}, steps)
    assert store.cases[0].shape == (3, 4, 2)


def test_parts_and_volumes_can_be_excluded(tmp_path: Path) -> None:
    data = write(tmp_path, 3)
    cut = {"grid": [1, 1, 2]}
    listing = opened(data, subvolumes=cut, exclude=["v0", "v1_z0y0x1"]).list_cases()
    assert [case.case for case in listing.cases] == ["v1_z0y0x0", "v2_z0y0x0", "v2_z0y0x1"]
    listing = opened(data, subvolumes=cut, exclude=["v1_z0y0x7", "v9"]).list_cases()
    assert [problem.split(";")[0] for problem in listing.problems] == [
        "data.exclude: there is no case v1_z0y0x7",
        "data.exclude: there is no case v9",
    ]


def test_a_volume_that_is_called_like_a_part_can_be_excluded(tmp_path: Path) -> None:
    data = write(tmp_path, 2)
    for part in ("images", "masks"):
        (tmp_path / part / "v1.nii.gz").rename(tmp_path / part / "v0_z3.nii.gz")
    listing = opened(data, slices=0, exclude=["v0_z3", "v0_z4", "v0_z5"]).list_cases()
    assert not listing.problems
    # The volume of that name, not the slice.
    assert [case.case for case in listing.cases] == ["v0_z0", "v0_z1", "v0_z2", "v0_z3"]
    listing = opened(data, slices=0, exclude=["v0_z3_z0", "v0"]).list_cases()
    assert [case.case for case in listing.cases] == [f"v0_z3_z{number}" for number in range(1, 6)]


def test_a_damaged_volume_is_told_once(tmp_path: Path, build: Callable[..., Store]) -> None:
    data = write(tmp_path / "raw", 4)
    path = tmp_path / "raw" / "masks" / "v1.nii.gz"
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(UserError, match=r"1 problem in the data.*\n.*v1\.nii\.gz: unreadable or truncated"):
        build({**data, "slices": 0})


def test_a_cut_source_goes_to_another_process_without_its_volume(tmp_path: Path) -> None:
    source = opened(write(tmp_path, 1), slices=0)
    case = source.list_cases().cases[5]
    empty = len(pickle.dumps(source))
    source.load(case)
    assert len(pickle.dumps(source)) == empty
    assert np.array_equal(copy.copy(source).load(case).image, volume(0)[0][5][None])


def test_a_series_is_cut_under_its_pseudonym(tmp_path: Path) -> None:
    image, mask = volume(0)
    write_series(tmp_path / "images" / "Doe", image)
    write_volume(tmp_path / "masks" / "Doe.nrrd", mask)
    source = opened({"source": "folder", "path": tmp_path, "classes": ["top"]}, series=True, slices=0)
    cases = source.list_cases().cases
    assert len(cases) == 6
    assert all(case.case.startswith("dcm-") and case.case.endswith(f"_z{n}") for n, case in enumerate(cases))
    assert np.array_equal(source.load(cases[4]).labels, mask[4])


@pytest.mark.parametrize(
    ("cut", "text"),
    [
        ({"subvolumes": {}}, "give either grid or size"),
        ({"subvolumes": {"grid": [1, 1, 1], "size": [1, 1, 1]}}, "give either grid or size"),
        ({"subvolumes": {"grid": [1, 1, 1], "stride": [1, 1, 1]}}, "stride needs size"),
        ({"subvolumes": {"size": [4, 4, 4], "stride": [5, 4, 4]}}, "leaves voxels out"),
        ({"subvolumes": {"grid": [1, 1, 1]}, "slices": 0}, "either subvolumes or slices"),
    ],
)
def test_a_cut_that_makes_no_sense_is_refused(tmp_path: Path, cut: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        FolderData.model_validate({"source": "folder", "path": tmp_path, "classes": ["a"], **cut})


def test_volumes_that_are_too_small_or_flat_are_named(tmp_path: Path) -> None:
    data = write(tmp_path, 1)
    (problem,) = opened(data, subvolumes={"grid": [7, 1, 1]}).list_cases().problems
    assert problem.startswith("v0: 6 voxels along axis 0 are too few for 7 blocks")
    write_volume(tmp_path / "images" / "flat.nrrd", volume(0)[0][:1])
    write_volume(tmp_path / "masks" / "flat.nrrd", volume(0)[1][:1])
    assert not opened(data, slices=0).list_cases().problems
    for part in ("images", "masks"):
        Image.fromarray(volume(0)[1][0]).save(tmp_path / part / "p.png")
    (problem,) = opened(data, slices=0).list_cases().problems
    assert "p.png: an image of two axes; leave out data.slices and data.subvolumes" in problem
