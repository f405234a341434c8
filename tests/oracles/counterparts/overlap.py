"""Losses of the overlap of two regions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seggrid.losses.dice import Dice
from tests.oracles.counterparts.base import Compute, Counterpart
from tests.oracles.counterparts.cross_entropy import cross_entropy


def dice(**parameters: Any) -> Compute:
    """Our Dice, with the terms that the public code adds for classes absent from an image (a batch)."""
    counted = {"background": True, **parameters}
    first = 0 if counted["background"] else 1

    def compute(logits: Tensor, target: Tensor) -> Tensor:
        classes = logits.shape[1]
        loss = Dice(classes, **counted)
        p = logits.softmax(1).pow(2 if loss.squared else 1).flatten(2).sum(2)[:, first:]
        areas = torch.stack([(target == c).flatten(1).sum(1) for c in range(first, classes)], 1)
        if loss.batch:
            p, areas = p.sum(0), areas.sum(0)
        absent = 1 - loss.smooth / (p[areas == 0] + loss.smooth)
        return (loss(logits, target) * (areas > 0).sum() + absent.sum()) / areas.numel()

    return compute


def dice_with_absent_perfect(logits: Tensor, target: Tensor) -> Tensor:
    """Our Dice as smp averages it: a class absent from the batch counts as 0."""
    classes = logits.shape[1]
    return Dice(classes, batch=True, background=True, smooth=0.0)(logits, target) * len(target.unique()) / classes


COUNTERPARTS = {
    "dice@monai": Counterpart(dice()),
    "dice_nobg@monai": Counterpart(dice(background=False)),
    "dice_batch@monai": Counterpart(dice(batch=True)),
    "dice_squared@monai": Counterpart(dice(squared=True, smooth=1e-7)),
    "dicece@monai": Counterpart(lambda x, y: dice()(x, y) + cross_entropy(x, y)),
    "dice@smp": Counterpart(dice_with_absent_perfect),
    "dice_smooth1@segloss": Counterpart(dice(smooth=1.0)),
    "dice@unifiedfocal": Counterpart(dice(smooth=2e-6)),
}
DEFINED_OTHERWISE = {"dice_rwl@rwl": "smooths the denominator only"}
