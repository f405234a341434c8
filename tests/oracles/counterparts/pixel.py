"""Focal loss and TopK."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seggrid.losses.pixel import Focal, TopK
from tests.oracles.counterparts.base import FLOAT32, Compute, Counterpart


def focal(**parameters: Any) -> Compute:
    return lambda x, y: Focal(x.shape[1], **parameters)(x, y)


def focal_over_channels(logits: Tensor, target: Tensor) -> Tensor:
    """Our loss as MONAI averages the softmax form, over the zeros of the other channels as well."""
    return Focal(logits.shape[1])(logits, target) / logits.shape[1]


def focal_smoothed(logits: Tensor, target: Tensor, smooth: float = 1e-5) -> Tensor:
    """Our loss of SegLoss's p_y: by a one-hot target in float32 clamped to s / (C-1) and 1 - s, plus s."""
    low, high = torch.tensor([0.0, 1.0]).clamp(smooth / (logits.shape[1] - 1), 1 - smooth).double()
    p = logits.softmax(1).gather(1, target.unsqueeze(1))
    p = high * p + low * (1 - p) + smooth
    return Focal(2)(torch.cat([(1 - p).log(), p.log()], 1), torch.ones_like(target))


def topk(k: float) -> Compute:
    return lambda x, y: TopK(x.shape[1], k=k)(x, y)


COUNTERPARTS = {
    "focal_rwl@rwl": Counterpart(focal()),
    "focal_g2@liviaets": Counterpart(focal()),  # there the log is that of p + 1e-10
    "focal_g2@unifiedfocal": Counterpart(focal()),
    "focal_g2_smooth1e-5@segloss": Counterpart(focal_smoothed),
    "focal_softmax_g2@monai": Counterpart(focal_over_channels, FLOAT32),
    "focal_sigmoid_g2@monai": Counterpart(focal(activation="sigmoid"), FLOAT32),
    "focal_sigmoid_g2_a.25@monai": Counterpart(focal(activation="sigmoid", alpha=0.25), FLOAT32),
    "focal_g2@smp": Counterpart(focal(activation="sigmoid")),
    "topk10@nnunet": Counterpart(topk(10.0)),
    "topk10@segloss": Counterpart(topk(10.0)),
    "topk50@nnunet": Counterpart(topk(50.0)),
}
DEFINED_OTHERWISE: dict[str, str] = {}
