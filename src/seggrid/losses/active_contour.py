"""Active contour loss."""

from __future__ import annotations

import torch
from torch import Tensor

from seggrid.losses import slopes
from seggrid.losses.base import Batch, Loss

#: Added below the root, so that the length has a gradient where the probabilities are flat.
SMOOTH = 1e-8


class ActiveContour(Loss):
    """Length of the objects' contours and the area of the error, after the active contour without edges.

    Formula: L = mean over images, objects and pixels of sqrt(|grad p|^2 + 1e-8) + lambda (mu p (1-g) + (1-p) g);
        grad p holds the differences to the next pixel of each axis, 0 at the last.
    Source: Chen et al. 2019 (Learning active contour models for medical image segmentation), length and region term
        with the constants c_1 = 1 and c_2 = 0 of the supervised case.
    Range: 0 to infinity; at most sqrt(axes) + lambda max(mu, 1).
    Units: per pixel; the length is counted in pixels (faces of voxels), whatever the spacing.
    Deviations: means in place of the sums of the paper, so that weights do not depend on the image size; all
        objects in place of one; any size, 2-D and 3-D. The public code crops its two difference images by two pixels
        each, which puts them at different places; here both belong to the same pixel, and no pixel is left
        out. mu is a parameter of that code, 1 in the paper. The shortest contour is none: a perfect prediction is
        the minimum of the region term always, of the loss where lambda min(mu, 1) is at least 3.42 in 2-D and 4.74
        in 3-D (axes + sqrt(axes)).

    Args:
        num_classes: C, background included.
        weight: lambda, weight of the region term; 0 leaves the length alone.
        mu: weight of what is predicted outside of the object, against 1 for what is missed inside.
    """

    def __init__(self, num_classes: int, *, weight: float = 1.0, mu: float = 1.0) -> None:
        super().__init__(num_classes)
        self.weight = weight
        self.mu = mu

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over the objects."""
        slope = torch.full_like(batch.probabilities, self.weight * self.mu)
        slope.scatter_(1, batch.target.unsqueeze(1), -self.weight)
        slope[:, 0] = 0
        region = slopes.errors(batch).mul_(slope).sum()
        length = _add_length(batch.probabilities[:, 1:], slope[:, 1:])
        count = batch.target.numel() * (self.num_classes - 1)
        return slopes.with_slope(batch, (length + region) / count, slope.div_(count))


def _add_length(objects: Tensor, slope: Tensor) -> Tensor:
    """Return the sum of the lengths and add their slope to ``slope``; both (N, C-1, *S)."""
    axes = range(2, objects.ndim)
    steps = [objects.diff(dim=axis) for axis in axes]
    lengths = torch.full_like(objects, SMOOTH)
    for axis, step in zip(axes, steps, strict=True):
        lengths.narrow(axis, 0, step.shape[axis]).addcmul_(step, step)
    lengths.sqrt_()
    for axis, step in zip(axes, steps, strict=True):
        sides = step.shape[axis]
        step.div_(lengths.narrow(axis, 0, sides))
        slope.narrow(axis, 0, sides).sub_(step)
        slope.narrow(axis, 1, sides).add_(step)
    return lengths.sum()
