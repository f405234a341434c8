"""The phantom as a source."""

from __future__ import annotations

import numpy as np
import pytest

from seggrid.config.data import PhantomData
from seggrid.config.phantom import KneeSettings
from seggrid.data.sources import open_source
from seggrid.errors import UserError
from seggrid.phantom import CLASS_NAMES, radiograph


def test_names_and_pixels_are_those_of_the_phantom() -> None:
    settings = KneeSettings(subjects=2, frames=2, size=64)
    source = open_source(PhantomData(source="phantom", knee=settings))
    listing = source.list_cases()
    assert (len(listing.cases), listing.problems, source.class_names) == (4, (), CLASS_NAMES)
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
