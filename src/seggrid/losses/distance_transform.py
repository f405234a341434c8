"""Exact Euclidean distance transform in torch, for devices to which no compiled transform has access."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

CHUNK = 2**26
"""Largest number of float32 candidates held at once (256 MiB)."""


def squared_distance(seeds: Tensor, spacing: Sequence[float]) -> Tensor:
    """Return the squared Euclidean distance of every pixel to the nearest seed.

    Separable: the first axis by running maxima, each further axis as the exact minimum over its parabolas,
    in chunks of bounded memory, without a loop that depends on the values and so without waiting for the
    device.

    Args:
        seeds: (..., *S) bool, True at the seeds; as many last axes as ``spacing`` has numbers.
        spacing: distance of neighbouring pixels, one per axis of S.

    Returns:
        float32 of the same shape; infinity where an image has no seed.

    Source: Felzenszwalb & Huttenlocher 2012 (Distance transforms of sampled functions), eq 2, evaluated in
    full instead of by lower envelopes, which are sequential.
    """
    squared = _first_axis(seeds, spacing[-1])
    for axis in range(2, len(spacing) + 1):
        squared = _next_axis(squared.movedim(-axis, -1), spacing[-axis]).movedim(-1, -axis)
    return squared.contiguous()


def _first_axis(seeds: Tensor, step: float) -> Tensor:
    """Squared distance to the nearest seed along the last axis."""
    length = seeds.shape[-1]
    position = torch.arange(length, device=seeds.device, dtype=torch.float32)
    never = torch.full((), -torch.inf, device=seeds.device)
    before = torch.where(seeds, position, never).cummax(-1).values
    after = torch.where(seeds.flip(-1), position, never).cummax(-1).values.flip(-1)
    nearest = torch.minimum(position - before, position.flip(-1) - after)
    return (nearest * step).square_()


def _next_axis(squared: Tensor, step: float) -> Tensor:
    """min over j of f(j) + (step (i - j))^2 along the last axis."""
    length = squared.shape[-1]
    position = torch.arange(length, device=squared.device, dtype=torch.float32) * step
    parabolas = (position[:, None] - position[None, :]).square_()
    rows = squared.reshape(-1, 1, length)
    size = max(CHUNK // length**2, 1)
    return torch.cat([(part + parabolas).amin(-1) for part in rows.split(size)]).view(squared.shape)
