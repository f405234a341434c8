"""Steps that move pixels."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seggrid.data.preprocessing.geometry import crop_to_content, resize
from seggrid.errors import UserError


def blob(background: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    image = np.full((1, 60, 80), background, np.float32)
    image[0, 20:40, 30:50] = 100
    labels = np.zeros((60, 80), np.uint8)
    labels[25:35, 35:45] = 1
    return image, labels


@pytest.mark.parametrize("background", [0.0, 255.0], ids=["dark", "bright"])
def test_crop_keeps_the_content_and_its_margin(background: float) -> None:
    image, labels, records = crop_to_content(*blob(background), threshold=0.05, margin=5)
    assert image.shape == (1, 30, 30)
    assert labels.sum() == 100
    assert records == [{"op": "crop", "shape": [60, 80], "start": [15, 25], "stop": [45, 55]}]


def test_crop_ignores_a_single_bright_pixel_and_an_empty_image() -> None:
    image, labels = blob()
    image[0, 2, 2] = 1000
    assert crop_to_content(image, labels, 0.05, 5)[0].shape == (1, 30, 30)
    flat = np.zeros_like(image)
    assert crop_to_content(flat, labels, 0.05, 5)[0].shape == flat.shape


def test_crop_refuses_to_cut_an_object_off() -> None:
    image, labels = blob()
    labels[5:7, 5:7] = 2
    with pytest.raises(UserError, match="cuts off 4 pixels of the objects"):
        crop_to_content(image, labels, 0.05, 5)


def test_resize_to_the_same_size_changes_nothing() -> None:
    image, labels = blob()
    same, same_labels, records = resize(image, labels, (60, 80), keep_aspect=False)
    assert records == []
    assert np.array_equal(same, image)
    assert np.array_equal(same_labels, labels)


def test_kept_aspect_pads_with_the_lowest_value_and_background() -> None:
    image, labels, records = resize(*blob(-7), (60, 60), keep_aspect=True)
    assert (image.shape, labels.shape) == ((1, 60, 60), (60, 60))
    assert [record["op"] for record in records] == ["resize", "pad"]
    assert records[0]["size"] == [45, 60]
    assert (image[0, 0] == -7).all()
    assert not labels[0].any()
    assert json.loads(json.dumps(records)) == records


@pytest.mark.parametrize("size", [(30, 40), (45, 93), (128, 128)])
def test_areas_scale_with_the_image(size: tuple[int, int]) -> None:
    image, labels = blob()
    rows, columns = np.mgrid[:60, :80]
    labels[(rows - 30.3) ** 2 + (columns - 40.2) ** 2 < 400] = 1
    _, resized, _ = resize(image, labels, size, keep_aspect=False)
    expected = labels.sum() * size[0] * size[1] / (60 * 80)
    assert resized.sum() == pytest.approx(expected, rel=0.02)


def test_a_vanishing_object_is_an_error() -> None:
    image, labels = blob()
    labels[2, 2] = 2
    with pytest.raises(UserError, match=r"makes object 2 \(1 pixels\) vanish"):
        resize(image, labels, (12, 16), keep_aspect=False)


def test_the_size_needs_a_side_per_axis() -> None:
    with pytest.raises(UserError, match="has 3 sides, but the images have 2 axes"):
        resize(*blob(), (8, 8, 8), keep_aspect=False)
