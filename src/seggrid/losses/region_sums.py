"""Errors of the softmax summed over a grid of sub-regions, with their gradient on the logits written out."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class RegionErrors(NamedTuple):
    """Sums over the pixels of each sub-region, all (N, C, *grid).

    Attributes:
        errors: the false positives sum p (1 - g), or all squared errors sum (p - g)^2; differentiable.
        missed: the false negatives sum (1 - p) g, differentiable.
        areas: sum g.
    """

    errors: Tensor
    missed: Tensor
    areas: Tensor


class Grid:
    """Disjoint sub-regions of an image, along each axis those of ``numpy.array_split``.

    Args:
        shape: S, sides of the image in pixels.
        regions: sub-regions along each axis; an axis with fewer pixels has one for each.
    """

    def __init__(self, shape: torch.Size, regions: int) -> None:
        self.sides = tuple(shape)
        self.counts = tuple(min(side, regions) for side in shape)

    def sum(self, values: Tensor) -> Tensor:
        """Return the sums (N, C, *grid) of values (N, C, *S)."""
        for axis in range(len(self.sides)):
            values = self._sum_along(values, axis)
        return values

    def spread(self, values: Tensor) -> Tensor:
        """Return the value of its sub-region for every pixel, (N, C, *S), of values (N, C, *grid)."""
        return self._spread_columns(values).index_select(2, self._regions_along(0, values.device))

    def rows(self, target: Tensor) -> Tensor:
        """Return where label and sub-region along the first axis stand among C times as many, (N, S0, S1 ...)."""
        regions = self._regions_along(0, target.device).unsqueeze(1)
        return torch.add(regions, target.flatten(2), alpha=self.counts[0])

    def sum_by_class(self, values: Tensor, rows: Tensor, num_classes: int) -> Tensor:
        """Return the sums (N, C, *grid) of values (N, *S) over the pixels of each class.

        Columns are summed apart first: neighbours then never wait for the same address.
        """
        shape = (len(values), num_classes * self.counts[0], rows.shape[2])
        columns = torch.zeros(shape, dtype=values.dtype, device=values.device)
        columns.scatter_add_(1, rows, values.flatten(2))
        sums = columns.view(len(values), num_classes, self.counts[0], *self.sides[1:])
        for axis in range(1, len(self.sides)):
            sums = self._sum_along(sums, axis)
        return sums

    def at_label(self, values: Tensor, rows: Tensor) -> Tensor:
        """Return the value of its class and sub-region for every pixel, (N, *S), of values (N, C, *grid)."""
        columns = self._spread_columns(values).flatten(1, 2).flatten(2)
        return columns.gather(1, rows).view(len(values), *self.sides)

    def _sum_along(self, values: Tensor, axis: int) -> Tensor:
        count, dim = self.counts[axis], axis + 2
        size, wider = divmod(self.sides[axis], count)  # the first ``wider`` sub-regions have a pixel more
        first, rest = values.split([wider * (size + 1), (count - wider) * size], dim)
        sums = rest.unflatten(dim, (count - wider, size)).sum(dim + 1)
        return torch.cat([first.unflatten(dim, (wider, size + 1)).sum(dim + 1), sums], dim) if wider else sums

    def _spread_columns(self, values: Tensor) -> Tensor:
        for axis in range(1, len(self.sides)):
            values = values.index_select(axis + 2, self._regions_along(axis, values.device))
        return values

    def _regions_along(self, axis: int, device: torch.device) -> Tensor:
        size, wider = divmod(self.sides[axis], self.counts[axis])
        pixels = torch.arange(self.sides[axis], device=device)
        return torch.maximum(pixels // (size + 1), (pixels - wider) // size)


def region_errors(
    logits: Tensor, probabilities: Tensor, target: Tensor, regions: int, squared: bool = False
) -> RegionErrors:
    """Return the errors of each image, class and sub-region.

    Args:
        logits, probabilities: (N, C, *S).
        target: (N, *S) int64, of which g is the one-hot form.
        regions: sub-regions along each axis.
        squared: sum all squared errors in place of the false positives.
    """
    grid = Grid(target.shape[1:], regions)
    rows = grid.rows(target)
    errors, missed = _RegionErrors.apply(logits, probabilities, target.unsqueeze(1), rows, grid, squared)
    areas = grid.sum_by_class(logits.new_ones(()).expand_as(target), rows, logits.shape[1])
    return RegionErrors(errors, missed, areas)


class _RegionErrors(Function):
    """From what the other classes of a pixel have, not from 1 - p_y, so that the smallest errors keep their digits."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, probabilities: Tensor, index: Tensor, rows: Tensor, grid: Grid, squared: bool
    ) -> tuple[Tensor, Tensor]:
        classes = logits.shape[1]
        others = probabilities.scatter(1, index, torch.zeros_like(index, dtype=logits.dtype))
        wrong = others.sum(1)  # 1 - p_y
        ctx.save_for_backward(probabilities, wrong, index, rows)
        ctx.grid, ctx.squared = grid, squared
        missed = grid.sum_by_class(wrong, rows, classes)
        if not squared:
            return grid.sum(others), missed
        return grid.sum(others.square_()) + grid.sum_by_class(wrong.square(), rows, classes), missed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, on_errors: Tensor, on_missed: Tensor) -> tuple[Tensor, None, None, None, None, None]:
        probabilities, wrong, index, rows = ctx.saved_tensors
        result = ctx.grid.spread(on_errors).mul_(probabilities)
        at_true = ctx.grid.at_label(on_missed, rows)
        if ctx.squared:
            result.mul_(probabilities).mul_(2)
            at_true.addcmul_(ctx.grid.at_label(on_errors, rows), wrong, value=2)
        result.scatter_(1, index, at_true.mul_(wrong - 1).unsqueeze(1))
        return result.addcmul_(probabilities, result.sum(1, keepdim=True), value=-1), None, None, None, None, None
