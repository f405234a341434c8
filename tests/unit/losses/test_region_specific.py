"""Region-specific losses: their grid, their limits, which pairs count, and the weights that follow the errors."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from seggrid.losses.base import Batch
from seggrid.losses.dice import Dice
from seggrid.losses.region_specific import AdaptiveRegionSpecific, RegionSpecific
from seggrid.losses.region_sums import Grid
from seggrid.losses.tversky import Tversky

SHAPES = [(6, 7), (16, 4), (1, 5), (5, 4, 3), (2, 8, 1)]
every_shape = pytest.mark.parametrize("shape", SHAPES)
every_count = pytest.mark.parametrize("regions", [1, 2, 3, 4, 16])


def batch(shape: tuple[int, ...] = (6, 7), dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(8)
    logits = 2 * torch.randn(2, 4, *shape, generator=generator, dtype=dtype)
    target = torch.randint(0, 3, (2, *shape), generator=generator)
    target[1] = target[1].clamp_max(1)  # class 2 is absent from the second image, class 3 from both
    return logits.requires_grad_(), target


def blocks(logits: Tensor, target: Tensor, regions: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut both at the bounds of ``numpy.array_split``."""
    bounds = [np.array_split(np.arange(side), min(side, regions)) for side in target.shape[1:]]
    for cell in np.ndindex(*map(len, bounds)):
        part = tuple(slice(int(b[i][0]), int(b[i][-1]) + 1) for b, i in zip(bounds, cell, strict=True))
        yield logits[(slice(None), slice(None), *part)], target[(slice(None), *part)]


def gradient(value: Tensor, logits: Tensor) -> Tensor:
    return torch.autograd.grad(value, logits)[0]


def assert_same(found: Tensor, expected: Tensor, logits: Tensor) -> None:
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient(found, logits), gradient(expected, logits))


@every_shape
@every_count
def test_grid_is_that_of_array_split(shape: tuple[int, ...], regions: int) -> None:
    grid = Grid(torch.Size(shape), regions)
    values, target = batch(shape)
    assert grid.counts == tuple(min(side, regions) for side in shape)
    expected = [x.flatten(2).sum(2) for x, _ in blocks(values, target, regions)]
    sums = grid.sum(values)
    torch.testing.assert_close(sums, torch.stack(expected, 2).view(2, 4, *grid.counts))
    # Each pixel finds the number of its own region.
    numbers = torch.arange(sums.numel(), dtype=torch.float64).view_as(sums)
    for spread, number in zip(blocks(grid.spread(numbers), target, regions), numbers.flatten(2).unbind(2), strict=True):
        assert (spread[0].flatten(2) == number.unsqueeze(2)).all()
    rows = grid.rows(target)
    own = grid.spread(numbers).gather(1, target.unsqueeze(1)).squeeze(1)
    assert torch.equal(grid.at_label(numbers, rows), own)
    torch.testing.assert_close(grid.sum_by_class(own, rows, 4), numbers * grid.sum_by_class(own * 0 + 1, rows, 4))


@every_shape
@pytest.mark.parametrize("background", [False, True])
def test_one_region_is_squared_dice(shape: tuple[int, ...], background: bool) -> None:
    logits, target = batch(shape)
    dice = Dice(4, squared=True, background=background, smooth=1e-7)
    found = RegionSpecific(4, regions=1, background=background, smooth=1e-7)
    assert_same(found(logits, target), dice(logits, target), logits)


@every_shape
@every_count
def test_adaptive_without_b_is_tversky_in_each_region(shape: tuple[int, ...], regions: int) -> None:
    logits, target = batch(shape)
    tversky = Tversky(4, weight_fp=0.3, weight_fn=0.3, background=True, smooth=1e-7)
    found = AdaptiveRegionSpecific(4, regions=regions, b=0.0)(logits, target)
    parts = list(blocks(logits, target, regions))
    present = [sum(len(image.unique()) for image in y) for _, y in parts]
    expected = sum(tversky(*part) * count for part, count in zip(parts, present, strict=True)) / sum(present)
    assert_same(found, torch.as_tensor(expected), logits)


@pytest.mark.parametrize("kind", [RegionSpecific, AdaptiveRegionSpecific])
def test_sum_is_the_mean_times_the_pairs_of_an_image(kind: type[RegionSpecific]) -> None:
    logits, target = batch()
    pairs = sum(len(image.unique()) for _, y in blocks(logits, target, 3) for image in y)
    mean, total = (kind(4, regions=3, reduction=how)(logits, target) for how in ("mean", "sum"))
    torch.testing.assert_close(total, mean * pairs / 2)


def test_weights_follow_the_errors() -> None:
    loss = AdaptiveRegionSpecific(2)
    alpha, beta = loss.weights(torch.tensor([3.0, 0.0, 1.0, 0.0]), torch.tensor([1.0, 2.0, 1.0, 0.0]))
    torch.testing.assert_close(alpha, torch.tensor([0.6, 0.3, 0.5, 0.7]))
    torch.testing.assert_close(beta, torch.tensor([0.4, 0.7, 0.5, 0.7]))


def test_constant_weights_change_the_gradient_only() -> None:
    logits, target = batch()
    constant, attached = (AdaptiveRegionSpecific(4, regions=2, detach_weights=d)(logits, target) for d in (True, False))
    assert constant == attached
    assert not torch.allclose(gradient(constant, logits), gradient(attached, logits))
    frozen = AdaptiveRegionSpecific(4, regions=2)
    losses, areas = frozen.pairs(Batch(logits, target))
    torch.testing.assert_close(losses[areas > 0].mean(), constant)


def test_false_positives_without_truth_are_seen_through_the_background_only() -> None:
    logits, target = batch((4, 8))
    target[..., 4:] = 0
    for kind in (RegionSpecific, AdaptiveRegionSpecific):
        right = gradient(kind(4, regions=2, background=False)(logits, target), logits)[..., 4:]
        assert (right == 0).all()
        right = gradient(kind(4, regions=2)(logits, target), logits)[..., 4:]
        assert (right[:, 0] < 0).all()


def test_without_any_pair_the_loss_is_zero() -> None:
    logits, target = batch()
    for kind in (RegionSpecific, AdaptiveRegionSpecific):
        loss = kind(4, background=False)(logits, torch.zeros_like(target))
        assert loss == 0
        assert (gradient(loss, logits) == 0).all()


@pytest.mark.parametrize("loss", [RegionSpecific(4, regions=2), AdaptiveRegionSpecific(4, regions=2)])
def test_float32_keeps_its_digits_near_a_perfect_prediction(loss: RegionSpecific) -> None:
    noise, target = batch((8, 8), torch.float32)
    logits = (noise + 18 * torch.nn.functional.one_hot(target, 4).movedim(-1, 1)).detach().requires_grad_()
    single = loss(logits, target)
    double = loss(logits.double(), target)
    assert single < 1e-5
    torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=0)
    torch.testing.assert_close(gradient(single, logits), gradient(double, logits), rtol=0, atol=2e-7)
