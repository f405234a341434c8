"""Dice by hand: present pairs, sums over the batch, absent classes."""

import pytest
import torch
from torch import Tensor

from seggrid.losses.dice import Dice


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    target = torch.randint(0, 3, (2, 6, 7), generator=generator)
    target[1] = target[1].clamp_max(1)  # class 2 is absent from the second image
    return torch.randn(2, 4, 6, 7, generator=generator, dtype=torch.float64), target  # class 3 from both


def by_hand(p: Tensor, inside: Tensor, smooth: float, power: int) -> Tensor:
    return 1 - (2 * p[inside].sum() + smooth) / (p.pow(power).sum() + inside.sum() + smooth)


@pytest.mark.parametrize("smooth", [0.0, 1e-5, 1.0])
@pytest.mark.parametrize(("squared", "power"), [(False, 1), (True, 2)])
def test_mean_over_the_present_pairs(smooth: float, squared: bool, power: int) -> None:
    logits, target = batch()
    p = logits.softmax(1)
    pairs = [(0, 1), (0, 2), (1, 1)]
    terms = {(n, c): by_hand(p[n, c], target[n] == c, smooth, power) for n, c in [*pairs, (0, 0), (1, 0)]}
    found = Dice(4, smooth=smooth, squared=squared)(logits, target)
    torch.testing.assert_close(found, torch.stack([terms[pair] for pair in pairs]).mean())
    found = Dice(4, smooth=smooth, squared=squared, background=True)(logits, target)
    torch.testing.assert_close(found, torch.stack(list(terms.values())).mean())


def test_batch_sums_before_dividing() -> None:
    logits, target = batch()
    p = logits.softmax(1)
    expected = torch.stack([by_hand(p[:, c], target == c, 1e-5, 1) for c in (1, 2)]).mean()
    torch.testing.assert_close(Dice(4, batch=True)(logits, target), expected)


def test_absent_class_gives_no_gradient_but_through_the_softmax() -> None:
    logits, target = batch()
    target = target.clamp_max(1)
    logits.requires_grad_()
    loss = Dice(4)(logits, target)
    changed = logits.detach().clone()
    changed[:, 2], changed[:, 3] = logits[:, 3].detach(), logits[:, 2].detach()
    torch.testing.assert_close(Dice(4)(changed, target), loss.detach())


def test_batch_without_object_gives_zero() -> None:
    logits = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = Dice(3)(logits, torch.zeros(2, 4, 5, dtype=torch.int64))
    assert loss == 0
    assert (torch.autograd.grad(loss, logits)[0] == 0).all()
