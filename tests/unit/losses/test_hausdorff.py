"""Hausdorff losses: against MONAI, against plain convolutions, and by hand."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from monai.losses import HausdorffDTLoss
from torch import Tensor

from seggrid.losses import maps
from seggrid.losses.hausdorff import LEAST_RANGE, HausdorffCV, HausdorffDT, HausdorffER

FIELDS = ("distance_field", "predicted_distance_field")


def batch(shape: tuple[int, ...], classes: int = 3) -> tuple[Tensor, Tensor]:
    """Blocks that the prediction mostly gets wrong; an object is absent from the second image."""
    generator = torch.Generator().manual_seed(8)
    target = torch.zeros(2, *shape, dtype=torch.int64)
    target[:, ..., 1:5, 1:6] = 1
    target[0, ..., 4:, 5:] = 2
    moved = F.one_hot(target.roll(3, -1), classes).movedim(-1, 1)
    logits = 3 * moved + torch.randn(2, classes, *shape, generator=generator, dtype=torch.float64)
    return logits.requires_grad_(), target


def parts(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    return logits.softmax(1)[:, 1:], F.one_hot(target, logits.shape[1]).movedim(-1, 1)[:, 1:].double()


def same(found: Tensor, expected: Tensor, logits: Tensor) -> None:
    torch.testing.assert_close(found, expected)
    ours, theirs = (torch.autograd.grad(value, logits)[0] for value in (found, expected))
    torch.testing.assert_close(ours, theirs)
    assert ours.any()


def certain(label: Tensor, classes: int = 2) -> Tensor:
    return 1000 * F.one_hot(label, classes).movedim(-1, 1).double()


shapes = pytest.mark.parametrize("shape", [(9, 11), (7, 8, 9)])


@shapes
@pytest.mark.parametrize("alpha", [1.0, 2.0, 2.5])
def test_distance_transforms_equal_monai(shape: tuple[int, ...], alpha: float) -> None:
    logits, target = batch(shape)
    given = maps.compute(FIELDS, target, 3, probabilities=logits.detach().softmax(1))
    monai = HausdorffDTLoss(alpha=alpha, softmax=True, to_onehot_y=True, include_background=False)
    found, expected = HausdorffDT(3, alpha=alpha)(logits, target, given), monai(logits, target.unsqueeze(1))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    ours, theirs = (torch.autograd.grad(value, logits)[0] for value in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


@shapes
@pytest.mark.parametrize("renormalise", [False, True])
@pytest.mark.parametrize(("alpha", "erosions"), [(2.0, 10), (1.0, 3)])
def test_erosion_equals_plain_convolutions(
    shape: tuple[int, ...], renormalise: bool, alpha: float, erosions: int
) -> None:
    logits, target = batch(shape)
    p, g = parts(logits, target)
    cross = torch.zeros((3,) * len(shape), dtype=torch.float64)
    for place in itertools.product(range(3), repeat=len(shape)):
        cross[place] = sum(side != 1 for side in place) <= 1
    convolve = F.conv2d if len(shape) == 2 else F.conv3d
    kernel, axes = (cross / cross.sum()).expand(2, 1, *cross.shape), tuple(range(2, p.ndim))
    eroded, expected = (p - g).square(), torch.zeros((), dtype=torch.float64)
    for k in range(1, erosions + 1):
        eroded = (convolve(eroded, kernel, padding=1, groups=2) - 0.5).relu()
        if renormalise:
            low, high = eroded.amin(axes, keepdim=True), eroded.amax(axes, keepdim=True)
            assert ((high == low) | (high - low > LEAST_RANGE)).all()
            eroded = (eroded - low) / torch.where(high > low, high - low, 1.0)
        else:
            eroded = 2 * eroded
        expected = expected + k**alpha * eroded.mean()
    same(HausdorffER(3, alpha=alpha, erosions=erosions, renormalise=renormalise)(logits, target), expected, logits)


def largest_gradient(depth: float, renormalise: bool) -> float:
    """Of the logits, where the errors of a block are so close to 1/2 that ``depth`` of them is left by an erosion."""
    error = 0.5 + depth / 2
    target = torch.zeros(1, 24, 24, dtype=torch.int64)
    target[:, 6:18, 6:18] = 1
    p = torch.where(target > 0, 1 - error**0.5, 1e-6).double()
    logits = torch.stack([1 - p, p], 1).log().requires_grad_()
    loss = HausdorffER(2, renormalise=renormalise)(logits, target)
    return float(torch.autograd.grad(loss, logits)[0].abs().max())


def test_renormalised_erosion_has_a_bounded_gradient() -> None:
    plain = largest_gradient(1e-6, renormalise=False)
    assert 0 < plain < 0.01
    for depth in (1e-2, 1e-4, 1e-6, 1e-8):
        assert largest_gradient(depth, renormalise=True) < 1000


def test_a_flat_error_is_not_scaled() -> None:
    """All four pixels erode alike, so there is no range to scale to."""
    target = torch.ones(1, 2, 2, dtype=torch.int64)
    logits = certain(torch.zeros_like(target)).requires_grad_()
    loss = HausdorffER(2, erosions=1, renormalise=True)(logits, target)
    assert loss.item() == pytest.approx(0.2)  # 2 * 3/5 - 1
    assert torch.autograd.grad(loss, logits)[0].isfinite().all()


def test_erosion_by_hand() -> None:
    """An error of 5 x 5 pixels: after one erosion 1 inside, 0.6 on the sides, 0.2 in the corners."""
    target = torch.zeros(1, 9, 9, dtype=torch.int64)
    target[:, 2:7, 2:7] = 1
    nothing = certain(torch.zeros_like(target))
    first = 9 + 12 * 0.6 + 4 * 0.2
    assert float(HausdorffER(2, erosions=1)(nothing, target)) == pytest.approx(first / 81)
    # Then 1 in the centre, 0.84 beside it, 0.68 diagonally, and on the rim 0.12 in the middle of each side.
    second = 1 + 4 * 0.84 + 4 * 0.68 + 4 * 0.12
    assert float(HausdorffER(2, erosions=2)(nothing, target)) == pytest.approx((first + 4 * second) / 81)


@pytest.mark.parametrize("loss", [HausdorffER(2), HausdorffCV(2)])
def test_a_thick_error_costs_more_than_a_thin_one(loss: HausdorffER | HausdorffCV) -> None:
    target = torch.zeros(1, 40, 40, dtype=torch.int64)
    target[:, 16:24, :] = 1
    thin, thick = target.clone(), target.clone()
    thin[:, 24:26, :32] = 1
    thick[:, 24:32, :8] = 1
    assert thin.sum() == thick.sum()
    assert loss(certain(thick), target) > 1.2 * loss(certain(thin), target)


@shapes
@pytest.mark.parametrize(("alpha", "radii"), [(2.0, 2), (1.0, 1), (3.0, 2)])
def test_convolution_equals_plain_convolutions(shape: tuple[int, ...], alpha: float, radii: int) -> None:
    logits, target = batch(shape)
    p, g = parts(logits, target)
    convolve = F.conv2d if len(shape) == 2 else F.conv3d
    expected = torch.zeros((), dtype=torch.float64)
    for r in range(3, 3 * radii + 1, 3):
        steps = torch.arange(-r, r + 1, dtype=torch.float64).square()
        ball = sum(steps.view(-1, *(1,) * axis) for axis in range(len(shape))) <= r * r
        kernel = ball.double().expand(2, 1, *ball.shape)
        counts = convolve(torch.ones_like(g), kernel, padding=r, groups=2)
        near, truth = (convolve(m, kernel, padding=r, groups=2) / counts for m in (p, g))
        wrong = p * ((1 - 2 * truth).relu() + (2 * near - 1).relu())
        missed = g * ((2 * truth - 1).relu() + (1 - 2 * near).relu())
        expected = expected + r**alpha * ((p - g).square() * (wrong + missed)).mean()
    same(HausdorffCV(3, alpha=alpha, radii=radii)(logits, target), expected, logits)


def test_radii_are_multiples_of_three() -> None:
    assert HausdorffCV(2).radii == (3, 6, 9, 12, 15, 18)
    assert HausdorffCV(2, radii=2).radii == (3, 6)


def test_missed_object_in_an_image_smaller_than_a_ball() -> None:
    """The truth is the whole image: every ball lies inside of it and outside of the prediction, whatever the radius."""
    target = torch.ones(1, 2, 2, dtype=torch.int64)
    loss = HausdorffCV(2)(certain(torch.zeros_like(target)), target)
    assert float(loss) == pytest.approx(2 * sum(r**2 for r in range(3, 19, 3)))
