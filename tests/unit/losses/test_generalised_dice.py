"""Generalised Dice and FGD-BCEL: by hand, weights of absent classes, their limits."""

from typing import Any

import pytest
import torch
from torch import Tensor

from seggrid.losses.dice import Dice
from seggrid.losses.fgd_bcel import FocalGeneralisedDiceBCE
from seggrid.losses.generalised_dice import GeneralisedDice
from seggrid.losses.pixel import BinaryCrossEntropy


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    target = torch.randint(0, 3, (2, 6, 7), generator=generator)
    target[1] = target[1].clamp_max(1)  # class 2 is absent from the second image, class 3 from both
    return torch.randn(2, 4, 6, 7, generator=generator, dtype=torch.float64, requires_grad=True), target


def by_hand(classes: list[int], images: list[int], exponent: int, smooth: float) -> Tensor:
    """One ratio over some images, of the classes that are present there."""
    logits, target = batch()
    p, y = logits.detach().softmax(1)[images], target[images]
    above = below = torch.tensor(smooth, dtype=p.dtype)
    for c in classes:
        weight = (y == c).sum().double() ** -exponent
        above = above + 2 * weight * p[:, c][y == c].sum()
        below = below + weight * (p[:, c].sum() + (y == c).sum())
    return 1 - above / below


@pytest.mark.parametrize("smooth", [0.0, 1e-3])
@pytest.mark.parametrize(("weighting", "exponent"), [("square", 2), ("simple", 1)])
def test_one_ratio_of_the_present_classes(weighting: str, exponent: int, smooth: float) -> None:
    logits, target = batch()
    given: dict[str, Any] = {"weighting": weighting, "smooth": smooth}
    for background in (True, False):
        first = 0 if background else 1
        images = [by_hand([0, 1, 2][first:], [0], exponent, smooth), by_hand([0, 1][first:], [1], exponent, smooth)]
        found = GeneralisedDice(4, background=background, **given)(logits, target)
        torch.testing.assert_close(found.detach(), torch.stack(images).mean())
        found = GeneralisedDice(4, background=background, batch=True, **given)(logits, target)
        torch.testing.assert_close(found.detach(), by_hand([0, 1, 2][first:], [0, 1], exponent, smooth))


def test_absent_class_swallows_nothing() -> None:
    logits, target = batch()
    loss = GeneralisedDice(4)(logits, target)
    assert 0.1 < loss < 0.9
    gradient = torch.autograd.grad(loss, logits)[0]
    assert (gradient.flatten(2).norm(dim=2) > 1e-4).all()
    changed = logits.detach().clone()
    changed[0, 3] += 1  # more of an absent class is worse
    assert GeneralisedDice(4)(changed, target) > loss


def test_one_object_without_background_is_dice() -> None:
    logits, target = batch()
    logits, target = logits[:, :2], target.clamp_max(1)
    for by_batch in (False, True):
        found = GeneralisedDice(2, background=False, batch=by_batch)(logits, target)
        torch.testing.assert_close(found, Dice(2, batch=by_batch, smooth=0.0)(logits, target))


def test_small_class_weighs_as_much_as_a_large_one() -> None:
    target = torch.zeros(1, 40, 40, dtype=torch.int64)
    target[:, :20, :20], target[:, 30, 30] = 1, 2
    right = 30 * torch.nn.functional.one_hot(target, 3).movedim(-1, 1).float()
    wrong = right.clone()
    wrong[..., 30, 30] = torch.tensor([30.0, 0, 0])  # the single pixel of class 2 is missed
    assert GeneralisedDice(3)(right, target) < 1e-6
    assert GeneralisedDice(3)(wrong, target) > 0.9
    assert GeneralisedDice(3, weighting="simple")(wrong, target) == pytest.approx(1 / 5, rel=1e-2)


@pytest.mark.parametrize("by_batch", [False, True])
def test_images_without_object_are_left_out(by_batch: bool) -> None:
    logits, target = batch()
    target[1] = 0
    found = GeneralisedDice(4, background=False)(logits, target)
    torch.testing.assert_close(found, GeneralisedDice(4, background=False)(logits[:1], target[:1]))
    nothing = GeneralisedDice(4, background=False, batch=by_batch)(logits, torch.zeros_like(target))
    assert nothing == 0
    assert (torch.autograd.grad(nothing, logits)[0] == 0).all()


def test_focal_power_of_each_image_plus_bce() -> None:
    logits, target = batch()
    dice = [GeneralisedDice(4)(logits[n : n + 1], target[n : n + 1]) for n in range(2)]
    bce = BinaryCrossEntropy(4)(logits, target)
    found = FocalGeneralisedDiceBCE(4, gamma=2.0, weight_bce=0.3)(logits, target)
    torch.testing.assert_close(found, torch.stack(dice).sqrt().mean() + 0.3 * bce)
    found = FocalGeneralisedDiceBCE(4, gamma=2.0, weight_bce=0.3, batch=True)(logits, target)
    torch.testing.assert_close(found, GeneralisedDice(4, batch=True)(logits, target).sqrt() + 0.3 * bce)


def test_fgd_bcel_without_focus_and_bce_is_generalised_dice() -> None:
    logits, target = batch()
    values = [
        loss(logits, target) for loss in (FocalGeneralisedDiceBCE(4, gamma=1.0, weight_bce=0.0), GeneralisedDice(4))
    ]
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*(torch.autograd.grad(value, logits)[0] for value in values))
