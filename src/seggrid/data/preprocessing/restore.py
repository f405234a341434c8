"""From a network's probabilities back to the original image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from seggrid.data.preprocessing.geometry import Record

_INTERPOLATION = {2: "bilinear", 3: "trilinear"}


def restore(
    probabilities: Tensor, geometry: Sequence[Record], original_shape: Sequence[int], outside: float = 1.0
) -> Tensor:
    """Undo the geometric steps, the last one first.

    Padding is cut off, sizes are restored by linear interpolation of the probabilities (so classes still sum to 1),
    and what a crop left out is background.

    Args:
        probabilities: ``(C, *S)``, class 0 the background, 2-D or 3-D.
        geometry: records of ``seggrid.data.preprocessing.geometry``.
        original_shape: size of the original image.
        outside: the first class's probability where a crop left pixels out.

    Returns:
        ``(C, *original_shape)``.

    Raises:
        ValueError: the records do not lead from the size of ``probabilities`` to ``original_shape``.
    """
    for record in reversed(geometry):
        before = [int(side) for side in record["shape"]]
        if record["op"] == "pad":
            for axis, (start, length) in enumerate(zip(record["before"], before, strict=True), start=1):
                probabilities = probabilities.narrow(axis, start, length)
        elif record["op"] == "resize":
            probabilities = _interpolate(probabilities, before)
        else:
            whole = probabilities.new_zeros((len(probabilities), *before))
            whole[0] = outside
            inside = tuple(slice(a, b) for a, b in zip(record["start"], record["stop"], strict=True))
            whole[(slice(None), *inside)] = probabilities
            probabilities = whole
    if tuple(probabilities.shape[1:]) != tuple(original_shape):
        raise ValueError(f"restored to {tuple(probabilities.shape[1:])}, not to {tuple(original_shape)}")
    return probabilities


def _interpolate(probabilities: Tensor, size: Sequence[int]) -> Tensor:
    mode = _INTERPOLATION[len(size)]
    chosen = torch.are_deterministic_algorithms_enabled()
    # On a GPU torch would replace the kernel, of which only the gradient is not deterministic, by one that holds eight
    # volumes of the new size at once.
    torch.use_deterministic_algorithms(chosen and not probabilities.is_cuda)
    try:
        return functional.interpolate(probabilities[None], list(size), mode=mode, align_corners=False)[0]
    finally:
        torch.use_deterministic_algorithms(chosen)


def restore_labels(probabilities: Tensor, geometry: Sequence[Record], original_shape: Sequence[int]) -> Tensor:
    """Return the most likely class ``(*original_shape)``, uint8, of what ``restore`` gives; the first of equals.

    Volumes are restored a class at a time, for all of them at the original size may not fit into memory.
    """
    if len(original_shape) == 2:
        # The same as argmax, which takes twenty times as long over the first axis.
        return restore(probabilities, geometry, original_shape).max(0).indices.to(torch.uint8)
    best = restore(probabilities[:1], geometry, original_shape)[0].clone()
    labels = torch.zeros(best.shape, dtype=torch.uint8, device=best.device)
    for label in range(1, len(probabilities)):
        values = restore(probabilities[label : label + 1], geometry, original_shape, outside=0.0)[0]
        labels.masked_fill_(values > best, label)
        torch.maximum(best, values, out=best)
    return labels
