"""The forward pass in a run's precision and memory layout, the same in training and inference."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor, nn

from seggrid.networks.convolutions import FullPrecisionOfShortSides
from seggrid.networks.precision import PRECISIONS, computed_precision
from seggrid.networks.segmentation import Outputs, SegmentationNetwork

#: Memory layout with the channels last, by the axes of a batch, and the convolutions that it is for.
_LAYOUTS = {4: (torch.channels_last, nn.Conv2d), 5: (torch.channels_last_3d, nn.Conv3d)}


def place(network: nn.Module, device: torch.device, channels_last: bool) -> nn.Module:
    """Move a network to the device and its convolutions to the memory layout."""
    network = network.to(device)
    for layout, convolution in _LAYOUTS.values() if channels_last else ():
        if any(isinstance(module, convolution) for module in network.modules()):
            network = network.to(memory_format=layout)
    return network


def compute_logits(network: nn.Module, images: Tensor, precision: str, channels_last: bool) -> Tensor:
    """Return float32 logits ``(N, C, *S)`` of images ``(N, C_in, *S)`` on the network's device."""
    return compute_outputs(network, images, precision, channels_last).logits


def compute_outputs(network: nn.Module, images: Tensor, precision: str, channels_last: bool) -> Outputs:
    """Return logits ``(N, C, *S)`` and auxiliary outputs, float32, of images ``(N, C_in, *S)``.

    Args:
        precision: of the arithmetic, where the device of the images has it; see ``computed_precision``.
    """
    if channels_last and images.ndim in _LAYOUTS:
        images = images.contiguous(memory_format=_LAYOUTS[images.ndim][0])
    dtype = PRECISIONS[computed_precision(precision, images.device)]
    on_processor = images.device.type == "cpu" and dtype is torch.bfloat16
    with (
        torch.autocast(images.device.type, dtype=dtype, enabled=dtype is not torch.float32),
        FullPrecisionOfShortSides() if on_processor else contextlib.nullcontext(),
    ):
        found = network.outputs(images) if isinstance(network, SegmentationNetwork) else Outputs(network(images))
    return Outputs(found.logits.float(), {name: output.float() for name, output in found.auxiliary.items()})
