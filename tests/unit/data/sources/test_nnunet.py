"""The nnU-Net raw layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from seggrid.config.data import NnunetData
from seggrid.data.sources import open_source
from seggrid.errors import UserError

HEADER = {
    "channel_names": {"0": "T1", "1": "T2"},
    "labels": {"background": 0, "b": 2, "a": 1},
    "file_ending": ".nii.gz",
}


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    for part in ("imagesTr", "labelsTr"):
        (tmp_path / part).mkdir()
    affine = np.diag([1.0, 1.0, 3.0, 1])
    for number in range(3):
        mask = np.zeros((6, 7, 8), np.uint8)
        mask[2:4], mask[4] = 1, 2
        for channel in range(2):
            image = mask * np.int16(100) + np.int16(channel + number)
            nib.save(nib.Nifti1Image(image, affine), tmp_path / "imagesTr" / f"p_{number}_{channel:04d}.nii.gz")
        nib.save(nib.Nifti1Image(mask, affine), tmp_path / "labelsTr" / f"p_{number}.nii.gz")
    write(tmp_path, HEADER)
    return tmp_path


def write(root: Path, header: dict[str, Any]) -> None:
    (root / "dataset.json").write_text(json.dumps(header))


def test_channels_classes_and_spacing(layout: Path) -> None:
    source = open_source(NnunetData(source="nnunet", path=layout))
    assert source.class_names == ("a", "b")
    listing = source.list_cases()
    assert ([case.case for case in listing.cases], listing.problems) == (["p_0", "p_1", "p_2"], ())
    raw = source.load(listing.cases[1])
    assert raw.image.shape == (2, 8, 7, 6)
    assert (raw.image[0].min(), raw.image[1].min()) == (1, 2)
    assert raw.spacing == (3.0, 1.0, 1.0)
    assert np.array_equal(np.unique(raw.labels), [0, 1, 2])


def test_ten_labels_are_ordered_by_value(layout: Path) -> None:
    write(layout, HEADER | {"labels": {"background": 0, **{f"organ{n}": n for n in (10, 9, 2, 1)}}})
    assert open_source(NnunetData(source="nnunet", path=layout)).class_names == (
        "organ1",
        "organ2",
        "organ9",
        "organ10",
    )


def test_missing_and_extra_files_are_named(layout: Path) -> None:
    (layout / "imagesTr" / "p_0_0001.nii.gz").rename(layout / "imagesTr" / "p_1_0002.nii.gz")
    (layout / "labelsTr" / "p_2.nii.gz").rename(layout / "labelsTr" / "q.nii.gz")
    (layout / "imagesTr" / "readme.txt").touch()
    listing = open_source(NnunetData(source="nnunet", path=layout)).list_cases()
    text = "\n".join(listing.problems)
    assert listing.cases == ()
    for expected in (
        "p_0_0001.nii.gz: missing",
        "p_1_0002.nii.gz: dataset.json names 2 channels",
        "labelsTr/p_2.nii.gz: missing",
        "labelsTr/q.nii.gz: no image",
        "readme.txt: not a .nii.gz file",
    ):
        assert expected in text


def test_another_grid_is_refused(layout: Path) -> None:
    nib.save(nib.Nifti1Image(np.ones((6, 7, 8), np.uint8), np.eye(4)), layout / "labelsTr" / "p_0.nii.gz")
    source = open_source(NnunetData(source="nnunet", path=layout))
    with pytest.raises(UserError, match=r"p_0.nii.gz: the mask's spacing"):
        source.load(source.list_cases().cases[0])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"0": "background", "1": "a"}, "nnU-Net version 1"),
        ({"background": 0, "a": 1, "ignore": 2}, "partly drawn"),
        ({"background": 0, "whole": [1, 2], "core": 2}, "the mask value 2 belongs to"),
        (None, "no labels"),
    ],
)
def test_labels_that_cannot_be_used_are_explained(layout: Path, labels: Any, message: str) -> None:
    write(layout, HEADER | {"labels": labels})
    with pytest.raises(UserError, match=message):
        open_source(NnunetData(source="nnunet", path=layout))


def test_a_header_without_channels_is_refused(layout: Path) -> None:
    write(layout, {"labels": HEADER["labels"], "file_ending": ".nii.gz"})
    with pytest.raises(UserError, match="no channel_names"):
        open_source(NnunetData(source="nnunet", path=layout))


def test_real_hippocampi(shared: Path) -> None:
    source = open_source(NnunetData(source="nnunet", path=shared / "data" / "Dataset004_Hippocampus"))
    listing = source.list_cases()
    assert (len(listing.cases), listing.problems) == (120, ())
    assert source.class_names == ("anterior", "posterior")
    raw = source.load(listing.cases[0])
    assert (raw.image.shape, raw.spacing) == ((1, 35, 51, 35), (1.0, 1.0, 1.0))


def test_an_ignored_value_that_dataset_json_names_is_refused(layout: Path) -> None:
    """Classes of dataset.json are not known when the experiment is read."""
    with pytest.raises(UserError, match=r"^data\.ignore: 2 is the mask value of b; leave it in one of them"):
        open_source(NnunetData(source="nnunet", path=layout, ignore=(2,)))
