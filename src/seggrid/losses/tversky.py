"""Tversky and focal Tversky."""

from __future__ import annotations

import torch
from torch import Tensor

from seggrid.losses.base import Batch
from seggrid.losses.overlap import OverlapLoss, power


class Tversky(OverlapLoss):
    """Overlap in which false positives and false negatives weigh differently.

    Formula: L = mean over the (image, class) pairs with A_nc > 0 of 1 - TI,
        TI = (TP + s) / (TP + weight_fp FP + weight_fn FN + s), with TP = sum_i p g, FP = sum_i p (1 - g),
        FN = sum_i (1 - p) g. ``batch``: the sums run over the whole batch before the division, and the mean over
        the classes present in it.
    Source: Salehi et al. 2017, T(alpha, beta), where weight_fp is alpha and weight_fn beta. With weights
        1/(1 + b^2) and b^2/(1 + b^2) it is the asymmetric (F_b) loss of Hashemi et al. 2018.
    Range: 0 to 1.
    Units: none.
    Deviations: an absent class is no term of the mean, where MONAI and SegLoss count it as 1 - s / (weight_fp FP
        + s) and smp as 0; a batch without any object gives 0 with a gradient of 0. In the code of Abraham & Khan
        and of Yeung et al. alpha and delta weigh the false negatives. Weights of 1/2 and twice the smoothing are
        ``dice``, weights of 1 ``jaccard``.

    Args:
        num_classes: C, background included.
        weight_fp: weight of the false positives.
        weight_fn: weight of the false negatives.
        batch: sum over the batch before dividing.
        background: count the background as a class.
        smooth: s, added to numerator and denominator.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        weight_fp: float = 0.3,
        weight_fn: float = 0.7,
        batch: bool = False,
        background: bool = False,
        smooth: float = 1e-5,
    ) -> None:
        super().__init__(num_classes, batch=batch, background=background, smooth=smooth)
        self.weight_fp = weight_fp
        self.weight_fn = weight_fn

    def errors(self, common: Tensor, volumes: Tensor, areas: Tensor) -> Tensor:
        """Return 1 - TI of each pair, written without the difference, which rounds near 0."""
        wrong = (self.weight_fp * (volumes - common) + self.weight_fn * (areas - common)).clamp_min(0)
        # With nothing right or wrong, which no smoothing and a weight of 0 allow, the error is 0/tiny.
        return wrong / (common + wrong + self.smooth).clamp_min(torch.finfo(common.dtype).tiny)


class FocalTversky(Tversky):
    """Power of the Tversky loss, which for an exponent below 1 still looks at classes that are nearly right.

    Formula: L = mean over the (image, class) pairs with A_nc > 0 of (1 - TI)^gamma, with TI as in ``tversky``;
        ``power_of="mean"``: (mean of 1 - TI)^gamma.
    Source: Abraham & Khan 2019, who write the exponent 1/gamma with gamma = 4/3 in the paper and gamma = 0.75 in
        their code, as here.
    Range: 0 to 1.
    Units: none.
    Deviations: the paper sums over the classes. Public code takes the power of each class (Yeung et al.) or of
        the mean (SegLoss, smp). Where 1 - TI is below the rounding of the number type the power goes on as a
        straight line to 0, so the gradient is bounded at a perfect prediction. Absent classes as in ``tversky``.
        With gamma = 1 it is ``tversky``.

    Args:
        num_classes: C, background included.
        weight_fp: weight of the false positives.
        weight_fn: weight of the false negatives.
        gamma: the exponent.
        power_of: take the power of each of the ``pairs``, or of their ``mean``.
        batch: sum over the batch before dividing.
        background: count the background as a class.
        smooth: s, added to numerator and denominator.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        weight_fp: float = 0.3,
        weight_fn: float = 0.7,
        gamma: float = 0.75,
        power_of: str = "pairs",
        batch: bool = False,
        background: bool = False,
        smooth: float = 1e-5,
    ) -> None:
        super().__init__(
            num_classes,
            weight_fp=weight_fp,
            weight_fn=weight_fn,
            batch=batch,
            background=background,
            smooth=smooth,
        )
        self.gamma = gamma
        self.power_of = power_of

    def errors(self, common: Tensor, volumes: Tensor, areas: Tensor) -> Tensor:
        """Return 1 - TI of each pair, to the power where that is taken of each."""
        errors = super().errors(common, volumes, areas)
        return power(errors, self.gamma) if self.power_of == "pairs" else errors

    def value(self, batch: Batch) -> Tensor:
        """Return the mean over the pairs present, or its power; 0 where there is none."""
        mean = super().value(batch)
        return power(mean, self.gamma) if self.power_of == "mean" else mean
