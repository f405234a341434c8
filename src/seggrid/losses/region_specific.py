"""Region-specific losses: an overlap loss in each cell of a grid of sub-regions."""

from __future__ import annotations

import torch
from torch import Tensor

from seggrid.losses.base import Batch, Loss
from seggrid.losses.region_sums import region_errors


class RegionLoss(Loss):
    """Base of the losses that divide the image into sub-regions; a subclass defines ``pairs``.

    Args:
        num_classes: C, background included.
        regions: sub-regions along each axis.
        reduction: ``mean`` over the pairs of sub-region and class that hold truth, or their ``sum`` in each image.
        background: count the background as a class.
        smooth: epsilon, in pixels.
    """

    def __init__(self, num_classes: int, regions: int, reduction: str, background: bool, smooth: float) -> None:
        super().__init__(num_classes)
        self.regions = regions
        self.reduction = reduction
        self.background = background
        self.smooth = smooth

    def pairs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the losses of all pairs, differentiable, and their areas of truth, both (N, C, *grid)."""
        raise NotImplementedError

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over the pairs with truth, or their sum per image; 0 where there is none."""
        losses, areas = (values[:, 0 if self.background else 1 :] for values in self.pairs(batch))
        present = areas > 0
        total = torch.where(present, losses, torch.zeros_like(losses)).sum()
        return total / (present.sum().clamp_min(1) if self.reduction == "mean" else len(losses))


class RegionSpecific(RegionLoss):
    """Squared Dice in each sub-region of a grid.

    Formula: L = mean over the triples of image n, class c and sub-region V with truth, A_ncV > 0, of
        1 - (2 sum_{i in V} p g + e) / (sum_{i in V} p^2 + sum_{i in V} g + e). ``reduction="sum"``: their sum in each
        image, mean over the images. Computed as E / (E + 2 sum p g + e), E = sum (p - g)^2, which is the same and
        loses no digits near a perfect prediction.
    Source: Chen et al. 2023 (Adaptive region-specific loss), eq 4, with section 5: a class counts where the
        sub-region has its truth.
    Range: 0 to 1; with ``sum`` to the number of pairs.
    Units: none.
    Deviations: the paper prints a sum over 16 x 16 x 16 sub-regions; the mean mixes with other losses. The background
        is a class, as in the paper's eq 9: only through it are false positives seen where a sub-region holds no
        object, as section 5 argues. Sub-regions are those of ``numpy.array_split``, so any grid fits any image; a
        side of fewer pixels than ``regions`` has one sub-region a pixel.

    Args:
        num_classes: C, background included.
        regions: sub-regions along each axis.
        reduction: ``mean`` over the pairs of sub-region and class that hold truth, or their ``sum`` in each image.
        background: count the background as a class.
        smooth: e, in pixels.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        regions: int = 16,
        reduction: str = "mean",
        background: bool = True,
        smooth: float = 1e-7,
    ) -> None:
        super().__init__(num_classes, regions, reduction, background, smooth)

    def pairs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the squared Dice losses and the areas of truth, both (N, C, *grid)."""
        errors, missed, areas = region_errors(
            batch.logits, batch.probabilities, batch.target, self.regions, squared=True
        )
        return errors / (errors + 2 * (areas - missed) + self.smooth), areas


class AdaptiveRegionSpecific(RegionLoss):
    """Tversky loss in each sub-region of a grid, whose weights follow the errors of the sub-region.

    Formula: L = mean over the triples of image n, class c and sub-region V with truth, A_ncV > 0, of
        1 - (TP + e) / (TP + alpha FP + beta FN + e), alpha = a + b (FP + e) / (FP + FN + e) and
        beta = a + b (FN + e) / (FP + FN + e); TP = sum_{i in V} p g, FP = sum p (1 - g), FN = sum (1 - p) g.
        ``reduction="sum"``: their sum in each image, mean over the images.
    Source: Chen et al. 2023 (Adaptive region-specific loss), eq 6 to 8, whose printed fraction bars are lost; section
        5: a class counts where the sub-region has its truth.
    Range: 0 to 1; with ``sum`` to the number of pairs.
    Units: none.
    Deviations: the paper prints a sum over 16 x 16 x 16 sub-regions; the mean mixes with other losses. It only says
        that alpha and beta are adjusted; here they are constants of the step, public code lets the gradient flow
        through them (``detach_weights=false``). Public code also averages inside a sub-region, which multiplies e by
        its size, counts pairs without truth, and may pool the batch. Background and grid are as in
        ``RegionSpecific``. Without errors alpha = beta = a + b, where the paper has 2a + b for their sum.

    Args:
        num_classes: C, background included.
        regions: sub-regions along each axis.
        a: lowest weight of the false positives and of the false negatives.
        b: what the worse of the two gains at most.
        reduction: ``mean`` over the pairs of sub-region and class that hold truth, or their ``sum`` in each image.
        detach_weights: no gradient through alpha and beta.
        background: count the background as a class.
        smooth: e, in pixels.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        regions: int = 16,
        a: float = 0.3,
        b: float = 0.4,
        reduction: str = "mean",
        detach_weights: bool = True,
        background: bool = True,
        smooth: float = 1e-7,
    ) -> None:
        super().__init__(num_classes, regions, reduction, background, smooth)
        self.a = a
        self.b = b
        self.detach_weights = detach_weights

    def pairs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the Tversky losses and the areas of truth, both (N, C, *grid)."""
        extra, missed, areas = region_errors(batch.logits, batch.probabilities, batch.target, self.regions)
        alpha, beta = self.weights(extra, missed)
        errors = alpha * extra + beta * missed
        return errors / (areas - missed + errors + self.smooth), areas

    def weights(self, false_positives: Tensor, false_negatives: Tensor) -> tuple[Tensor, Tensor]:
        """Return alpha and beta of eq 7 and 8, of the shape of the arguments."""
        total = false_positives + false_negatives + self.smooth
        alpha = self.a + self.b * (false_positives + self.smooth) / total
        beta = self.a + self.b * (false_negatives + self.smooth) / total
        return (alpha.detach(), beta.detach()) if self.detach_weights else (alpha, beta)
