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

#: Most pixels that are added one after the other.
PIXELS_A_BIN = 64


def class_sums(
    logits: Tensor, probabilities: Tensor, target: Tensor, squared: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the true positives sum_i p g, the volumes sum_i p (``squared``: p^2) and the areas sum_i g, each (N, C).

    Args:
        logits, probabilities: (N, C, *S).
        target: (N, *S) int64, of which g is the one-hot form.
    """
    result: tuple[Tensor, Tensor, Tensor] = _ClassSums.apply(logits, probabilities, target, squared)
    return result


def map_sum(logits: Tensor, probabilities: Tensor, weights: Tensor) -> Tensor:
    """Return sum p w over everything, a scalar; all (N, C, *S), the weights without gradient."""
    result: Tensor = _MapSum.apply(logits, probabilities, weights)
    return result


def squared_error_sum(logits: Tensor, probabilities: Tensor, target: Tensor, inside: Tensor, outside: Tensor) -> Tensor:
    """Return sum (p - g)^2 (inside_nc where g = 1, outside_nc where g = 0) over everything, a scalar.

    Args:
        logits, probabilities: (N, C, *S).
        target: (N, *S) int64, of which g is the one-hot form.
        inside, outside: (N, C) weights, without gradient.
    """
    result: Tensor = _SquaredErrorSum.apply(logits, probabilities, target, inside, outside)
    return result


def sum_by_class(values: Tensor, target: Tensor, num_classes: int) -> Tensor:
    """Return the sum of ``values`` (N, *S) over the pixels of each class, (N, C)."""
    return _sum_bins(values.flatten(1).contiguous(), _bins(target), num_classes)


def _sum_bins(values: Tensor, bins: Tensor, num_classes: int) -> Tensor:
    """Sum by class, each bin of an image apart first."""
    count = _bin_count(values.shape[1])
    sums = torch.zeros((len(values), num_classes * count), dtype=values.dtype, device=values.device)
    return sums.scatter_add_(1, bins, values).view(len(values), num_classes, count).sum(2)


def _bins(target: Tensor) -> Tensor:
    """Return which bin of which class each pixel counts in, (N, |S|), flat as (C, bins).

    A bin takes every so manieth pixel: neighbours never wait for the same address, and no bin takes more than a few
    pixels, for values that are added one after the other lose digits of float32 with their number.
    """
    pixels = target[0].numel()
    count = _bin_count(pixels)
    bins = torch.arange(count, device=target.device).repeat(-(-pixels // count))[:pixels]
    return torch.add(bins, target.flatten(1), alpha=count)


def _bin_count(pixels: int) -> int:
    return -(-pixels // PIXELS_A_BIN)


def positions_of_truth(target: Tensor) -> Tensor:
    """Return where in the flat (C |S|) of each image the channel of each pixel's own class lies, (N, |S|).

    To gather and scatter along a flat last axis takes torch's CPU kernels half the time that it takes along axis 1.
    """
    pixels = target[0].numel()
    return torch.add(torch.arange(pixels, device=target.device), target.flatten(1), alpha=pixels)


class _ClassSums(Function):
    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, probabilities: Tensor, target: Tensor, squared: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        positions, bins = positions_of_truth(target), _bins(target)
        true = probabilities.flatten(1).gather(1, positions)
        common, areas = (_sum_bins(values, bins, logits.shape[1]) for values in (true, torch.ones_like(true)))
        volumes = (probabilities.square() if squared else probabilities).flatten(2).sum(2)
        ctx.save_for_backward(probabilities, target, positions, true)
        ctx.mark_non_differentiable(areas)
        ctx.squared = squared
        return common, volumes, areas

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, on_common: Tensor, on_volumes: Tensor, _: Tensor) -> tuple[Tensor, None, None, None]:
        probabilities, target, positions, true = ctx.saved_tensors
        at_true = on_common.gather(1, target.flatten(1)).mul_(true)
        flat = probabilities.flatten(2)
        result = flat * on_volumes.unsqueeze(2)
        if ctx.squared:
            result.mul_(flat).mul_(2)
        total = result.sum(1).add_(at_true).unsqueeze(1)
        result.addcmul_(flat, total, value=-1).view(len(target), -1).scatter_add_(1, positions, at_true)
        return result.view_as(probabilities), None, None, None


class _SquaredErrorSum(Function):
    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,  # noqa: ARG004
        probabilities: Tensor,
        target: Tensor,
        inside: Tensor,
        outside: Tensor,
    ) -> Tensor:
        positions = positions_of_truth(target)
        flat = probabilities.flatten(1)
        true = flat.gather(1, positions)
        others = flat.scatter(1, positions, 0.0).view(*probabilities.shape[:2], -1)
        wrong = others.sum(1)  # 1 - p_y, with the digits that the difference would lose
        at_inside = inside.gather(1, target.flatten(1))
        squares = others.square_()
        ctx.save_for_backward(probabilities, squares, target, positions, true.mul_(wrong).mul_(at_inside), outside)
        return (squares.sum(2) * outside).sum() + (at_inside * wrong.square_()).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        probabilities, squares, target, positions, at_true, outside = ctx.saved_tensors
        result = squares * (outside * (2 * gradient)).unsqueeze(2)
        result.view(len(target), -1).scatter_(1, positions, at_true * (-2 * gradient))
        result.addcmul_(probabilities.flatten(2), result.sum(1, keepdim=True), value=-1)
        return result.view_as(probabilities), None, None, None, None


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
