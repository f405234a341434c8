"""Borders of label images."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

from seggrid.metrics.surface import label_surfaces

images = npst.array_shapes(min_dims=2, max_dims=3, max_side=7).flatmap(
    lambda shape: npst.arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 2, 255]))
)


@given(images)
def test_border_is_the_mask_minus_its_erosion(labels: np.ndarray) -> None:
    found = label_surfaces(labels, [1, 2, 3, 255])
    for label, surface in found.surfaces.items():
        mask = labels == label
        border = mask & ~ndimage.binary_erosion(mask)
        np.testing.assert_array_equal(surface.flat, np.flatnonzero(border))
        np.testing.assert_array_equal(np.stack(surface.index, axis=1), np.argwhere(border))


def test_touching_objects_have_a_border_between_them() -> None:
    labels = np.ones((6, 6), np.uint8)
    labels[:, 3:] = 2
    columns = [set(label_surfaces(labels, [1, 2]).surfaces[label].index[1].tolist()) for label in (1, 2)]
    assert columns == [{0, 1, 2}, {3, 4, 5}]
    assert (2, 2) in zip(*label_surfaces(labels, [1]).surfaces[1].index, strict=True)


def test_points_are_in_units_of_the_smallest_spacing() -> None:
    labels = np.zeros((4, 5), np.uint8)
    labels[2, 3] = 1
    surface = label_surfaces(labels, [1], spacing=(1.5, 0.5)).surfaces[1]
    np.testing.assert_array_equal(surface.points, [[6.0, 3.0]])
    assert surface.box == ((2, 2), (3, 3))


def test_equal_spacing_stays_in_whole_numbers() -> None:
    labels = np.zeros((300, 300), np.uint8)
    labels[7, 299] = 1
    surface = label_surfaces(labels, [1], spacing=(0.3, 0.3)).surfaces[1]
    np.testing.assert_array_equal(surface.points, [[7.0, 299.0]])
