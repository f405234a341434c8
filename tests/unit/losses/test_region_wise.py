"""Region-wise loss: each map's limit identity."""

import pytest
import torch
from torch import Tensor

from seggrid.losses import maps
from seggrid.losses.active_contour import ActiveContour
from seggrid.losses.boundary import Boundary
from seggrid.losses.region_wise import RegionWise

CLASSES = 4


def batch(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(6)
    logits = torch.randn(3, CLASSES, *shape, generator=generator, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, CLASSES, (3, *shape), generator=generator)
    target[0] %= 2  # classes 2 and 3 are absent from the first image
    target[2] = 1  # which fills the last
    return logits, target


def same(found: Tensor, expected: Tensor, logits: Tensor) -> None:
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(torch.autograd.grad(value, logits)[0] for value in (found, expected)))


shapes = pytest.mark.parametrize("shape", [(6, 7), (3, 4, 5)])


@shapes
@pytest.mark.parametrize("name", ["rectified", "signed_distance", "active_contour"])
def test_mean_over_the_classes_of_the_map(shape: tuple[int, ...], name: str) -> None:
    logits, target = batch(shape)
    given = maps.compute([name], target, CLASSES)
    first = 0 if name == "rectified" else 1
    expected = (logits.softmax(1) * given[name])[:, first:].mean()
    same(RegionWise(CLASSES, map=name)(logits, target, given), expected, logits)


@shapes
def test_with_the_map_of_the_boundary_loss_it_is_the_boundary_loss(shape: tuple[int, ...]) -> None:
    logits, target = batch(shape)
    given = maps.compute(["signed_distance"], target, CLASSES)
    found = RegionWise(CLASSES, map="signed_distance")(logits, target, given)
    same(found, Boundary(CLASSES)(logits, target, given), logits)


@shapes
def test_with_the_map_of_active_contours_it_is_their_region_term(shape: tuple[int, ...]) -> None:
    logits, target = batch(shape)
    found = RegionWise(CLASSES, map="active_contour")(logits, target, maps.compute(["active_contour"], target, CLASSES))
    region = ActiveContour(CLASSES, weight=1.0)(logits, target) - ActiveContour(CLASSES, weight=0.0)(logits, target)
    same(found + (target > 0).double().mean() / (CLASSES - 1), region, logits)


def test_rectified_supervises_an_absent_class() -> None:
    logits = torch.zeros(1, 3, 4, 5, requires_grad=True)
    target = torch.zeros(1, 4, 5, dtype=torch.int64)
    loss = RegionWise(3)(logits, target, maps.compute(["rectified"], target, 3))
    assert float(loss.detach()) == pytest.approx((-1 + 1 + 1) / 9)
    gradient = torch.autograd.grad(loss, logits)[0]
    assert (gradient[:, 0] < 0).all()
    assert (gradient[:, 1:] > 0).all()
