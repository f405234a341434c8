"""Log-likelihood of the labels under the softmax, with its gradient on the logits written out.

Cross-entropy, its weighted forms, the focal loss and TopK are all functions of log p_y, a tensor smaller than the
logits by the number of classes. The backward pass from there fills one buffer: with q = dL/dlog p_y the gradient is
dL/dx_c = (g_c - p_c) q.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from seggrid.losses.fused import positions_of_truth

LOG2_E = math.log2(math.e)


def log_likelihood(logits: Tensor, target: Tensor, probabilities: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return log p_y (N, *S), differentiable and finite for every finite logit, and the softmax as a constant.

    Args:
        logits: (N, C, *S).
        target: (N, *S) int64.
        probabilities: (N, C, *S) the softmax, where it is known already.
    """
    with torch.no_grad():
        logs = logits.contiguous().log_softmax(1)
        index = positions_of_truth(target)
        true = logs.flatten(1).gather(1, index).view_as(target)
        if probabilities is None:
            probabilities = exponential_(logs)
    result: Tensor = _LogLikelihood.apply(logits, probabilities, true, index)
    return result, probabilities


def exponential_(values: Tensor) -> Tensor:
    """Return e^values, computed in place.

    As a power of 2: the exponential of MKL, which torch calls, takes four times as long on processors of AMD.
    """
    return values.mul_(LOG2_E).exp2_()


class _LogLikelihood(Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, probabilities: Tensor, true: Tensor, index: Tensor) -> Tensor:  # noqa: ARG004
        ctx.save_for_backward(probabilities, index)
        return true

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        probabilities, index = ctx.saved_tensors
        gradient = gradient.contiguous()  # that of a sum comes as one number seen everywhere
        result = torch.addcmul(gradient.new_zeros(()), probabilities, gradient.unsqueeze(1), value=-1).contiguous()
        result.flatten(1).scatter_add_(1, index, gradient.flatten(1))
        return result, None, None, None
