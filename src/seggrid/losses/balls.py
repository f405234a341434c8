"""Means over the ball around every pixel, by fast Fourier transform: their cost does not grow with the radius."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from scipy.fft import next_fast_len
from torch import Tensor


class Balls:
    """Balls of some radii around every pixel of an image, without what lies beyond its frame.

    Args:
        radii: in pixels.
        like: (N, C, *S), of which shape, type and device are taken.
    """

    def __init__(self, radii: Sequence[int], like: Tensor) -> None:
        self._sides = like.shape[2:]
        self._axes = tuple(range(2, like.ndim))
        # Padded so far that what a ball reaches around the torus is padding, or lies within the image no more.
        self._periods = [next_fast_len(side + min(max(radii), side - 1), real=True) for side in self._sides]
        distance = like.new_zeros((1, 1))
        for period in self._periods:
            steps = torch.arange(period, device=like.device)
            distance = distance.unsqueeze(-1) + torch.minimum(steps, period - steps).square()
        # A ball is symmetric, so its spectrum is real.
        self._spectra = [self._forward((distance <= radius**2).to(like.dtype)).real for radius in radii]
        everything = self._forward(like.new_ones((1, 1, *self._sides)))
        self._counts = [self._back(everything * spectrum).round() for spectrum in self._spectra]

    def means(self, maps: Tensor) -> Iterator[Tensor]:
        """Yield the mean of ``maps`` (N, C, *S) over the ball around every pixel, differentiable, for each radius."""
        transformed = self._forward(maps)
        for spectrum, count in zip(self._spectra, self._counts, strict=True):
            yield self._back(transformed * spectrum) / count

    def _forward(self, maps: Tensor) -> Tensor:
        return torch.fft.rfftn(maps, s=self._periods, dim=self._axes)

    def _back(self, spectrum: Tensor) -> Tensor:
        padded = torch.fft.irfftn(spectrum, s=self._periods, dim=self._axes)
        for axis, side in zip(self._axes, self._sides, strict=True):
            padded = padded.narrow(axis, 0, side)
        return padded
