"""Binary cross-entropy, focal and TopK: limits, values by hand, and extreme logits."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seggrid.losses.cross_entropy import CrossEntropy
from seggrid.losses.one_vs_rest import softmax_bce_sum
from seggrid.losses.pixel import BinaryCrossEntropy, Focal, TopK


def batch(classes: int = 4, scale: float = 2.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    logits = scale * torch.randn(2, classes, 6, 7, generator=generator, dtype=torch.float64)
    target = torch.randint(0, classes, (2, 6, 7), generator=generator)
    target[1] %= classes - 1  # the last class is absent from the second image
    return logits.requires_grad_(), target


def one_hot(logits: Tensor, target: Tensor) -> Tensor:
    return F.one_hot(target, logits.shape[1]).movedim(-1, 1).to(logits.dtype)


def against_the_rest(logits: Tensor) -> Tensor:
    """The logit of each class' softmax probability: x_c - log sum of e^x over the others."""
    classes = range(logits.shape[1])
    others = [torch.cat([logits[:, :c], logits[:, c + 1 :]], 1).logsumexp(1) for c in classes]
    return logits - torch.stack(others, 1)


def assert_same(found: Tensor, expected: Tensor, logits: Tensor) -> None:
    torch.testing.assert_close(found, expected)
    ours, theirs = (torch.autograd.grad(value, logits)[0] for value in (found, expected))
    torch.testing.assert_close(ours, theirs)


def pixel(*logits: float) -> Tensor:
    return torch.tensor(logits, dtype=torch.float32).view(1, -1, 1, 1).requires_grad_()


@pytest.mark.parametrize("scale", [1.0, 10.0, 40.0])
def test_bce_of_the_softmax_by_hand(scale: float) -> None:
    logits, target = batch(scale=scale)
    rest, truth = against_the_rest(logits)[:, 1:], one_hot(logits, target)[:, 1:]
    assert_same(BinaryCrossEntropy(4)(logits, target), F.binary_cross_entropy_with_logits(rest, truth), logits)


def test_bce_with_one_object_is_cross_entropy() -> None:
    logits, target = batch(2)
    expected = F.cross_entropy(logits, target)
    assert_same(BinaryCrossEntropy(2)(logits, target), expected, logits)
    p = logits.detach().softmax(1)
    general = softmax_bce_sum(logits, p, p.gather(1, target.unsqueeze(1)).squeeze(1).log(), target)
    assert_same(general / target.numel(), F.cross_entropy(logits, target), logits)


def test_bce_of_the_sigmoid_is_that_of_torch() -> None:
    logits, target = batch()
    expected = F.binary_cross_entropy_with_logits(logits, one_hot(logits, target))
    assert_same(BinaryCrossEntropy(4, activation="sigmoid")(logits, target), expected, logits)


def test_bce_of_huge_logits() -> None:
    """Class 2 is wrong by 2e4: log p of the true class 1 and log(1 - p) of class 2 are both -2e4."""
    logits, target = pixel(-1e4, -1e4, 1e4), torch.ones(1, 1, 1, dtype=torch.int64)
    loss = BinaryCrossEntropy(3)(logits, target)
    torch.testing.assert_close(loss, torch.tensor((4e4 - torch.tensor(2.0).log().item()) / 2))
    gradient = torch.autograd.grad(loss, logits)[0].flatten()
    torch.testing.assert_close(gradient, torch.tensor([-0.25, -0.75, 1.0]))


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_bce_of_a_nearly_sure_pixel_keeps_its_digits(activation: str) -> None:
    target = torch.zeros(1, 1, 1, dtype=torch.int64)
    # No probability is so small that a process which has trained a network takes it for 0.
    values = [BinaryCrossEntropy(3, activation=activation)(pixel(40, -40, -42).to(t), target).double()
              for t in (torch.float32, torch.float64)]  # fmt: skip
    torch.testing.assert_close(values[0], values[1], rtol=1e-5, atol=0)
    assert values[0] > 0


def test_focal_without_exponent_is_cross_entropy() -> None:
    logits, target = batch()
    assert_same(Focal(4, gamma=0.0)(logits, target), CrossEntropy(4)(logits, target), logits)
    binary = BinaryCrossEntropy(4, activation="sigmoid")
    assert_same(Focal(4, gamma=0.0, activation="sigmoid")(logits, target), binary(logits, target), logits)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 3.5])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.2, 0.99])
def test_focal_by_hand(gamma: float, alpha: float) -> None:
    logits, target = batch()
    p = logits.softmax(1).gather(1, target.unsqueeze(1)).squeeze(1)
    of_object, of_rest = (alpha, 1 - alpha) if alpha else (1.0, 1.0)
    weights = torch.full_like(p, of_object).where(target > 0, of_rest)
    expected = -(weights * (1 - p) ** gamma * p.log()).mean()
    assert_same(Focal(4, gamma=gamma, alpha=alpha)(logits, target), expected, logits)

    truth = one_hot(logits, target).bool()
    q = logits.sigmoid().where(truth, 1 - logits.sigmoid())
    weights = torch.full_like(q, of_object).where(truth, of_rest)
    expected = -(weights * (1 - q) ** gamma * q.log()).mean()
    assert_same(Focal(4, gamma=gamma, alpha=alpha, activation="sigmoid")(logits, target), expected, logits)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
def test_focal_of_a_sure_pixel_has_a_gradient(gamma: float) -> None:
    for logits in (pixel(300, 0), pixel(-300, 0), pixel(0, 0)):
        loss = Focal(2, gamma=gamma)(logits, torch.zeros(1, 1, 1, dtype=torch.int64))
        assert torch.autograd.grad(loss, logits)[0].isfinite().all()


def test_topk_of_all_pixels_is_cross_entropy() -> None:
    logits, target = batch()
    assert_same(TopK(4, k=100.0)(logits, target), CrossEntropy(4)(logits, target), logits)


@pytest.mark.parametrize(("k", "count"), [(10.0, 8), (50.0, 42), (1.0, 1), (0.0, 1)])
def test_topk_of_the_hardest_pixels(k: float, count: int) -> None:
    logits, target = batch()
    losses = F.cross_entropy(logits, target, reduction="none").flatten()
    assert_same(TopK(4, k=k)(logits, target), losses.sort(descending=True).values[:count].mean(), logits)


def test_tied_pixels_share_the_last_places() -> None:
    """Four places: one pixel is worse than all others, six tie for three places, one is right."""
    logits = torch.zeros(1, 2, 2, 4)
    logits[0, 1, 0, 0], logits[0, 1, 1, 3] = 3.0, -3.0
    logits.requires_grad_()
    loss = TopK(2, k=50.0)(logits, torch.zeros(1, 2, 4, dtype=torch.int64))
    gradient = torch.autograd.grad(loss, logits)[0][0, 1]
    wrong = torch.tensor(3.0).sigmoid() / 4
    torch.testing.assert_close(gradient, torch.tensor([[wrong, *[1 / 16] * 3], [1 / 16] * 3 + [0.0]]))


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(3), Focal(3), TopK(3, k=20.0), Focal(3, activation="sigmoid")])
def test_class_that_nobody_has_changes_nothing_but_by_its_probability(loss: Any) -> None:
    logits, target = batch(3)
    target = target.clamp_max(1)
    losses = [loss(logits + torch.tensor([0.0, 0.0, shift]).view(1, 3, 1, 1), target) for shift in (0.0, 2.0)]
    assert losses[1] > losses[0]
