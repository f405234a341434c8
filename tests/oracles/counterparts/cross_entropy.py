"""Cross-entropies."""

from __future__ import annotations

import torch
from torch import Tensor

from seggrid.losses.cross_entropy import CrossEntropy, WeightedCrossEntropy
from tests.oracles.counterparts.base import Counterpart


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return CrossEntropy(logits.shape[1])(logits, target)


def weighted(logits: Tensor, target: Tensor, normalise: str = "weights") -> Tensor:
    """Weighted cross-entropy at weights 1 to C, by areas whose inverses these are."""
    weights = torch.arange(1, logits.shape[1] + 1, dtype=torch.float64)
    loss = WeightedCrossEntropy(len(weights), 1 / weights, normalise=normalise)
    scale = 1.0 if normalise == "weights" else float(weights[0] / loss.weights[0])
    return scale * loss(logits, target)


COUNTERPARTS = {
    "ce@torch": Counterpart(cross_entropy),
    "wce_1toC@torch": Counterpart(weighted),
    "wce_1toC_sum_over_n@torch": Counterpart(lambda x, y: weighted(x, y, "pixels")),
}
DEFINED_OTHERWISE: dict[str, str] = {}
