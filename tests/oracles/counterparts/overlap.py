"""Losses of the overlap of two regions."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from seggrid.losses.dice import Dice
from seggrid.losses.generalised_dice import GeneralisedDice
from seggrid.losses.jaccard import Jaccard
from seggrid.losses.overlap import OverlapLoss
from seggrid.losses.pixel import Focal
from seggrid.losses.sensitivity_specificity import SensitivitySpecificity
from seggrid.losses.tversky import FocalTversky, Tversky
from tests.oracles.counterparts.base import FLOAT32, Compute, Counterpart
from tests.oracles.counterparts.cross_entropy import cross_entropy
from tests.oracles.counterparts.maps import of_class

#: The F_1.5 form of the asymmetric loss.
ASYMMETRIC: dict[str, Any] = {"weight_fp": 1 / 3.25, "weight_fn": 2.25 / 3.25}


def region_sums(loss: OverlapLoss, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Volumes and areas of the classes that a loss counts, in each image or in the batch, by plain torch."""
    first = 0 if loss.background else 1
    volumes = logits.softmax(1).pow(2 if loss.squared else 1).flatten(2).sum(2)[:, first:]
    areas = torch.stack([(target == c).flatten(1).sum(1) for c in range(first, logits.shape[1])], 1)
    return (volumes.sum(0), areas.sum(0)) if loss.batch else (volumes, areas)


def with_absent(kind: type[OverlapLoss], background: bool = True, **parameters: Any) -> Compute:
    """Our mean, with the terms 1 - s / (FP + s) that the public code adds for classes absent from an image (batch)."""

    def compute(logits: Tensor, target: Tensor) -> Tensor:
        loss = kind(logits.shape[1], background=background, **parameters)
        volumes, areas = region_sums(loss, logits, target)
        weighted = parameters.get("weight_fp", 1.0) * volumes
        absent = 1 - loss.smooth / (weighted[areas == 0] + loss.smooth)
        value, present = loss(logits, target), (areas > 0).sum()
        if not isinstance(loss, FocalTversky):
            return (value * present + absent.sum()) / areas.numel()
        if loss.power_of == "pairs":
            return (value * present + absent.pow(loss.gamma).sum()) / areas.numel()
        return ((value ** (1 / loss.gamma) * present + absent.sum()) / areas.numel()) ** loss.gamma

    return compute


def absent_perfect(kind: type[OverlapLoss], **parameters: Any) -> Compute:
    """Our mean as smp takes it: over the batch, and a class absent from it counts as 0; focal, the power of that."""

    def compute(logits: Tensor, target: Tensor) -> Tensor:
        loss = kind(logits.shape[1], batch=True, background=True, smooth=0.0, **parameters)
        share = len(target.unique()) / logits.shape[1]
        return loss(logits, target) * (share**loss.gamma if isinstance(loss, FocalTversky) else share)

    return compute


def dice_smoothed_below(logits: Tensor, target: Tensor, smooth: float = 1e-6) -> Tensor:
    """Our Dice of each class in each image alone, smoothed in the denominator only; 1 for an absent class."""
    losses = []
    for n in range(len(logits)):
        for c in range(logits.shape[1]):
            image, truth = logits[n : n + 1], target[n : n + 1]
            total = image.softmax(1)[:, c].sum() + (truth == c).sum()
            overlap = 1 - of_class(c, Dice(2, smooth=0.0))(image, truth)
            losses.append(1 - (overlap if (truth == c).any() else 0.0) * total / (total + smooth))
    return torch.stack(losses).mean()


def generalised(
    above: float, below: float, absent: float | None = None, background: bool = True, **parameters: Any
) -> Compute:
    """Our generalised Dice, with the public smoothing and the public weight of an absent class.

    Args:
        above, below: what is added to the weighted sums of the numerator and the denominator.
        absent: weight of an absent class; None: that of the smallest class present, 0 without any.
        background: count the background.
        parameters: further ones of our loss.
    """

    def one(logits: Tensor, target: Tensor) -> Tensor:
        loss = GeneralisedDice(logits.shape[1], background=background, **parameters)
        volumes, areas = (sums.flatten() for sums in region_sums(loss, logits, target))
        weights = areas.clamp_min(1).to(logits.dtype).pow(-loss.exponent) * (areas > 0)
        total = (weights * (volumes + areas)).sum()
        missed = (weights.max() if absent is None else absent) * volumes[areas == 0].sum()
        return 1 - ((1 - loss(logits, target)) * total + above) / (total + missed + below)

    def compute(logits: Tensor, target: Tensor) -> Tensor:
        if parameters.get("batch"):
            return one(logits, target)
        return torch.stack([one(logits[n : n + 1], target[n : n + 1]) for n in range(len(logits))]).mean()

    return compute


def sigmoid_focal(logits: Tensor, target: Tensor) -> Tensor:
    return Focal(logits.shape[1], activation="sigmoid")(logits, target)


def sensitivity_specificity(logits: Tensor, target: Tensor) -> Tensor:
    return SensitivitySpecificity(logits.shape[1], sensitivity=0.1, background=True, smooth=1.0)(logits, target)


dice = partial(with_absent, Dice)
jaccard = partial(with_absent, Jaccard)
tversky = partial(with_absent, Tversky, weight_fp=0.3, weight_fn=0.7)
focal_tversky = partial(with_absent, FocalTversky, weight_fp=0.3, weight_fn=0.7)
#: Of class 1 alone over the batch.
ALONE: dict[str, Any] = {"background": False, "batch": True, "smooth": 1.0}
gdl_monai = generalised(1e-5, 1e-5)

COUNTERPARTS = {
    "dice@monai": Counterpart(dice()),
    "dice_nobg@monai": Counterpart(dice(background=False)),
    "dice_batch@monai": Counterpart(dice(batch=True)),
    "dice_squared@monai": Counterpart(dice(squared=True, smooth=1e-7)),
    "dicece@monai": Counterpart(lambda x, y: dice()(x, y) + cross_entropy(x, y)),
    "dice@smp": Counterpart(absent_perfect(Dice)),
    "dice_smooth1@segloss": Counterpart(dice(smooth=1.0)),
    "dice@unifiedfocal": Counterpart(dice(smooth=2e-6)),
    "dice_rwl@rwl": Counterpart(dice_smoothed_below),
    "jaccard@monai": Counterpart(jaccard(smooth=5e-6)),
    "jaccard@smp": Counterpart(absent_perfect(Jaccard)),
    "iou_smooth1@segloss": Counterpart(jaccard(smooth=1.0)),
    "tversky_a.3_b.7@monai": Counterpart(tversky()),
    "tversky_a.3_b.7@smp": Counterpart(absent_perfect(Tversky, weight_fp=0.3, weight_fn=0.7)),
    "tversky_a.3_b.7_smooth1@segloss": Counterpart(tversky(smooth=1.0)),
    "tversky_a.3_b.7_smooth1e-5@segloss": Counterpart(tversky(smooth=1e-5)),
    "tversky_d.7@unifiedfocal": Counterpart(tversky(smooth=1e-6)),
    "tversky_a.7fn_smooth1_c1@focaltversky": Counterpart(of_class(1, tversky(**ALONE))),
    "asym_b1.5@segloss": Counterpart(tversky(**ASYMMETRIC, smooth=1.0)),
    "focaltversky_a.3_b.7_g.75@smp": Counterpart(
        absent_perfect(FocalTversky, weight_fp=0.3, weight_fn=0.7, power_of="mean")
    ),
    "focaltversky_a.3_b.7_g.75_smooth1@segloss": Counterpart(focal_tversky(power_of="mean", smooth=1.0)),
    "focaltversky_a.7fn_g.75_smooth1_c1@focaltversky": Counterpart(of_class(1, focal_tversky(**ALONE))),
    # The softmax there is clipped to 1e-7 and 1 - 1e-7.
    "focaltversky_d.7_g.75@unifiedfocal": Counterpart(focal_tversky(smooth=1e-6), rounding=1e-9),
    # In float32: the weights of the first five, all of the last.
    "gdl_square@monai": Counterpart(gdl_monai, FLOAT32),
    "gdl_simple@monai": Counterpart(generalised(1e-5, 1e-5, weighting="simple"), FLOAT32),
    "gdl_square_batch@monai": Counterpart(generalised(1e-5, 1e-5, batch=True), FLOAT32),
    "gdl@segloss": Counterpart(generalised(2e-5, 1e-5, absent=1e20), FLOAT32),
    "gdl_v2@segloss": Counterpart(generalised(0.0, 0.0, absent=1e5, batch=True), FLOAT32),
    "gdl_fg@liviaets": Counterpart(generalised(2e-10, 1e-10, absent=1e20, background=False), FLOAT32, rounding=FLOAT32),
    "sensitivity_specificity_r.1@segloss": Counterpart(sensitivity_specificity),
    "dicefocal@monai": Counterpart(lambda x, y: dice()(x, y) + sigmoid_focal(x, y), FLOAT32),
    "gdfocal@monai": Counterpart(lambda x, y: gdl_monai(x, y) + sigmoid_focal(x, y), FLOAT32),
}
DEFINED_OTHERWISE: dict[str, str] = {}
