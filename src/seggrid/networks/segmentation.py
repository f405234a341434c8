"""What every network is: a body, images of any size, logits, and perhaps named outputs besides them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Outputs:
    """What a network says of a batch.

    Attributes:
        logits: ``(N, C, *S)``.
        auxiliary: further outputs by name, each ``(N, C', *S)``; losses address them, predictions do not.
    """

    logits: Tensor
    auxiliary: Mapping[str, Tensor] = field(default_factory=dict)


class SegmentationNetwork(nn.Module):
    """Pads the image to the stride of the network and crops what it gives back to the image.

    Args:
        body: ``(N, C_in, *S) -> (N, C, *S)``, or to ``Outputs``, for sides that are multiples of ``stride``.
        stride: pixels that one element of the deepest feature map stands for, of all axes or of each.
    """

    def __init__(self, body: nn.Module, stride: int | Sequence[int]) -> None:
        super().__init__()
        self.body = body
        self.stride = stride

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``(N, C, *S)`` for images ``(N, C_in, *S)``."""
        return self.outputs(images).logits

    def outputs(self, images: Tensor) -> Outputs:
        """Return logits and auxiliary outputs for images ``(N, C_in, *S)``."""
        size = images.shape[2:]
        strides = (self.stride,) * len(size) if isinstance(self.stride, int) else self.stride
        missing = [-side % stride for side, stride in zip(size, strides, strict=True)]
        if any(missing):
            # F.pad counts from the last axis; repeating the edge gives no step for the network to see.
            pad = [amount for side in reversed(missing) for amount in (side // 2, side - side // 2)]
            images = F.pad(images, pad, mode="replicate")
        found = self.body(images)
        outputs = found if isinstance(found, Outputs) else Outputs(found)
        auxiliary = {name: _cropped(output, size, missing) for name, output in outputs.auxiliary.items()}
        return Outputs(_cropped(outputs.logits, size, missing), auxiliary)


def _cropped(output: Tensor, size: Sequence[int], missing: Sequence[int]) -> Tensor:
    for axis, (side, amount) in enumerate(zip(size, missing, strict=True), start=2):
        if amount:
            output = output.narrow(axis, amount // 2, side)
    return output
