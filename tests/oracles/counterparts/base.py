"""What a counterpart is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

Compute = Callable[[Tensor, Tensor], Tensor]
#: Tolerance where the reference ran in float64, in float32, and where float32 distances enter.
FLOAT64, FLOAT32, DISTANCE = 1e-9, 2e-6, 1e-4


class Counterpart(NamedTuple):
    """Our way to a public value from logits and target, and how close it has to come.

    Attributes:
        compute: returns what the entry holds: a scalar, or an array of its shape.
        tolerance: relative to the largest value.
        axes: 2-D, 3-D or both: where the public code computes the same.
        rounding: absolute, of the value: what 1 - p loses at a near-perfect p.
    """

    compute: Compute
    tolerance: float = FLOAT64
    axes: tuple[int, ...] = (2, 3)
    rounding: float = 1e-15
