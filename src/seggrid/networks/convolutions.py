"""Convolutions that a processor computes wrongly in bf16."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_CONVOLUTIONS = (
    torch.conv1d, torch.conv2d, torch.conv3d,
    torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d,
)  # fmt: skip


class FullPrecisionOfShortSides(TorchFunctionMode):
    """Inside autocast on a processor: a convolution with an input shorter than its kernel is computed in float32.

    Of such a convolution, as on the deepest level of a V-Net, torch 2.15 (oneDNN, avx512_bf16) reads memory that nobody
    has written for the weights' gradient in bf16: it is any number, or NaN. The inputs are so small that float32 costs
    nothing. Dilated and depthwise ones are right.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if function in _CONVOLUTIONS and len(args) > 1 and _is_short(*args[:2]):
            with torch.autocast("cpu", enabled=False):
                tensors = [value.float() if isinstance(value, Tensor) else value for value in args]
                return function(*tensors, **kwargs)
        return function(*args, **kwargs)


def _is_short(images: Tensor, weight: Tensor) -> bool:
    return any(side < length for side, length in zip(images.shape[2:], weight.shape[2:], strict=False))
