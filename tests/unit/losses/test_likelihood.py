"""Log-likelihood against plain autograd, and what a batch shares."""

import pytest
import torch
from torch import Tensor

from seggrid.losses.base import Batch
from seggrid.losses.likelihood import exponential_, log_likelihood


def batch(shape: tuple[int, ...] = (4, 5)) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(6)
    logits = 5 * torch.randn(2, 3, *shape, generator=generator, dtype=torch.float64)
    return logits.requires_grad_(), torch.randint(0, 3, (2, *shape), generator=generator)


def by_autograd(logits: Tensor, target: Tensor) -> Tensor:
    return logits.log_softmax(1).gather(1, target.unsqueeze(1)).squeeze(1)


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4)])
@pytest.mark.parametrize("known", [False, True])
def test_value_and_gradient(shape: tuple[int, ...], known: bool) -> None:
    logits, target = batch(shape)
    given = logits.detach().softmax(1) if known else None
    found, probabilities = log_likelihood(logits, target, given)
    expected = by_autograd(logits, target)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(probabilities, logits.detach().softmax(1))
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for scale in (weights, torch.ones(()).expand_as(weights)):
        ours, theirs = (torch.autograd.grad((x * scale).sum(), logits, retain_graph=True)[0] for x in (found, expected))
        torch.testing.assert_close(ours, theirs)


def test_any_memory_layout() -> None:
    logits, target = batch()
    expected = torch.autograd.grad(by_autograd(logits, target).sum(), logits)[0]
    for strided in (logits.to(memory_format=torch.channels_last), logits.transpose(2, 3).contiguous().transpose(2, 3)):
        found, _ = log_likelihood(strided, target, strided.detach().softmax(1))
        torch.testing.assert_close(torch.autograd.grad(found.sum(), logits)[0], expected)


def test_exponential() -> None:
    values = torch.tensor([0.0, -1.0, -50.0, -200.0, -2e4])
    torch.testing.assert_close(exponential_(values.clone()), values.exp(), rtol=1e-5, atol=0)


def test_terms_of_a_mixture_share_one_softmax() -> None:
    logits, target = batch()
    shared = Batch(logits, target)
    assert shared.log_likelihood is shared.log_likelihood
    made = shared.probabilities
    torch.testing.assert_close(made, logits.detach().softmax(1))
    later = Batch(logits, target)
    before = later.probabilities
    torch.testing.assert_close(later.log_likelihood, shared.log_likelihood)
    assert later.probabilities is before
