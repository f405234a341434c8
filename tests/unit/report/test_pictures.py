"""Outlines and embedded images."""

import base64

import cv2
import numpy as np
import pytest

from seggrid.report.pictures import LONGEST_SIDE, path, picture, png_uri


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
    uri = png_uri(np.zeros((900, 300), np.uint8))
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded.shape == (LONGEST_SIDE, LONGEST_SIDE // 3)


def test_aspect_follows_the_spacing() -> None:
    image = np.zeros((10, 20), np.uint8)
    assert picture(image, image, image, ["a"], None).aspect == 2
    assert picture(image, image, image, ["a"], (2.0, 1.0)).aspect == 1


def test_volume_shows_the_slice_with_most_of_the_truth() -> None:
    truth = np.zeros((3, 8, 8), np.uint8)
    truth[2, 2:6, 2:6] = 1
    shown = picture(truth, truth, np.zeros_like(truth), ["a"], (3.0, 1.0, 1.0))
    assert shown.outlines[0].truth
    assert not shown.outlines[0].prediction
    assert (shown.width, shown.height) == (8, 8)


@pytest.mark.parametrize("side", [20, 2000])
def test_outline_of_a_disc_has_few_points(side: int) -> None:
    rows, columns = np.mgrid[:side, :side]
    disc = (rows - side / 2) ** 2 + (columns - side / 2) ** 2 < (side / 3) ** 2
    assert 8 <= path(disc).count(",") <= 200
