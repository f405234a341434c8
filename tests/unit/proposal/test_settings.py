"""Image size, normalisation, folds and batches that follow from the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seggrid.data.splits import make_splits
from seggrid.proposal.classes import ObjectClass
from seggrid.proposal.fingerprint import CaseFingerprint, Fingerprint
from seggrid.proposal.settings import choose_settings, image_size, is_hounsfield, normalisation, number_of_folds
from tests.unit.proposal.conftest import Look

BASE = CaseFingerprint(
    case="c", group="c", shape=(512, 512), channels=1, kind="uint8", spacing=None, digest="", at_lowest=0.0,
    percentiles=(1.0, 5.0, 80.0, 200.0, 250.0), lowest=0.0, highest=255.0, at_highest=0.0, areas={1: 10_000},
)  # fmt: skip


def made(*shapes: tuple[int, ...], area: int = 10_000, groups: int = 0, **more: object) -> Fingerprint:
    """A fingerprint of cases of some shapes; ``groups`` of them, or one a case."""
    cases = [
        replace(BASE, case=f"c{n}", group=f"g{n % groups if groups else n}", shape=shape, areas={1: area}, **more)
        for n, shape in enumerate(shapes)
    ]
    return Fingerprint(tuple(cases), {}, (), (), {})


def classes_of(fingerprint: Fingerprint) -> list[ObjectClass]:
    areas = tuple(case.areas[1] for case in fingerprint.cases)
    return [ObjectClass("bone", (1,), areas, len(fingerprint.groups))]


@pytest.mark.parametrize(
    ("shapes", "size"),
    [
        ([(512, 512)], (256, 256)),
        ([(2000, 1000)] * 3 + [(400, 200)], (256, 128)),
        ([(300, 100)], (256, 96)),
        ([(100, 90)], (128, 96)),
        ([(40, 48)], (64, 64)),
        ([(454, 373)] * 4 + [(373, 454)], (256, 256)),
        ([(454, 373)] * 19 + [(373, 454)], (256, 224)),
    ],
)
def test_the_median_size_is_scaled_down_to_multiples_of_the_stride(
    shapes: list[tuple[int, int]], size: tuple[int, int]
) -> None:
    found = made(*shapes)
    assert image_size(found, classes_of(found)) == size


def test_small_objects_ask_for_larger_images_but_never_beyond_the_originals() -> None:
    found = made((1024, 1024), area=400)
    assert image_size(found, classes_of(found)) == (256, 256)
    found = made((1024, 1024), area=200)
    assert image_size(found, classes_of(found)) == (320, 320)
    found = made((1024, 1024), area=1)
    assert image_size(found, classes_of(found)) == (1024, 1024)


@pytest.mark.parametrize(("groups", "folds"), [(3, 3), (4, 2), (8, 2), (9, 3), (12, 4), (15, 5), (500, 5)])
def test_every_fold_tests_some_groups(groups: int, folds: int) -> None:
    assert number_of_folds(groups) == folds


@pytest.mark.parametrize(("cases", "groups"), [(3, 3), (4, 4), (12, 10), (40, 7), (140, 140)])
def test_the_counts_are_those_of_the_folds(cases: int, groups: int) -> None:
    found = made(*[(512, 512)] * cases, groups=groups)
    settings = choose_settings(found, classes_of(found))
    folds = make_splits(
        {case.case: case.group for case in found.cases}, settings.splits, {case.case: {1} for case in found.cases}
    )
    for side, expected in (("train", settings.train), ("val", settings.validation), ("test", settings.test)):
        mean = sum(len(fold[side]) for fold in folds) / len(folds)
        assert mean == pytest.approx(expected, abs=max(1.0, 0.1 * cases)), side


def test_few_cases_are_shown_often_and_choose_no_epoch() -> None:
    found = made(*[(512, 512)] * 12)
    settings = choose_settings(found, classes_of(found))
    assert (settings.batch, settings.steps, settings.steps_per_epoch, settings.select_last) == (4, 20, 20, True)
    found = made(*[(512, 512)] * 400)
    settings = choose_settings(found, classes_of(found))
    assert (settings.steps, settings.steps_per_epoch, settings.select_last) == (None, 64, False)
    found = made(*[(100, 100)] * 400)
    assert choose_settings(found, classes_of(found)).batch == 8


def test_radiographs_are_clipped_by_percentile_and_ct_by_value() -> None:
    found = made((512, 512))
    assert [step for step, _ in normalisation(found)] == ["percentile_clip", "z_score"]
    assert not is_hounsfield(found)
    ct = made((512, 512), kind="int16", lowest=-1024.0, highest=1800.0, percentiles=(-1023.6, -1000, 20, 300, 1200.4))
    assert [step for step, _ in normalisation(ct)] == [{"window": {"low": -1024, "high": 1200, "scale": True}}]
    signed = made((512, 512), kind="int16", lowest=-300.0, highest=1800.0)
    assert not is_hounsfield(signed)


def test_a_real_data_set_is_as_small_as_it_is(folder: Path, look: Look) -> None:
    _, fingerprint, classes, _ = look(folder)
    settings = choose_settings(fingerprint, classes)
    assert (settings.size, settings.splits.folds, settings.train + settings.validation + settings.test) == (
        (64, 64),
        3,
        9,
    )
