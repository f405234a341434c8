"""Fused sums against plain autograd, values and gradients."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seggrid.losses import fused


def batch(shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    logits = torch.randn(2, 3, *shape, generator=generator, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 3, (2, *shape), generator=generator)
    return logits, target, F.one_hot(target, 3).movedim(-1, 1).double()


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4)])
@pytest.mark.parametrize("squared", [False, True])
def test_class_sums(shape: tuple[int, ...], squared: bool) -> None:
    logits, target, one_hot = batch(shape)
    p = logits.softmax(1)
    *differentiable, areas = fused.class_sums(logits, p.detach(), target, squared)
    assert not areas.requires_grad
    torch.testing.assert_close(areas, one_hot.flatten(2).sum(2))
    found = torch.stack(differentiable)
    expected = torch.stack([(p * one_hot).flatten(2).sum(2), p.pow(1 + squared).flatten(2).sum(2)])
    torch.testing.assert_close(found, expected)
    scale = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert_same_gradient(found, expected, logits, scale)


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4)])
def test_map_sum(shape: tuple[int, ...]) -> None:
    logits, _, one_hot = batch(shape)
    weights = one_hot * 3 - 1
    found = fused.map_sum(logits, logits.detach().softmax(1), weights)
    expected = (logits.softmax(1) * weights).sum()
    torch.testing.assert_close(found, expected)
    assert_same_gradient(found, expected, logits, torch.tensor(2.5, dtype=torch.float64))


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4)])
def test_squared_error_sum(shape: tuple[int, ...]) -> None:
    logits, target, one_hot = batch(shape)
    weights = torch.rand(2, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = fused.squared_error_sum(logits, logits.detach().softmax(1), target, *weights)
    inside, outside = (weight.view(2, 3, *(1 for _ in shape)) for weight in weights)
    expected = ((logits.softmax(1) - one_hot).square() * torch.where(one_hot > 0, inside, outside)).sum()
    torch.testing.assert_close(found, expected)
    assert_same_gradient(found, expected, logits, torch.tensor(2.5, dtype=torch.float64))


def test_sum_by_class_counts_in_float32_without_loss() -> None:
    target = torch.zeros(1, 3000, 2000, dtype=torch.int64)
    target[:, -1, -1] = 2
    ones = torch.ones(()).expand_as(target)
    assert fused.sum_by_class(ones, target, 3).tolist() == [[5_999_999, 0, 1]]


def assert_same_gradient(found: Tensor, expected: Tensor, logits: Tensor, scale: Tensor) -> None:
    ours, theirs = (torch.autograd.grad((value * scale).sum(), logits)[0] for value in (found, expected))
    torch.testing.assert_close(ours, theirs)
