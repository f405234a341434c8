"""Fuzzy-rough losses: against their formula, and where the public code divides 0 by 0."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seggrid.losses import maps
from seggrid.losses.fuzzy_rough import FuzzyRough, FuzzyRoughDual

CLASSES = 3
FIELDS = ("distance_field", "predicted_distance_field")
both = pytest.mark.parametrize("kind", [FuzzyRough, FuzzyRoughDual])


def run(loss: FuzzyRough, logits: Tensor, target: Tensor) -> Tensor:
    return loss(logits, target, maps.compute(FIELDS, target, CLASSES, probabilities=logits.detach().softmax(1)))


def batch(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Object 2 is absent from the second image."""
    generator = torch.Generator().manual_seed(5)
    logits = 2 * torch.randn(2, CLASSES, *shape, generator=generator, dtype=torch.float64)
    target = torch.randint(0, CLASSES, (2, *shape), generator=generator)
    target[1] %= 2
    return logits.requires_grad_(), target


@both
@pytest.mark.parametrize("shape", [(6, 7), (3, 4, 5)])
@pytest.mark.parametrize("alpha", [1.0, 100.0])
def test_value_and_gradient(kind: type[FuzzyRough], shape: tuple[int, ...], alpha: float) -> None:
    logits, target = batch(shape)
    given = maps.compute(FIELDS, target, CLASSES, probabilities=logits.detach().softmax(1))
    p, g = logits.softmax(1), F.one_hot(target, CLASSES).movedim(-1, 1)
    weights = sum(
        1 - torch.exp(-(given[name].double() ** 2) / alpha) for name in FIELDS[: 1 + (kind is FuzzyRoughDual)]
    )
    terms = weights[weights != 0].numel()
    expected = ((p - g).square() * weights).sum() / terms
    found = kind(CLASSES, alpha=alpha)(logits, target, given)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(torch.autograd.grad(value, logits)[0] for value in (found, expected)))


def test_narrow_border_leaves_the_squared_error_of_the_objects_present() -> None:
    logits, target = batch((6, 7))
    p, g = logits.softmax(1), F.one_hot(target, CLASSES).movedim(-1, 1)
    squared = (p - g).square()
    present = torch.cat([squared[:, 1].flatten(), squared[0, 2].flatten()])
    torch.testing.assert_close(run(FuzzyRough(CLASSES, alpha=0.01), logits, target), present.mean())


@both
def test_exact_prediction_is_zero(kind: type[FuzzyRough]) -> None:
    _, target = batch((6, 7))
    exact = (1000 * F.one_hot(target, CLASSES).movedim(-1, 1).double()).requires_grad_()
    loss = run(kind(CLASSES), exact, target)
    assert loss == 0
    assert not torch.autograd.grad(loss, exact)[0].any()


def test_without_object_only_the_prediction_has_a_border() -> None:
    target = torch.zeros(1, 6, 7, dtype=torch.int64)
    predicted = target.clone()
    predicted[:, 2:4, 2:5] = 1
    logits = (9 * F.one_hot(predicted, CLASSES).movedim(-1, 1).double()).requires_grad_()
    single = run(FuzzyRough(CLASSES), logits, target)
    assert single == 0
    assert not torch.autograd.grad(single, logits)[0].any()
    dual = run(FuzzyRoughDual(CLASSES), logits, target)
    assert dual > 0.08  # 6 of 42 pixels are wrong, weighed 0.63 to 1
    assert torch.autograd.grad(dual, logits)[0].any()
