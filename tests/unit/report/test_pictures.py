"""Outlines and embedded images."""

import base64
import re

import cv2
import numpy as np
import pytest

from seggrid.report.pictures import LONGEST_SIDE, image_uri, outlines, path, picture


def test_outline_follows_the_edges_of_the_pixels() -> None:
    mask = np.zeros((6, 8), bool)
    mask[1:4, 2:7] = True
    numbers = [float(n) for n in path(mask).strip("MZ").replace(" ", ",").split(",")]
    x, y = numbers[::2], numbers[1::2]
    assert (min(x), max(x), min(y), max(y)) == (2, 7, 1, 4)


def test_outline_is_closed_at_the_frame_and_keeps_holes() -> None:
    mask = np.ones((6, 8), bool)
    mask[3, 3] = False
    assert path(mask).count("Z") == 2


def test_absent_object_has_no_outline() -> None:
    assert path(np.zeros((4, 4), bool)) == ""


def test_large_images_are_reduced() -> None:
    uri = image_uri(np.zeros((900, 300), np.uint8))
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded.shape == (LONGEST_SIDE, LONGEST_SIDE // 3)


def test_aspect_follows_the_spacing() -> None:
    image = np.zeros((10, 20), np.uint8)
    assert picture(image, image, 1, None).aspect == 2
    assert picture(image, image, 1, (2.0, 1.0)).aspect == 1


def test_volume_shows_the_slice_with_most_of_the_truth() -> None:
    truth = np.zeros((3, 8, 8), np.uint8)
    truth[2, 2:6, 2:6] = 1
    shown = picture(truth, truth, 1, (3.0, 1.0, 1.0))
    assert shown.position == 2
    assert shown.truth == (path(truth[2] == 1),) != ("",)
    assert outlines(np.zeros_like(truth), 1, shown.position) == ("",)
    assert (shown.width, shown.height) == (8, 8)


def test_the_place_of_an_object_does_not_change_its_outline() -> None:
    mask = np.random.default_rng(0).random((9, 7)) < 0.5
    mask[0, 0] = mask[-1, -1] = True
    large = np.zeros((40, 50), bool)
    large[12:21, 30:37] = mask
    numbers = [[float(n) for n in re.findall(r"[\d.]+", path(part))] for part in (mask, large)]
    shift = np.tile([30.0, 12.0], len(numbers[0]) // 2)
    assert numbers[1] == pytest.approx((np.array(numbers[0]) + shift).tolist())


@pytest.mark.parametrize("side", [20, 2000])
def test_outline_of_a_disc_has_few_points(side: int) -> None:
    rows, columns = np.mgrid[:side, :side]
    disc = (rows - side / 2) ** 2 + (columns - side / 2) ** 2 < (side / 3) ** 2
    assert 8 <= path(disc).count(",") <= 200
