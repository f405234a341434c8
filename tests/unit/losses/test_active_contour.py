"""Active contour loss by hand and against plain autograd."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seggrid.losses.active_contour import ActiveContour


def certain(label: Tensor, classes: int) -> Tensor:
    return 1000 * F.one_hot(label, classes).movedim(-1, 1).double()


@pytest.mark.parametrize("shape", [(6, 7), (1, 5), (3, 4, 5)])
@pytest.mark.parametrize(("weight", "mu"), [(1.0, 1.0), (0.0, 1.0), (5.0, 0.3)])
def test_value_and_gradient(shape: tuple[int, ...], weight: float, mu: float) -> None:
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(2, 3, *shape, generator=generator, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 3, (2, *shape), generator=generator)
    p = logits.softmax(1)[:, 1:]
    g = F.one_hot(target, 3).movedim(-1, 1)[:, 1:].double()
    squares = torch.full_like(p, 1e-8)
    for axis in range(2, p.ndim):
        last = p.narrow(axis, p.shape[axis] - 1, 1)
        squares = squares + torch.diff(p, dim=axis, append=last).square()
    expected = squares.sqrt().mean() + weight * (mu * (p * (g - 1).square()).mean() + ((1 - p) * g.square()).mean())
    found = ActiveContour(3, weight=weight, mu=mu)(logits, target)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(torch.autograd.grad(value, logits)[0] for value in (found, expected)))


def test_length_of_a_rectangle() -> None:
    """Every side counts its pixels; the corner where both differences meet counts the diagonal."""
    target = torch.zeros(1, 8, 9, dtype=torch.int64)
    target[:, 2:4, 3:6] = 1
    contour = 2 * (2 + 3) - 2 + math.sqrt(2)
    rest = 1e-4 * (8 * 9 - 9)  # flat pixels: the root of 1e-8
    assert float(ActiveContour(2)(certain(target, 2), target)) == pytest.approx((contour + rest) / 72, rel=1e-6)


def test_missed_and_wrong_pixels_are_weighed_apart() -> None:
    target = torch.zeros(1, 6, 6, dtype=torch.int64)
    target[:, :, :3] = 1
    for column, expected in ((2, 1.0), (3, 0.25)):  # one column missed, one too many
        predicted = torch.zeros_like(target)
        predicted[:, :, : column if column == 2 else 4] = 1
        with_region, length = (ActiveContour(2, weight=w, mu=0.25)(certain(predicted, 2), target) for w in (1.0, 0.0))
        assert float(with_region - length) == pytest.approx(expected * 6 / 36)


@pytest.mark.parametrize(("axes", "bound"), [(2, 3.42), (3, 4.74)])
def test_perfect_prediction_is_the_minimum_from_the_bound_on(axes: int, bound: float) -> None:
    """A single pixel is the object of the longest contour for its area."""
    target = torch.zeros(1, *(5,) * axes, dtype=torch.int64)
    target[(0, *(2,) * axes)] = 1
    perfect, nothing = certain(target, 2), certain(torch.zeros_like(target), 2)
    for weight, kept in ((bound, True), (bound - 0.02, False)):
        loss = ActiveContour(2, weight=weight)
        assert bool(loss(perfect, target) < loss(nothing, target)) == kept
