"""The phantom as a source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from seggrid.config.base import identity
from seggrid.config.data import Data, PhantomData
from seggrid.config.phantom import KneeSettings
from seggrid.data.sources import open_source
from seggrid.errors import UserError
from seggrid.manifest import manifest_hash
from seggrid.phantom import (
    PHANTOM_CLASSES,
    HipSettings,
    WristSettings,
    fracture_radiograph,
    hip_volume,
    radiograph,
    volume,
)
from seggrid.records import digest


def test_names_and_pixels_are_those_of_the_phantom() -> None:
    settings = KneeSettings(subjects=2, frames=2, size=64)
    source = open_source(PhantomData(source="phantom", knee=settings))
    listing = source.list_cases()
    assert (len(listing.cases), listing.problems, source.class_names) == (4, (), PHANTOM_CLASSES["knee"])
    raw, drawn = source.load(listing.cases[3]), radiograph(settings, 1, 1)
    assert (raw.case, raw.group, raw.spacing) == (drawn.case, drawn.group, drawn.spacing)
    assert np.array_equal(raw.image[0], drawn.image)
    assert np.array_equal(raw.labels, drawn.labels)


def test_a_knee_that_cannot_take_its_pose_is_named() -> None:
    """The first of the widest spread whose tendon is too short."""
    knee = KneeSettings(subjects=210, frames=1, size=32, anatomical_spread=1.5)
    source = open_source(PhantomData(source="phantom", knee=knee))
    with pytest.raises(UserError, match=r"^s209_f00: no patellar position at .*; lower data\.knee\.anatomical_spread"):
        source.load(source.list_cases().cases[209])


def test_broken_wrists_are_drawn_with_their_views() -> None:
    settings = WristSettings(subjects=3, size=64)
    source = open_source(PhantomData(source="phantom", wrist=settings))
    cases = source.list_cases().cases
    assert source.class_names == ("fracture",)
    assert len({case.group for case in cases}) == 3
    raw, (image, labels, spacing) = source.load(cases[-1]), fracture_radiograph(settings, 2, int(cases[-1].case[-2:]))
    assert np.array_equal(raw.image[0], image)
    assert np.array_equal(raw.labels, labels)
    assert raw.spacing == (spacing, spacing)


def test_hips_and_knees_are_drawn_as_volumes() -> None:
    settings = HipSettings(subjects=2, size=(16, 20, 24), spacing=(6.0, 5.0, 4.0))
    source = open_source(PhantomData(source="phantom", hip=settings))
    cases = source.list_cases().cases
    raw, drawn = source.load(cases[1]), hip_volume(settings, 1)
    assert ([case.group for case in cases], source.class_names) == (["s000", "s001"], ("femur", "hip"))
    assert (raw.image.shape, raw.spacing) == ((1, 16, 20, 24), (6.0, 5.0, 4.0))
    assert np.array_equal(raw.image[0], drawn.hu)
    assert np.array_equal(raw.labels, drawn.labels)
    knee = KneeSettings(subjects=2, frames=2, volume_spacing=2.0, flexion=(30.0, 30.0))
    source = open_source(PhantomData(source="phantom", knee=knee))
    assert np.array_equal(source.load(source.list_cases().cases[2]).labels, volume(knee, 1, 30.0, 2.0).labels)


def test_each_phantom_is_a_data_set_of_its_own_and_the_knee_keeps_its_name() -> None:
    knee, wrist = PhantomData(source="phantom"), PhantomData(source="phantom", wrist=WristSettings())
    assert manifest_hash(knee, Path("unused")) == digest(["phantom", 1])
    assert manifest_hash(wrist, Path("unused")) == digest(["phantom", "wrist", 2])
    hip = PhantomData(source="phantom", hip=HipSettings())
    assert manifest_hash(hip, Path("unused")) == digest(["phantom", "hip", 2])
    assert identity(hip) == {"source": "phantom", "hip": {}}
    assert identity(knee) == {"source": "phantom"}
    assert identity(wrist) == {"source": "phantom", "wrist": {}}
    assert knee.model_dump().keys() == {"source", "knee"}


def test_a_phantom_is_read_back_as_it_was_written() -> None:
    adapter: TypeAdapter[Data] = TypeAdapter(Data)
    for data in (PhantomData(source="phantom"), PhantomData(source="phantom", wrist=WristSettings(size=100))):
        assert adapter.validate_json(adapter.dump_json(data)) == data


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"knee": {}, "wrist": {}}, "knee and wrist are phantoms of their own; leave one of them in"),
        ({"wrist": None}, "wrist is empty; write wrist: {} for its defaults"),
    ],
)
def test_one_phantom_is_chosen(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PhantomData.model_validate({"source": "phantom", **given})
