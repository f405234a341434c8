"""The forward pass in a run's precision and memory layout, the same in training and inference."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def place(network: nn.Module, device: torch.device, channels_last: bool) -> nn.Module:
    """Move a network to the device and, where it has 2-D convolutions, to the memory layout."""
    network = network.to(device)
    flat = any(isinstance(module, nn.Conv2d) for module in network.modules())
    return network.to(memory_format=torch.channels_last) if channels_last and flat else network


def compute_logits(network: nn.Module, images: Tensor, precision: str, channels_last: bool) -> Tensor:
    """Return float32 logits ``(N, C, *S)`` of images ``(N, C_in, *S)`` on the network's device."""
    if channels_last and images.ndim == 4:
        images = images.contiguous(memory_format=torch.channels_last)
    dtype = PRECISIONS[precision]
    with torch.autocast(images.device.type, dtype=dtype, enabled=dtype is not torch.float32):
        logits: Tensor = network(images)
    return logits.float()
