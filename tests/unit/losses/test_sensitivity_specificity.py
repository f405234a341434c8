"""Sensitivity-specificity by hand: inside, outside, absent and filling classes."""

import pytest
import torch
from torch import Tensor

from seggrid.losses.sensitivity_specificity import SensitivitySpecificity


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    target = torch.randint(0, 3, (2, 6, 7), generator=generator)
    target[1] = target[1].clamp_max(1)  # class 2 is absent from the second image
    return torch.randn(2, 3, 6, 7, generator=generator, dtype=torch.float64, requires_grad=True), target


def by_hand(p: Tensor, inside: Tensor, r: float, smooth: float) -> Tensor:
    error = (inside.double() - p).square()
    within = error[inside].sum() / (inside.sum() + smooth) if inside.any() else p.new_zeros(())
    beyond = error[~inside].sum() / ((~inside).sum() + smooth) if (~inside).any() else p.new_zeros(())
    return r * within + (1 - r) * beyond


@pytest.mark.parametrize("smooth", [0.0, 1.0])
@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("by_batch", [False, True])
def test_value_and_gradient_by_hand(smooth: float, background: bool, by_batch: bool) -> None:
    logits, target = batch()
    p, classes = logits.softmax(1), range(0 if background else 1, 3)
    if by_batch:
        terms = [by_hand(p[:, c], target == c, 0.2, smooth) for c in classes]
    else:
        terms = [by_hand(p[n, c], target[n] == c, 0.2, smooth) for n in range(2) for c in classes]
    expected = torch.stack(terms).mean()
    loss = SensitivitySpecificity(3, sensitivity=0.2, smooth=smooth, background=background, batch=by_batch)
    found = loss(logits, target)
    torch.testing.assert_close(found, expected)
    gradients = (torch.autograd.grad(value, logits)[0] for value in (found, expected))
    torch.testing.assert_close(*gradients)


def test_all_background_still_punishes_what_is_found() -> None:
    logits, target = batch()
    loss = SensitivitySpecificity(3)(logits, torch.zeros_like(target))
    gradient = torch.autograd.grad(loss, logits)[0]
    assert (gradient[:, 1:].flatten(2).sum(2) > 0).all()
    assert (gradient[:, 0] < 0).all()


@pytest.mark.parametrize("smooth", [0.0, 1.0])
def test_class_that_fills_the_image_has_its_inside_only(smooth: float) -> None:
    logits, target = batch()
    found = SensitivitySpecificity(3, smooth=smooth)(logits, torch.ones_like(target))
    p, pixels = logits.softmax(1), 42
    inside, absent = (1 - p[:, 1]).square().sum() / (pixels + smooth), p[:, 2].square().sum() / (pixels + smooth)
    torch.testing.assert_close(found, (0.05 * inside + 0.95 * absent) / 4)
