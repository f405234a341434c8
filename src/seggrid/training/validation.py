"""The Dice that chooses checkpoints: at the preprocessed resolution, on the device, on the validation cases only."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from seggrid.data.device import DeviceStore


@torch.no_grad()
def validation_dice(predict: Callable[[Tensor], Tensor], cases: DeviceStore, objects: int, batch_size: int) -> Tensor:
    """Return the Dice of each object ``(K,)``, the mean over cases; NaN for an object that is nowhere.

    An object that is in neither truth nor prediction of a case is left out of the mean.

    Args:
        predict: images ``(N, C_in, *S)`` to logits ``(N, K + 1, *S)``.
    """
    counts = []
    for positions in torch.arange(len(cases)).split(batch_size if cases.uniform else 1):
        images, labels = cases.batch(positions)
        predicted = predict(images).argmax(1).to(labels.dtype)
        counts.append(torch.stack([_counts(predicted, labels, c) for c in range(1, objects + 1)], 1))
    overlap, size = torch.cat(counts).double().cpu().unbind(-1)
    return torch.where(size > 0, 2 * overlap / size, torch.nan).nanmean(0)


def _counts(predicted: Tensor, labels: Tensor, label: int) -> Tensor:
    """Return ``(N, 2)``: pixels that both call ``label``, and the sum of what each does."""
    ours, true = (predicted == label).flatten(1), (labels == label).flatten(1)
    return torch.stack([(ours & true).sum(1), ours.sum(1) + true.sum(1)], 1)


def mean_dice(dice: Tensor) -> float:
    """Mean over the objects that occur; 0 where none does."""
    return float(dice.nanmean().nan_to_num(0.0))
