"""From a network's probabilities back to the original image."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from seggrid.data.preprocessing.geometry import Record

_INTERPOLATION = {2: "bilinear", 3: "trilinear"}


def restore(probabilities: Tensor, geometry: Sequence[Record], original_shape: Sequence[int]) -> Tensor:
    """Undo the geometric steps, the last one first.

    Padding is cut off, sizes are restored by linear interpolation of the probabilities (so classes still sum to 1),
    and what a crop left out is background.

    Args:
        probabilities: ``(C, *S)``, class 0 the background, 2-D or 3-D.
        geometry: records of ``seggrid.data.preprocessing.geometry``.
        original_shape: size of the original image.

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
            mode = _INTERPOLATION[len(before)]
            probabilities = functional.interpolate(probabilities[None], before, mode=mode, align_corners=False)[0]
        else:
            whole = probabilities.new_zeros((len(probabilities), *before))
            whole[0] = 1
            inside = tuple(slice(a, b) for a, b in zip(record["start"], record["stop"], strict=True))
            whole[(slice(None), *inside)] = probabilities
            probabilities = whole
    if tuple(probabilities.shape[1:]) != tuple(original_shape):
        raise ValueError(f"restored to {tuple(probabilities.shape[1:])}, not to {tuple(original_shape)}")
    return probabilities
