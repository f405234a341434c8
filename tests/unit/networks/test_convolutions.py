"""Gradients in bf16 are those of fp32, but for rounding, also where a processor emulates bf16."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from seggrid.networks import SegmentationNetwork, place
from seggrid.networks.convolutions import FullPrecisionOfShortSides


def gradient(network: nn.Module, images: Tensor) -> Tensor:
    """Of the weights; with NaN in the memory that is free, for what reads it without having written."""
    network.zero_grad()
    for size in (10_000_000, 1_000_000, 100_000):
        torch.full((size,), torch.nan)
    network(images).float().square().sum().backward()
    weight = next(network.parameters())
    assert weight.grad is not None
    return weight.grad.clone()


@pytest.mark.parametrize(
    ("convolution", "size"),
    [
        (nn.Conv3d(64, 64, 5, padding=2), (4, 4, 4)),
        (nn.Conv3d(64, 64, 3, padding=1), (2, 8, 8)),
        (nn.Conv3d(64, 64, 3, padding=1), (2, 2, 2)),
        (nn.Conv3d(64, 64, 3, padding=1), (4, 4, 4)),
        (nn.ConvTranspose3d(64, 32, 3, 2, 1), (1, 1, 1)),
        (nn.Conv2d(64, 64, 3, 2, 1), (1, 1)),
    ],
)
def test_of_inputs_shorter_than_a_kernel(convolution: nn.Module, size: tuple[int, ...]) -> None:
    network = place(SegmentationNetwork(convolution, stride=1), torch.device("cpu"), channels_last=True)
    images = torch.randn(2, 64, *size, generator=torch.Generator().manual_seed(0))
    expected = gradient(network, images)
    for _ in range(3):
        with torch.autocast("cpu", torch.bfloat16), FullPrecisionOfShortSides():
            found = gradient(network, images)
        assert (found - expected).abs().max() < 0.03 * expected.abs().max()
