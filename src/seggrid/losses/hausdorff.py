"""Losses of the Hausdorff distance: by distance transforms, by erosion and by convolution.

All three are estimates of one paper: Karimi & Salcudean 2019 (Reducing the Hausdorff distance in medical image
segmentation with convolutional neural networks), section II. p is the probability here, g the truth.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from seggrid.losses import slopes
from seggrid.losses.balls import Balls
from seggrid.losses.base import Batch, Loss

#: Least difference of minimum and maximum that ``renormalise`` stretches to 1.
LEAST_RANGE = 0.01


class HausdorffDT(Loss):
    """Squared error, weighted by the distance to the border of the object in the truth and in the prediction.

    Formula: L = mean over images, objects and pixels of (p-g)^2 (d_p^alpha + d_g^alpha); d_g is the distance to the
        nearest pixel on the other side of the true border, d_p the same for the mask p > 1/2.
    Source: Karimi & Salcudean 2019, the loss by distance transforms; equal to MONAI's ``HausdorffDTLoss``.
    Range: 0 to infinity.
    Units: the smallest spacing of the image to the power alpha; pixels where the spacing is isotropic.
    Deviations: d counts from the other side, as in the public code, so it is at least 1, not 0 on the border. The
        maps are constants of the graph. An object that is absent or fills the image has no border: its d is 0.
        Where that is so in truth and prediction, no pixel of that object has weight. Foreground classes only.

    Args:
        num_classes: C, background included.
        alpha: exponent of the distance; a larger one looks more at the largest errors.
    """

    def __init__(self, num_classes: int, *, alpha: float = 2.0) -> None:
        super().__init__(num_classes)
        self.alpha = alpha

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over the objects; the background channel of the maps is 0."""
        weights = batch.map("distance_field").pow(self.alpha)
        weights += batch.map("predicted_distance_field").pow(self.alpha)
        count = batch.target.numel() * (self.num_classes - 1)
        return slopes.squared_error_sum(batch, weights.div_(count))


class HausdorffER(Loss):
    """Squared error that survives erosion after erosion: a region of errors counts by its thickness.

    Formula: L = mean over images, objects and pixels of sum_{k=1}^{erosions} k^alpha e_k; e_0 = (p-g)^2,
        e_k = max(2 B * e_{k-1} - 1, 0), B the mean over a pixel and its 4 neighbours (6 in 3-D), which are 0 outside
        of the image. ``renormalise``: each e_k is then scaled to 0 to 1 by its minimum and maximum over the image.
    Source: Karimi & Salcudean 2019, the loss by morphological erosion, as far as known: the paper was not at hand.
    Range: 0 to sum_k k^alpha, 385 with the defaults.
    Units: none; erosions are counted in pixels, whatever the spacing.
    Deviations: the paper thresholds B * e softly at 1/2. Read as max(x - 1/2, 0), nothing survives a second erosion; we
        read it as the ramp from 0 at 1/2 to 1 at 1, which keeps an error of 1 deep inside of its region (our reading).
        The public code (PatRyg99/HausdorffLoss) scales each erosion by its minimum and maximum instead, which the paper
        does not say and which magnifies small errors; it has no gradient, and in 3-D it erodes slice by slice.
        ``renormalise`` gives its values in 2-D, with their gradient, as long as minimum and maximum differ by 0.01:
        we divide by no less, for the gradient is divided as well and would have no bound (our reading). An erosion
        multiplies the gradient by 2 at most, the division after it by 100, and the pixels at minimum and maximum, by
        which all others are scaled, carry the sum of theirs.

    Args:
        num_classes: C, background included.
        alpha: exponent of k.
        erosions: number of erosions; each takes about one pixel off the rim of a region of errors.
        renormalise: scale each erosion to 0 to 1 in each image and object, as the public code does.
    """

    def __init__(self, num_classes: int, *, alpha: float = 2.0, erosions: int = 10, renormalise: bool = False) -> None:
        super().__init__(num_classes)
        self.alpha = alpha
        self.erosions = erosions
        self.renormalise = renormalise

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over the objects."""
        objects, truth = _objects(batch)
        eroded = (objects - truth).square()
        total = eroded.new_zeros(())
        for k in range(1, self.erosions + 1):
            eroded = _Erosion.apply(eroded)
            if self.renormalise:
                eroded = _stretch(eroded)
            total = total + k**self.alpha * eroded.sum()
        return total / eroded.numel()


class HausdorffCV(Loss):
    """Error that lies a radius away from the border of the truth or of the prediction, summed over radii.

    Formula: L = mean over images, objects and pixels of sum_r r^alpha [ (p-g)^2 p (S(1 - B_r*g) + S(B_r*p))
        + (p-g)^2 g (S(B_r*g) + S(1 - B_r*p)) ], r = 3, 6, ... 3 ``radii``; B_r* is the mean over the pixels of the
        image within r, S(x) = max(2x - 1, 0).
    Source: our reading of Karimi & Salcudean 2019, the loss by convolution with circular kernels. The paper was not at
        hand and no public code is known.
    Range: 0 to 2 sum_r r^alpha, 1638 with the defaults.
    Units: none; radii are counted in pixels, whatever the spacing.
    Deviations: unknown. The terms are what is predicted outside of the object far from it or deep inside of the
        prediction, and what is missed deep inside of the object or far from the prediction, with the set differences
        relaxed to (p-g)^2 p and (p-g)^2 g. S, the soft threshold at 1/2, is that of ``HausdorffER``. Balls are cut at
        the frame: what lies outside of the image is unknown and no border, so images smaller than a ball are legal.

    Args:
        num_classes: C, background included.
        alpha: exponent of r.
        radii: number of radii, 3 pixels apart.
    """

    def __init__(self, num_classes: int, *, alpha: float = 2.0, radii: int = 6) -> None:
        super().__init__(num_classes)
        self.alpha = alpha
        self.radii = tuple(3 * k for k in range(1, radii + 1))

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over the objects."""
        objects, truth = _objects(batch)
        balls = Balls(self.radii, truth)
        inside_truth, outside_truth = self._weights(balls, truth)
        inside, outside = self._weights(balls, objects)
        error = (objects - truth).square()
        return (error * (objects * (outside_truth + inside) + truth * (inside_truth + outside))).mean()

    def _weights(self, balls: Balls, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Return sum_r r^alpha S(B_r * m) and sum_r r^alpha S(1 - B_r * m)."""
        inside = outside = torch.zeros_like(masks)
        for radius, mean in zip(self.radii, balls.means(masks), strict=True):
            ramp = (2 * mean - 1) * radius**self.alpha
            inside, outside = inside + ramp.relu(), outside + (-ramp).relu()
        return inside, outside


def _objects(batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the probabilities of the objects, differentiable, and their truth, both (N, C-1, *S)."""
    truth = torch.zeros_like(batch.probabilities).scatter_(1, batch.target.unsqueeze(1), 1)
    return slopes.probabilities(batch)[:, 1:], truth[:, 1:]


def _stretch(maps: Tensor) -> Tensor:
    """Scale each image of ``maps`` (N, C, *S) from 0 and at most to 1; one that is flat stays as it is."""
    axes = tuple(range(2, maps.ndim))
    low, high = maps.amin(axes, keepdim=True), maps.amax(axes, keepdim=True)
    return torch.where(high > low, (maps - low) / (high - low).clamp_min(LEAST_RANGE), maps)


class _Erosion(Function):
    """max(2 B * x - 1, 0), by shifted images: on a CPU many times faster than a convolution and its gradient."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> Tensor:
        eroded = _twice_cross_mean(maps).sub_(1).clamp_min_(0)
        ctx.save_for_backward(eroded)
        return eroded

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (eroded,) = ctx.saved_tensors
        return _twice_cross_mean(gradient * (eroded > 0))


def _twice_cross_mean(maps: Tensor) -> Tensor:
    """Return twice the mean over each pixel and its direct neighbours, 0 outside of the image; its own adjoint."""
    total = maps.clone()
    for axis in range(2, maps.ndim):
        pairs = maps.shape[axis] - 1
        total.narrow(axis, 1, pairs).add_(maps.narrow(axis, 0, pairs))
        total.narrow(axis, 0, pairs).add_(maps.narrow(axis, 1, pairs))
    return total.mul_(2 / (2 * maps.ndim - 3))
