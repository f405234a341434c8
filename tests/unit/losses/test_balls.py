"""Means over balls against sums over neighbours."""

import itertools

import pytest
import torch
from torch import Tensor

from seggrid.losses.balls import Balls


def neighbours(maps: Tensor, radius: int) -> Tensor:
    """Mean over the pixels of the image within ``radius`` of each pixel, pixel by pixel."""
    sides = maps.shape[2:]
    places = list(itertools.product(*(range(side) for side in sides)))
    result = torch.empty_like(maps)
    for centre in places:
        ball = [p for p in places if sum((a - b) ** 2 for a, b in zip(p, centre, strict=True)) <= radius**2]
        result[(..., *centre)] = torch.stack([maps[(..., *p)] for p in ball]).mean(0)
    return result


@pytest.mark.parametrize("shape", [(9, 13), (8, 5), (1, 7), (1, 1), (4, 5, 6)])
def test_mean_over_the_pixels_within_the_radius(shape: tuple[int, ...]) -> None:
    maps = torch.rand(2, 3, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    radii = (1, 3, 6)
    found = list(Balls(radii, maps).means(maps))
    assert len(found) == len(radii)
    for radius, means in zip(radii, found, strict=True):
        torch.testing.assert_close(means, neighbours(maps, radius))


def test_float32_keeps_its_digits() -> None:
    maps = (torch.rand(1, 1, 60, 70, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    single, double = (next(Balls((18,), m).means(m)) for m in (maps, maps.double()))
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-6)
