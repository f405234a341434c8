"""Steps that move pixels."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seggrid.data.preprocessing.geometry import WHOLE, Place, crop_to_content, resample, resize, spacing_after
from seggrid.errors import UserError


def blob(background: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    image = np.full((1, 60, 80), background, np.float32)
    image[0, 20:40, 30:50] = 100
    labels = np.zeros((60, 80), np.uint8)
    labels[25:35, 35:45] = 1
    return image, labels


@pytest.mark.parametrize("background", [0.0, 255.0], ids=["dark", "bright"])
def test_crop_keeps_the_content_and_its_margin(background: float) -> None:
    image, labels, records = crop_to_content(*blob(background), WHOLE, threshold=0.05, margin=5)
    assert image.shape == (1, 30, 30)
    assert labels.sum() == 100
    assert records == [{"op": "crop", "shape": [60, 80], "start": [15, 25], "stop": [45, 55]}]


def test_crop_ignores_a_single_bright_pixel_and_an_empty_image() -> None:
    image, labels = blob()
    image[0, 2, 2] = 1000
    assert crop_to_content(image, labels, WHOLE, 0.05, 5)[0].shape == (1, 30, 30)
    flat = np.zeros_like(image)
    assert crop_to_content(flat, labels, WHOLE, 0.05, 5)[0].shape == flat.shape


def test_crop_refuses_to_cut_an_object_off() -> None:
    image, labels = blob()
    labels[5:7, 5:7] = 2
    with pytest.raises(UserError, match="cuts off 4 pixels of the objects"):
        crop_to_content(image, labels, WHOLE, 0.05, 5)


def test_resize_to_the_same_size_changes_nothing() -> None:
    image, labels = blob()
    same, same_labels, records = resize(image, labels, WHOLE, (60, 80), keep_aspect=False)
    assert records == []
    assert np.array_equal(same, image)
    assert np.array_equal(same_labels, labels)


def test_kept_aspect_pads_with_the_lowest_value_and_background() -> None:
    image, labels, records = resize(*blob(-7), WHOLE, (60, 60), keep_aspect=True)
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
    _, resized, _ = resize(image, labels, WHOLE, size, keep_aspect=False)
    expected = labels.sum() * size[0] * size[1] / (60 * 80)
    assert resized.sum() == pytest.approx(expected, rel=0.02)


def test_a_vanishing_object_is_an_error() -> None:
    image, labels = blob()
    labels[2, 2] = 2
    with pytest.raises(UserError, match=r"makes object 2 \(1 pixels\) vanish"):
        resize(image, labels, WHOLE, (12, 16), keep_aspect=False)
    _, resized, _ = resize(image, labels, Place(part=True), (12, 16), keep_aspect=False)
    assert set(np.unique(resized)) == {0, 1}


def test_the_size_needs_a_side_per_axis() -> None:
    with pytest.raises(UserError, match="has 3 sides, but the images have 2 axes"):
        resize(*blob(), WHOLE, (8, 8, 8), keep_aspect=False)


def ball(shape: tuple[int, ...], spacing: tuple[float, ...], radius: float) -> np.ndarray:
    """A ball of some mm in the middle of a volume."""
    places = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij"), -1) * spacing
    return (np.linalg.norm(places, axis=-1) < radius).astype(np.uint8)


@pytest.mark.parametrize("target", [(2.0, 2.0, 2.0), (5.0, 1.0, 1.0), (1.0, 1.5, 3.0)])
def test_a_volume_is_resampled_to_a_spacing(target: tuple[float, ...]) -> None:
    own, shape = (5.0, 1.0, 1.0), (12, 60, 61)
    labels = ball(shape, own, 22.0)
    image, resized, records = resample(100 * labels[None].astype(np.float32), labels, Place(own), target)
    expected = [round(n * have / want) for n, have, want in zip(shape, own, target, strict=True)]
    assert list(resized.shape) == list(image.shape[1:]) == expected
    found = spacing_after(records, own)
    assert found == pytest.approx(target, rel=0.03)
    volume = 4 / 3 * np.pi * 22.0**3
    assert resized.sum() * np.prod(found) == pytest.approx(volume, rel=0.06)


def test_shrinking_filters_before_it_samples() -> None:
    stripes = np.zeros((1, 8, 64, 8), np.float32)
    stripes[:, :, ::2] = 100
    labels = np.zeros((8, 64, 8), np.uint8)
    image, _, _ = resample(stripes, labels, Place((1.0, 1.0, 1.0)), (1.0, 4.0, 1.0))
    assert image[0, :, 2:-2].std() < 3
    assert image.mean() == pytest.approx(50, abs=2)


def test_resampling_asks_for_a_spacing_of_every_axis() -> None:
    image, labels = blob()
    with pytest.raises(UserError, match=r"the spacing of the image is unknown; set data\.spacing"):
        resample(image, labels, WHOLE, (1.0, 1.0))
    with pytest.raises(UserError, match="has 3 values, but the images have 2 axes"):
        resample(image, labels, Place((1.0, 1.0)), (1.0, 1.0, 1.0))
    assert resample(image, labels, Place((1.0, 0.5)), (1.0, 0.5))[2] == []


def test_a_volume_of_one_slice_is_cropped_within_its_slice() -> None:
    image, labels = blob()
    cropped, _, _ = crop_to_content(image[:, None], labels[None], WHOLE, threshold=0.05, margin=5)
    assert cropped.shape == (1, 1, 30, 30)
