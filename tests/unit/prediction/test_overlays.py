"""Pictures of masks over their images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from skimage.segmentation import find_boundaries

from seggrid.prediction.outputs import draw_overlay
from tests.unit.prediction.conftest import draw, labels, read


def test_an_overlay_shows_the_objects_in_their_colours(tmp_path: Path) -> None:
    image, mask = draw(2), labels((60, 90))
    (tmp_path / "x.png").write_bytes(draw_overlay(image[None].astype(np.uint16) * 100, mask))
    drawn = read(tmp_path / "x.png")[..., ::-1]
    assert drawn.shape == (60, 90, 3)
    assert np.array_equal((drawn == drawn[..., :1]).all(-1), mask == 0)
    for label, colour in ((1, (230, 159, 0)), (2, (86, 180, 233))):
        edge = find_boundaries(mask, mode="inner") & (mask == label)
        assert (drawn[edge] == colour).all()
        assert not (drawn[(mask == label) & ~edge] == colour).all(-1).any()


def test_the_overlay_of_a_volume_is_the_slice_with_most_objects() -> None:
    mask = np.stack([0 * labels((60, 90)), labels((60, 90)), labels((60, 90)) // 2])
    image = np.stack([draw(number) for number in range(3)])
    assert draw_overlay(image[None], mask) == draw_overlay(image[None, 1], mask[1])
    assert draw_overlay(np.full((1, 60, 90), 7.0), 0 * mask[1])
