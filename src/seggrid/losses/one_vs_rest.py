"""Sums of one-vs-rest losses over channels and pixels, each with its gradient on the logits written out."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

#: Subtracted from a logit to leave its class out of a softmax; finite, because infinity times 0 is no number.
EXCLUDED = 1e30


def sigmoid_focal_sum(logits: Tensor, target: Tensor, gamma: float, on_true: float, on_others: float) -> Tensor:
    """Return the sum over all channels and pixels of -w u^gamma log(1 - u), a scalar; u = |sigmoid(x_c) - g_c|.

    Args:
        logits: (N, C, *S).
        target: (N, *S) int64, of which g is the one-hot form.
        gamma: at least 0; 0 is binary cross-entropy.
        on_true, on_others: w where g = 1 and where g = 0.
    """
    result: Tensor = _SigmoidFocal.apply(logits, target.unsqueeze(1), gamma, on_true, on_others)
    return result


def softmax_bce_sum(logits: Tensor, probabilities: Tensor, log_likelihood: Tensor, target: Tensor) -> Tensor:
    """Return the sum over objects and pixels of -(g log p + (1 - g) log(1 - p)), a scalar; p = softmax(x).

    Args:
        logits, probabilities: (N, C, *S).
        log_likelihood: (N, *S) log p_y.
        target: (N, *S) int64, of which g is the one-hot form.
    """
    result: Tensor = _SoftmaxBce.apply(logits, probabilities, log_likelihood.detach(), target.unsqueeze(1))
    return result


class _SigmoidFocal(Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, index: Tensor, gamma: float, on_true: float, on_others: float) -> Tensor:
        errors = logits.scatter(1, index, -logits.gather(1, index))  # u = sigmoid(errors)
        losses = F.softplus(errors)
        ctx.save_for_backward(errors, losses, index)
        ctx.gamma, ctx.on_true, ctx.on_others = gamma, on_true, on_others
        if gamma:
            losses = errors.sigmoid().pow_(gamma).mul_(losses)
        total = losses.sum() * on_others
        return total if on_true == on_others else total + losses.gather(1, index).sum() * (on_true - on_others)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        errors, losses, index = ctx.saved_tensors
        result = errors.sigmoid()
        if ctx.gamma:  # d(u^gamma l)/du du/de with dl/de = u, du/de = u (1 - u)
            factor = result.pow(ctx.gamma)
            result.addcmul_(losses, 1 - result, value=ctx.gamma).mul_(factor)
        at_true = result.gather(1, index).mul_(-ctx.on_true * gradient)
        return result.mul_(ctx.on_others * gradient).scatter_(1, index, at_true), None, None, None, None


class _SoftmaxBce(Function):
    """Without cancellation: 1 - p is small for one class of a pixel at most, and there it is the sum of the others."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, probabilities: Tensor, log_likelihood: Tensor, index: Tensor) -> Tensor:
        likely = probabilities.clone().gt_(0.5)  # in place: numbers, which are made five times as fast as truth values
        others = torch.sub(logits, likely, alpha=EXCLUDED)
        conditional = others.softmax(1)  # p given that the likely class is wrong
        log_others = _log_total(others, conditional) - _log_total(logits, probabilities)
        is_object = index.clamp_max(1).to(logits.dtype)
        # 1 where the likely class is an object other than the true one, else 0
        misled = likely[:, 1:].amax(1, keepdim=True) * (1 - likely.gather(1, index))
        low = likely.mul_(probabilities).neg_().add_(probabilities).scatter_(1, index, torch.zeros_like(misled))
        low[:, 0] = 0
        ctx.save_for_backward(probabilities, low, conditional, misled, is_object, index)
        return -(
            torch.log1p(-low).sum() + (log_others * misled).sum() + (log_likelihood.unsqueeze(1) * is_object).sum()
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        probabilities, low, conditional, misled, is_object, index = ctx.saved_tensors
        odds = low / (1 - low)  # of the classes that are neither true nor likely
        result = odds.addcmul_(probabilities, is_object + misled - odds.sum(1, keepdim=True))
        result.addcmul_(conditional, misled, value=-1).scatter_add_(1, index, -is_object)
        return result.mul_(gradient), None, None, None


def _log_total(logits: Tensor, probabilities: Tensor) -> Tensor:
    """Return log sum_c e^x (N, 1, *S) of logits whose softmax is known."""
    return logits.amax(1, keepdim=True) - probabilities.amax(1, keepdim=True).log()
