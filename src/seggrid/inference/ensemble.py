"""Several networks that predict as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seggrid.inference.members import ClassWeights, Network
from seggrid.inference.predict import Predictor, Predicts


class WeightedPredictors:
    """Networks whose softmax is averaged with a weight for each network and class.

    What it gives sums to 1 over the classes only where the weights of a network do not differ between them; which class
    is the largest is what counts.

    Args:
        weights: of each member for each class.
    """

    def __init__(self, members: Sequence[Predicts], weights: ClassWeights, device: torch.device) -> None:
        self._members = tuple(members)
        self._weights = torch.tensor(weights, dtype=torch.float32, device=device)

    @torch.inference_mode()
    def probabilities(self, images: Tensor) -> Tensor:
        """Return the weighted mean ``(N, C, *S)`` for images ``(N, C_in, *S)``; one member's at a time is held."""
        total: Tensor | None = None
        for member, weights in zip(self._members, self._weights, strict=True):
            found = member.probabilities(images)
            found = found * weights.view(1, -1, *[1] * (found.ndim - 2))
            total = found if total is None else total.add_(found)
        if total is None:
            raise ValueError("an ensemble needs at least one network")
        return total


def load_predictors(
    networks: Sequence[Network], weights: ClassWeights | None, in_channels: int, num_classes: int, device: torch.device
) -> list[Predicts]:
    """Load networks as what ``predict_masks`` averages.

    Args:
        weights: where the networks do not count the same.
        num_classes: objects plus background.

    Raises:
        UserError: the weights of a network are absent.
    """
    members = [Predictor(spec, path, in_channels, num_classes, device) for spec, path in networks]
    return [WeightedPredictors(members, weights, device)] if weights is not None else [*members]
