"""Cross-entropy: plain, weighted by class area, and weighted on two levels."""

from __future__ import annotations

import torch
from torch import Tensor

from seggrid.losses import class_weights
from seggrid.losses.base import Batch, Loss


class CrossEntropy(Loss):
    """Cross-entropy of the softmax.

    Formula: L = -(1/M) sum_i log p_{y_i} over all M = N |S| pixels of the batch.
    Source: maximum likelihood; equal to ``torch.nn.functional.cross_entropy``.
    Range: 0 to infinity; at most max|logit difference| + log C.
    Units: nats per pixel.
    Deviations: none; there is no ignored label.

    Args:
        num_classes: C, background included.
    """

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over all pixels."""
        return batch.log_likelihood.sum() / -batch.target.numel()


class AreaWeightedCrossEntropy(Loss):
    """Base of the cross-entropies whose class weights follow from class areas; a subclass defines ``weigh``.

    Args:
        num_classes: C, background included.
        class_areas: (C,) pixels of each class in the training cases, all positive; with ``areas="train"``
            only.
        areas: where the areas are counted: in the ``train`` cases, the ``batch`` or each ``image``.
        normalise: divide by the sum of the ``weights`` of the pixels, or by the number of ``pixels``.
    """

    weights: Tensor

    def __init__(self, num_classes: int, class_areas: Tensor | None, areas: str, normalise: str) -> None:
        super().__init__(num_classes)
        if (areas == "train") != (class_areas is not None):
            raise ValueError("class_areas are to be given with areas='train', and only then")
        self.areas = areas
        self.normalise = normalise
        if class_areas is not None:
            self.register_buffer("weights", self.weigh(class_areas.double()), persistent=False)

    def weigh(self, areas: Tensor) -> Tensor:
        """Return the class weights of areas (..., C)."""
        raise NotImplementedError

    def value(self, batch: Batch) -> Tensor:
        """Return the weighted mean over all pixels; 0 where every pixel weighs 0."""
        by_image = self._class_weights(batch).to(batch.logits.dtype).expand(len(batch.target), -1)
        weights = by_image.gather(1, batch.target.flatten(1)).view_as(batch.target)
        weighted = (batch.log_likelihood * weights).sum()
        if self.normalise == "pixels":
            return weighted / -weights.numel()
        return weighted / -weights.sum().clamp_min(torch.finfo(weights.dtype).tiny)

    def _class_weights(self, batch: Batch) -> Tensor:
        if self.areas == "train":
            return self.weights
        return self.weigh(batch.areas if self.areas == "image" else batch.areas.sum(0))


class WeightedCrossEntropy(AreaWeightedCrossEntropy):
    """Cross-entropy weighted by inverse class area on one level ("LCE1").

    Formula: L = -sum_i w_{y_i} log p_{y_i} / Z, w_c = (A / ((K+1) A_c))^gamma; Z = sum_i w_{y_i}, or the number
        of pixels with ``normalise="pixels"``. A_c: area of class c, A: of all, K: objects.
    Source: our definition of the "traditional weighted cross-entropy" of Wang et al. 2026,
        doi 10.3389/fmed.2026.1768134, whose abstract gives no formula. At fixed weights it equals
        ``torch.nn.functional.cross_entropy(weight=w)``.
    Range: 0 to infinity.
    Units: nats per pixel.
    Deviations: with ``areas="batch"`` or ``"image"`` an absent class weighs 0, and K+1 counts the classes
        present.

    Args:
        num_classes: C, background included.
        class_areas: (C,) pixels of each class in the training cases; with ``areas="train"`` only.
        gamma: exponent; 0 is plain cross-entropy.
        areas: where areas are counted: ``train``, ``batch`` or ``image``.
        normalise: what Z is, ``weights`` or ``pixels``.
    """

    def __init__(
        self,
        num_classes: int,
        class_areas: Tensor | None = None,
        *,
        gamma: float = 1.0,
        areas: str = "train",
        normalise: str = "weights",
    ) -> None:
        self.gamma = gamma
        super().__init__(num_classes, class_areas, areas, normalise)

    def weigh(self, areas: Tensor) -> Tensor:
        """Return the weights on one level."""
        return class_weights.one_level(areas, self.gamma)


class DualLevelCrossEntropy(AreaWeightedCrossEntropy):
    """Cross-entropy weighted on two levels ("LCE2"): background against objects, objects among themselves.

    Formula: L = -sum_i w_{y_i} log p_{y_i} / Z with w_0 = u_bg, w_c = u_fg v_c; u_g = (A / (2 A_g))^gamma1 for
        g in {bg, fg}, v_c = (A_fg / (K A_c))^gamma2; Z = sum_i w_{y_i}, or the number of pixels with
        ``normalise="pixels"``. ``weighting="complement"``: w_0 = A_fg/A,
        w_c = (A_bg/A) (A_fg - A_c) / ((K-1) A_fg), with one object w_1 = A_bg/A.
    Source: our reading of Wang et al. 2026, doi 10.3389/fmed.2026.1768134. Its abstract fixes
        only that the weights come from the areas of the objects and that there are two levels.
    Range: 0 to infinity.
    Units: nats per pixel.
    Deviations: unknown, the formula is ours. With gamma1 = gamma2 = 0 it is cross-entropy, with one object
        ``WeightedCrossEntropy``. With ``areas="batch"`` or ``"image"`` an absent class weighs 0, K counts
        the objects present, and u = 1 where there is background alone or none; ``complement`` then gives no
        gradient where only one class is present.

    Args:
        num_classes: C, background included.
        class_areas: (C,) pixels of each class in the training cases; with ``areas="train"`` only.
        gamma1: exponent of level 1, not read with ``complement``.
        gamma2: exponent of level 2, not read with ``complement``.
        weighting: ``inverse`` areas, or the bounded ``complement``, which has no exponents.
        areas: where areas are counted: ``train``, ``batch`` or ``image``.
        normalise: what Z is, ``weights`` or ``pixels``.
    """

    def __init__(
        self,
        num_classes: int,
        class_areas: Tensor | None = None,
        *,
        gamma1: float = 1.0,
        gamma2: float = 1.0,
        weighting: str = "inverse",
        areas: str = "train",
        normalise: str = "weights",
    ) -> None:
        self.gamma1 = gamma1
        self.gamma2 = gamma2
        self.weighting = weighting
        super().__init__(num_classes, class_areas, areas, normalise)

    def weigh(self, areas: Tensor) -> Tensor:
        """Return the weights on two levels."""
        if self.weighting == "complement":
            return class_weights.complement(areas)
        return class_weights.dual_level(areas, self.gamma1, self.gamma2)
