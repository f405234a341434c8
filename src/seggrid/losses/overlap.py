"""What the losses of the overlap of two regions share: their sums, and the mean over the classes that are present."""

from __future__ import annotations

import torch
from torch import Tensor

from seggrid.losses import fused
from seggrid.losses.base import Batch, Loss


class OverlapLoss(Loss):
    """Base of the losses of the overlap of each class with its truth, averaged over the classes that are present.

    A subclass defines ``errors``. A pair is a class in an image, or with ``batch`` a class in the batch.

    Args:
        num_classes: C, background included.
        batch: sum over the batch before dividing.
        background: count the background as a class.
        smooth: s, added to numerator and denominator.
        squared: square the probabilities in the volumes.
    """

    def __init__(
        self, num_classes: int, *, batch: bool, background: bool, smooth: float, squared: bool = False
    ) -> None:
        super().__init__(num_classes)
        self.batch = batch
        self.background = background
        self.smooth = smooth
        self.squared = squared

    def errors(self, common: Tensor, volumes: Tensor, areas: Tensor) -> Tensor:
        """Return the loss of each pair from its sums p g, p and g, all of one shape, the areas at least 1.

        Each sum rounds apart, so a volume or an area less the common part can come out a little below 0.
        """
        raise NotImplementedError

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over the pairs present; 0 where there is none."""
        common, volumes, areas = self.sums(batch)
        # An absent pair counts as an area of 1 until it is dropped: with smooth = 0 its gradient would be 0/0.
        return mean_over(areas > 0, self.errors(common, volumes, areas.clamp_min(1)))

    def sums(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return sum p g, sum p (``squared``: p^2) and sum g, each (N, classes counted); ``batch``: (classes,)."""
        sums = fused.class_sums(batch.logits, batch.probabilities, batch.target, self.squared)
        counted = sums if self.background else tuple(each[:, 1:] for each in sums)
        common, volumes, areas = (each.sum(0) for each in counted) if self.batch else counted
        return common, volumes, areas


def mean_over(present: Tensor, errors: Tensor) -> Tensor:
    """Return the mean of the finite ``errors`` that are ``present``; 0 where none is."""
    return torch.where(present, errors, torch.zeros_like(errors)).sum() / present.sum().clamp_min(1)


def power(error: Tensor, exponent: float) -> Tensor:
    """Return error^exponent for an error in 0 to 1.

    Below the rounding of the number type the power goes on as a straight line to 0, so that its gradient is bounded
    where the exponent is below 1.
    """
    return error * error.clamp_min(torch.finfo(error.dtype).eps).pow(exponent - 1)
