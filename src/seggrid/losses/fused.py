"""Sums of the softmax over pixels, each with its gradient on the logits written out.

Every function takes the logits and their softmax as a constant, which all terms of a mixture share, and returns
something small from which plain autograd carries on. The backward pass fills one buffer of the size of the logits,
where autograd through softmax, one-hot target and product fills five: on a CPU, fresh memory is what a loss spends
most of its time on. For any L(softmax(x)) and t = p dL/dp the gradient is dL/dx = t - p sum_c t.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


def class_sums(logits: Tensor, probabilities: Tensor, target: Tensor, squared: bool = False) -> tuple[Tensor, Tensor]:
    """Return the true positives sum_i p g and the volumes sum_i p (``squared``: sum_i p^2), each (N, C).

    Args:
        logits, probabilities: (N, C, *S).
        target: (N, *S) int64, of which g is the one-hot form.
    """
    result: tuple[Tensor, Tensor] = _ClassSums.apply(logits, probabilities, target, squared)
    return result


def map_sum(logits: Tensor, probabilities: Tensor, weights: Tensor) -> Tensor:
    """Return sum p w over everything, a scalar; all (N, C, *S), the weights without gradient."""
    result: Tensor = _MapSum.apply(logits, probabilities, weights)
    return result


def sum_by_class(values: Tensor, target: Tensor, num_classes: int) -> Tensor:
    """Return the sum of ``values`` (N, *S) over the pixels of each class, (N, C).

    Columns are summed apart first: neighbours then never wait for the same address, and float32 loses no digits.
    """
    columns = torch.zeros((target.shape[0], num_classes, target.shape[-1]), dtype=values.dtype, device=values.device)
    return columns.scatter_add_(1, target.flatten(1, -2), values.flatten(1, -2)).sum(2)


class _ClassSums(Function):
    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, probabilities: Tensor, target: Tensor, squared: bool
    ) -> tuple[Tensor, Tensor]:
        index = target.unsqueeze(1)
        true = probabilities.gather(1, index)
        ctx.save_for_backward(probabilities, index, true)
        ctx.squared = squared
        volumes = (probabilities.square() if squared else probabilities).flatten(2).sum(2)
        return sum_by_class(true.squeeze(1), target, logits.shape[1]), volumes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, on_positives: Tensor, on_volumes: Tensor) -> tuple[Tensor, None, None, None]:
        probabilities, index, true = ctx.saved_tensors
        at_true = on_positives.gather(1, index.flatten(1)).view_as(index).mul_(true)
        result = probabilities * on_volumes.reshape(*on_volumes.shape, *(1 for _ in index.shape[2:]))
        if ctx.squared:
            result.mul_(probabilities).mul_(2)
        total = result.sum(1, keepdim=True).add_(at_true)
        result.addcmul_(probabilities, total, value=-1).scatter_add_(1, index, at_true)
        return result, None, None, None


class _MapSum(Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, probabilities: Tensor, weights: Tensor) -> Tensor:  # noqa: ARG004
        product = probabilities * weights
        by_pixel = product.sum(1, keepdim=True)
        ctx.save_for_backward(probabilities, product, by_pixel)
        return by_pixel.sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        probabilities, product, by_pixel = ctx.saved_tensors
        return torch.addcmul(product, probabilities, by_pixel, value=-1).mul_(gradient), None, None
