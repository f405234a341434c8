"""Losses whose slope, the derivative by the probabilities, is as cheap to compute as their value.

The backward pass takes the slope through the softmax and fills one buffer of the size of the logits: for t = p dL/dp
the gradient on the logits is t - p sum_c t.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from seggrid.losses.base import Batch


def with_slope(batch: Batch, value: Tensor, slope: Tensor) -> Tensor:
    """Return the scalar ``value`` with the gradient on the logits that follows from its ``slope`` (N, C, *S)."""
    result: Tensor = _WithSlope.apply(batch.logits, batch.probabilities, value, slope)
    return result


def probabilities(batch: Batch) -> Tensor:
    """Return the shared softmax (N, C, *S), differentiable; for plain autograd."""
    result: Tensor = _Probabilities.apply(batch.logits, batch.probabilities)
    return result


def errors(batch: Batch) -> Tensor:
    """Return p - g, (N, C, *S), a constant in memory of its own; g is the one-hot target."""
    index = batch.target.unsqueeze(1)
    return batch.probabilities.scatter_add(1, index, batch.logits.new_full((), -1.0).expand_as(index))


def squared_error_sum(batch: Batch, weights: Tensor) -> Tensor:
    """Return sum w (p - g)^2 over everything, a scalar, differentiable; the weights (N, C, *S) are overwritten."""
    error = errors(batch)
    half_slope = weights.mul_(error)
    return with_slope(batch, error.mul_(half_slope).sum(), half_slope.mul_(2))


class _WithSlope(Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, probabilities: Tensor, value: Tensor, slope: Tensor) -> Tensor:  # noqa: ARG004
        ctx.save_for_backward(probabilities, slope)
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        probabilities, slope = ctx.saved_tensors
        return _on_logits(probabilities, slope).mul_(gradient), None, None, None


class _Probabilities(Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, probabilities: Tensor) -> Tensor:  # noqa: ARG004
        ctx.save_for_backward(probabilities)
        return probabilities.view_as(probabilities)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (probabilities,) = ctx.saved_tensors
        return _on_logits(probabilities, gradient), None


def _on_logits(probabilities: Tensor, slope: Tensor) -> Tensor:
    product = probabilities * slope
    return product.addcmul_(probabilities, product.sum(1, keepdim=True), value=-1)
