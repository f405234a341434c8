"""Tversky, focal Tversky and Jaccard: by hand, their limits, near a perfect prediction and without a class."""

from typing import Any

import pytest
import torch
from torch import Tensor

from seggrid.losses.base import Loss
from seggrid.losses.dice import Dice
from seggrid.losses.generalised_dice import GeneralisedDice
from seggrid.losses.jaccard import Jaccard
from seggrid.losses.overlap import power
from seggrid.losses.tversky import FocalTversky, Tversky

SUMS = [{}, {"batch": True}, {"background": True}, {"batch": True, "background": True}]
every_sum = pytest.mark.parametrize("sums", SUMS, ids=lambda sums: "+".join(sums) or "defaults")


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    target = torch.randint(0, 3, (2, 6, 7), generator=generator)
    target[1] = target[1].clamp_max(1)  # class 2 is absent from the second image, class 3 from both
    return torch.randn(2, 4, 6, 7, generator=generator, dtype=torch.float64, requires_grad=True), target


def assert_same(first: Any, second: Any) -> None:
    """Assert that two losses agree in value and gradient."""
    logits, target = batch()
    values = [loss(logits, target) for loss in (first, second)]
    torch.testing.assert_close(*values, rtol=1e-12, atol=0)
    torch.testing.assert_close(*(torch.autograd.grad(value, logits)[0] for value in values), rtol=1e-10, atol=1e-16)


def pairs(counted: list[tuple[int, int]], weight_fp: float, weight_fn: float, smooth: float) -> Tensor:
    """Tversky losses of (image, class) pairs from their plain definition."""
    logits, target = batch()
    p = logits.softmax(1)
    losses = []
    for n, c in counted:
        inside, q = target[n] == c, p[n, c]
        tp, fp, fn = q[inside].sum(), q[~inside].sum(), (1 - q[inside]).sum()
        losses.append(1 - (tp + smooth) / (tp + weight_fp * fp + weight_fn * fn + smooth))
    return torch.stack(losses).detach()


@pytest.mark.parametrize("smooth", [0.0, 1e-5, 1.0])
def test_mean_over_the_present_pairs(smooth: float) -> None:
    expected = pairs([(0, 1), (0, 2), (1, 1)], 0.2, 0.9, smooth)
    found = Tversky(4, weight_fp=0.2, weight_fn=0.9, smooth=smooth)(*batch())
    torch.testing.assert_close(found.detach(), expected.mean())


def test_weights_are_on_the_side_that_they_name() -> None:
    target = torch.zeros(1, 1, 8, dtype=torch.int64)
    target[..., :4] = 1
    too_much, too_little = (40 * torch.tensor([-1.0, 1.0])[None, :, None, None] * side for side in sides())
    for weight_fp, weight_fn in ((1.0, 0.0), (0.0, 1.0)):
        loss = Tversky(2, weight_fp=weight_fp, weight_fn=weight_fn, smooth=0.0)
        assert loss(too_much, target) == pytest.approx(2 * weight_fp / (4 + 2 * weight_fp))
        assert loss(too_little, target) == pytest.approx(2 * weight_fn / (2 + 2 * weight_fn))


def sides() -> tuple[Tensor, Tensor]:
    """+1 where the object is predicted, else -1: two pixels beyond an object of four, two short of it."""
    column = torch.arange(8).view(1, 1, 8)
    return 2 * (column < 6).float() - 1, 2 * (column < 2).float() - 1


@every_sum
def test_halves_are_dice(sums: dict[str, bool]) -> None:
    assert_same(Tversky(4, weight_fp=0.5, weight_fn=0.5, smooth=0.01, **sums), Dice(4, smooth=0.02, **sums))


@every_sum
def test_ones_are_jaccard(sums: dict[str, bool]) -> None:
    assert_same(Tversky(4, weight_fp=1.0, weight_fn=1.0, smooth=0.01, **sums), Jaccard(4, smooth=0.01, **sums))


@every_sum
@pytest.mark.parametrize("power_of", ["pairs", "mean"])
def test_gamma_1_is_tversky(power_of: str, sums: dict[str, bool]) -> None:
    assert_same(FocalTversky(4, gamma=1.0, power_of=power_of, **sums), Tversky(4, **sums))


def test_power_of_pairs_or_of_their_mean() -> None:
    errors = pairs([(0, 1), (0, 2), (1, 1)], 0.3, 0.7, 1e-5)
    assert FocalTversky(4)(*batch()).item() == pytest.approx(errors.pow(0.75).mean())
    assert FocalTversky(4, power_of="mean")(*batch()).item() == pytest.approx(errors.mean() ** 0.75)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("exponent", [0.1, 0.75, 1.0, 3.0])
def test_power_is_bounded_at_zero(exponent: float, dtype: torch.dtype) -> None:
    eps = torch.finfo(dtype).eps
    error = torch.tensor([0.0, eps / 2, eps, 0.25, 1.0], dtype=dtype, requires_grad=True)
    found = power(error, exponent)
    torch.testing.assert_close(found[2:], error[2:].pow(exponent))
    assert found[0] == 0
    assert (found.diff() > 0).all()
    gradient = torch.autograd.grad(found.sum(), error)[0]
    assert (gradient > 0).all()
    assert gradient.max() <= max(exponent, eps ** (exponent - 1)) * (1 + 1e-6)
    torch.testing.assert_close(gradient[3:], exponent * error.detach()[3:].pow(exponent - 1))


@pytest.mark.parametrize(
    "loss",
    [
        Dice(2),
        Dice(2, squared=True),
        Jaccard(2),
        Tversky(2),
        Tversky(2, weight_fn=0.0),
        FocalTversky(2),
        GeneralisedDice(2),
    ],
    ids=["dice", "squared", "jaccard", "tversky", "no weight_fn", "focal", "generalised"],
)
def test_rounding_of_the_sums_gives_no_negative_error(loss: Loss) -> None:
    logits = torch.rand(100, 2, 31, 33, generator=torch.Generator().manual_seed(0))
    logits[:, 1] += 16  # 1 - p of the order of the rounding
    target = torch.ones(1, 31, 33, dtype=torch.int64)
    assert min(loss(image[None], target) for image in logits) >= 0


@pytest.mark.parametrize("power_of", ["pairs", "mean"])
@pytest.mark.parametrize("size", [5.0, 15.0, 1e4])
def test_focal_near_a_perfect_prediction(power_of: str, size: float) -> None:
    target = torch.arange(30).view(1, 5, 6) % 3
    logits = (size * torch.nn.functional.one_hot(target, 3).movedim(-1, 1).float()).requires_grad_()
    value = FocalTversky(3, gamma=0.1, power_of=power_of, smooth=0.0)(logits, target)
    assert value >= 0
    assert torch.autograd.grad(value, logits)[0].isfinite().all()


@pytest.mark.parametrize("kind", [Jaccard, Tversky, FocalTversky])
def test_batch_without_object_gives_zero(kind: type[Jaccard]) -> None:
    logits = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = kind(3)(logits, torch.zeros(2, 4, 5, dtype=torch.int64))
    assert loss == 0
    assert (torch.autograd.grad(loss, logits)[0] == 0).all()


@pytest.mark.parametrize("weights", [(0.0, 1.0), (1.0, 0.0)])
def test_prediction_without_any_overlap_and_without_smoothing(weights: tuple[float, float]) -> None:
    target = torch.ones(1, 3, 3, dtype=torch.int64)
    logits = torch.stack([torch.full((1, 3, 3), 1e4), torch.zeros(1, 3, 3)], 1).requires_grad_()
    value = Tversky(2, weight_fp=weights[0], weight_fn=weights[1], smooth=0.0)(logits, target)
    assert value == weights[1]  # all is missed, nothing is found in excess
    assert torch.autograd.grad(value, logits)[0].isfinite().all()
