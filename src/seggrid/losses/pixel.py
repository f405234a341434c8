"""Losses of single pixels beside cross-entropy: binary cross-entropy, focal, TopK."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from seggrid.losses import one_vs_rest
from seggrid.losses.base import Batch, Loss


class BinaryCrossEntropy(Loss):
    """Binary cross-entropy of each object against everything else.

    Formula: L = -mean over pixels and objects of g log p + (1 - g) log(1 - p), p the softmax of the object and g 1
        in the object, else 0. ``activation="sigmoid"``: p = sigmoid(x_c), and the mean runs over all C channels.
    Source: Radillah et al. eq 2, for one object; the mean over several is our reading. ``sigmoid`` equals
        ``torch.nn.functional.binary_cross_entropy_with_logits`` with the one-hot target.
    Range: 0 to infinity.
    Units: nats per pixel and class.
    Deviations: with one object and ``softmax`` it is cross-entropy. 1 - p is summed from the other classes, so the
        loss stays exact where public code, which takes p, clamps log(1 - p). ``softmax`` has no term of the
        background, which is what the objects leave; ``sigmoid`` has one, because nothing else trains that
        channel, and the label with the highest logit is still the prediction.

    Args:
        num_classes: C, background included.
        activation: ``softmax`` over the classes, or a ``sigmoid`` of each channel.
    """

    def __init__(self, num_classes: int, *, activation: str = "softmax") -> None:
        super().__init__(num_classes)
        self.activation = activation

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over pixels and objects (channels with ``sigmoid``)."""
        if self.activation == "sigmoid":
            total = one_vs_rest.sigmoid_focal_sum(batch.logits, batch.target, 0.0, 1.0, 1.0)
            return total / batch.logits.numel()
        if self.num_classes == 2:
            return batch.log_likelihood.sum() / -batch.target.numel()
        total = one_vs_rest.softmax_bce_sum(batch.logits, batch.probabilities, batch.log_likelihood, batch.target)
        return total / (batch.target.numel() * (self.num_classes - 1))


class Focal(Loss):
    """Focal loss: cross-entropy in which pixels that are already right count little.

    Formula: L = -(1/M) sum_i a_y (1 - p_y)^gamma log p_y over all M pixels of the batch, p the softmax, a_y = alpha
        in the objects and 1 - alpha in the background; with alpha = 0 a_y = 1. ``activation="sigmoid"``: the mean
        over all C channels and pixels of -a (1 - q)^gamma log q, q = sigmoid(x_c) and a = alpha where the pixel
        belongs to class c, else q = 1 - sigmoid(x_c) and a = 1 - alpha; with alpha = 0 a = 1.
    Source: Lin et al. 2017 (Focal loss for dense object detection), eq 5, for one class against the rest; the softmax
        form is its usual extension to several classes.
    Range: 0 to infinity.
    Units: nats per pixel; with ``sigmoid`` per pixel and class.
    Deviations: alpha = 0 stands for no weights, as with eq 4 and where public code is given no alpha; gamma = 0 is
        then cross-entropy. Weights of alpha and 1 - alpha halve the loss on average, as printed. MONAI divides the
        softmax form by C as well. ``sigmoid`` is that of MONAI and of segmentation-models-pytorch.

    Args:
        num_classes: C, background included.
        gamma: exponent; 0 is cross-entropy.
        alpha: weight of the objects, 1 - alpha that of the background; with ``sigmoid`` of every class and of the
            rest. 0 weighs all alike.
        activation: ``softmax`` over the classes, or a ``sigmoid`` of each channel.
    """

    def __init__(
        self, num_classes: int, *, gamma: float = 2.0, alpha: float = 0.0, activation: str = "softmax"
    ) -> None:
        super().__init__(num_classes)
        self.gamma = gamma
        self.alpha = alpha
        self.activation = activation

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over pixels, and over channels with ``sigmoid``."""
        on_true, on_others = (self.alpha, 1 - self.alpha) if self.alpha else (1.0, 1.0)
        if self.activation == "sigmoid":
            total = one_vs_rest.sigmoid_focal_sum(batch.logits, batch.target, self.gamma, on_true, on_others)
            return total / batch.logits.numel()
        losses: Tensor = _Focal.apply(batch.log_likelihood, self.gamma)
        if self.alpha:
            is_object = batch.target.clamp_max(1).to(losses.dtype)
            losses = losses * is_object.mul_(on_true - on_others).add_(on_others)
        return losses.sum() / batch.target.numel()


class TopK(Loss):
    """Cross-entropy of the hardest pixels of the batch.

    Formula: L = mean of the n largest of -log p_{y_i} over all M pixels of the batch, n = floor(M k / 100), at least 1.
    Source: Wu et al. 2016 (Bridging category-level and instance-level semantic image segmentation), as nnU-Net
        has it.
    Range: 0 to infinity.
    Units: nats per pixel.
    Deviations: nnU-Net gives no number where n = 0. Pixels that tie for the last places share them, so the gradient
        does not depend on the order of the pixels.

    Args:
        num_classes: C, background included.
        k: share of the pixels that count, in percent; 100 is cross-entropy.
    """

    def __init__(self, num_classes: int, *, k: float = 10.0) -> None:
        super().__init__(num_classes)
        self.k = k

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over the hardest pixels."""
        count = max(1, int(batch.target.numel() * self.k / 100))
        result: Tensor = _MeanOfSmallest.apply(batch.log_likelihood, count)
        return -result


class _Focal(Function):
    """-(1 - p)^gamma log p from log p, with a gradient that is finite at p = 1 for every gamma."""

    @staticmethod
    def forward(ctx: Any, log_likelihood: Tensor, gamma: float) -> Tensor:
        wrong = torch.expm1(log_likelihood).neg_()  # 1 - p
        factor = wrong.pow(gamma)
        ctx.save_for_backward(log_likelihood, wrong, factor)
        ctx.gamma = gamma
        return (factor * log_likelihood).neg_()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        log_likelihood, wrong, factor = ctx.saved_tensors
        # -log p / (1 - p), which is 1 at p = 1
        ratio = torch.where(wrong > 0, -log_likelihood / wrong, 1.0)
        return ((1 - wrong) * ratio).mul_(ctx.gamma).add_(1).mul_(factor).mul_(gradient).neg_(), None


class _MeanOfSmallest(Function):
    """Mean of the smallest values; those that tie for the last places share them."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, count: int) -> Tensor:
        smallest = values.flatten().topk(count, largest=False, sorted=False).values
        last = smallest.amax()
        ctx.save_for_backward(values, last, (smallest == last).sum().to(values.dtype))
        ctx.count = count
        return smallest.mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        values, last, places = ctx.saved_tensors
        tied = values.clone().eq_(last)  # in place: numbers, which are made five times as fast as truth values
        share = places / tied.sum()
        return values.clone().lt_(last).addcmul_(tied, share).mul_(gradient / ctx.count), None
