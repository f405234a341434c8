"""The steps of post-processing, on drawn masks; tests/oracles compares them with public code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from seggrid.config.evaluation import Evaluation
from seggrid.config.postprocessing import Chain
from seggrid.errors import UserError
from seggrid.inference.postprocessing import Labels, postprocess


def chains(*steps: object) -> tuple[Chain, ...]:
    """What each object gets: the name of a step, a step, a list of steps, or nothing."""
    return tuple(Evaluation.model_validate({"postprocessing": [s]}).postprocessing[0] if s else () for s in steps)


def drawn(text: str) -> Labels:
    rows = [line.strip() for line in text.strip().splitlines()]
    return np.array([[int(sign) if sign.isdigit() else 0 for sign in row] for row in rows], np.uint8)


def test_the_largest_component_stays() -> None:
    mask = drawn(
        """
        11...2
        11..22
        ....2.
        1....2
        """
    )
    expected = mask.copy()
    expected[3, 0] = 0
    np.testing.assert_array_equal(postprocess(mask, chains("largest_component", None), None), expected)
    expected[3, 5] = 2  # touches by a corner
    np.testing.assert_array_equal(postprocess(mask, chains("largest_component", "largest_component"), None), expected)
    by_faces = {"largest_component": {"connectivity": "faces"}}
    assert postprocess(mask, chains(None, by_faces), None)[3, 5] == 0


def test_of_equal_components_the_first_stays() -> None:
    mask = np.zeros((3, 9), np.uint8)
    mask[2, :2] = mask[0, 4:6] = mask[1, 7:] = 1
    found = postprocess(mask, chains("largest_component"), None)
    assert found.sum() == 2
    assert found[0, 4:6].all()


def test_holes_are_filled_with_background_only() -> None:
    mask = drawn(
        """
        11111.
        1.1211
        11112.
        11.111
        """
    )
    found = postprocess(mask, chains("fill_holes", None), None)
    # The gap at the frame, and what lies beside the other object, stay.
    expected = mask.copy()
    expected[1, 1] = 1
    np.testing.assert_array_equal(found, expected)


def test_a_gap_beside_an_enclosed_object_is_no_hole() -> None:
    mask = np.zeros((9, 9), np.uint8)
    mask[1:8, 1:8] = 1
    mask[3:6, 3:6] = 0
    mask[3, 3] = 2
    np.testing.assert_array_equal(postprocess(mask, chains("fill_holes", "fill_holes"), None), mask)


def test_small_components_go_by_pixels_or_by_area() -> None:
    mask = np.zeros((10, 10), np.uint8)
    mask[:4, :5] = mask[6:, 7:9] = 1  # 20 and 8 pixels
    of = lambda **given: chains({"remove_small": given})  # noqa: E731
    assert postprocess(mask, of(minimum=8), None).sum() == 28
    assert postprocess(mask, of(minimum=9), None).sum() == 20
    assert postprocess(mask, of(minimum=4, unit="mm"), (0.5, 1.0)).sum() == 28
    assert postprocess(mask, of(minimum=4.5, unit="mm"), (0.5, 1.0)).sum() == 20
    with pytest.raises(UserError, match="unit mm needs a spacing"):
        postprocess(mask, of(unit="mm"), None)


def test_the_steps_of_a_chain_follow_one_another() -> None:
    mask = np.zeros((12, 12), np.uint8)
    mask[1:8, 1:8] = 1
    mask[3:6, 3:6] = 0
    mask[4, 4] = mask[10, 10] = 1
    (both,) = chains(["largest_component", "fill_holes"])
    found = postprocess(mask, (both,), None)
    assert found[1:8, 1:8].all()
    assert found.sum() == 49


def test_a_volume_is_filled_where_it_is_closed_on_all_sides() -> None:
    mask = np.zeros((7, 8, 9), np.uint8)
    mask[1:6, 1:7, 1:8] = 1
    mask[3, 3, 3] = 0
    mask[3, 4:, 6] = 0  # a tunnel to the outside
    found = postprocess(mask, chains("fill_holes"), None)
    assert found[3, 3, 3] == 1
    assert not found[3, 4:, 6].any()


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 3)))
def test_objects_do_not_depend_on_one_another(mask: Labels) -> None:
    steps = ["largest_component", "fill_holes"], ["remove_small", "fill_holes"], "fill_holes"
    together = postprocess(mask, chains(*steps), None)
    for label, step in enumerate(steps, start=1):
        alone = postprocess(mask, chains(*[step if label == other else None for other in (1, 2, 3)]), None)
        np.testing.assert_array_equal(together == label, alone == label)


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 1)))
def test_holes_of_one_object_are_those_of_scipy(mask: Labels) -> None:
    found = postprocess(mask, chains("fill_holes"), None)
    np.testing.assert_array_equal(found.astype(bool), ndimage.binary_fill_holes(mask))


def test_what_is_absent_stays_absent() -> None:
    mask = np.zeros((5, 6), np.uint8)
    for step in ("largest_component", "fill_holes", "remove_small"):
        np.testing.assert_array_equal(postprocess(mask, chains(step), None), mask)
        np.testing.assert_array_equal(postprocess(mask + 1, chains({"remove_small": {"minimum": 1}}), None), mask + 1)
