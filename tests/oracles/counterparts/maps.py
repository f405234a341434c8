"""Losses that read maps."""

from __future__ import annotations

from torch import Tensor

from seggrid.losses import maps
from seggrid.losses.boundary import Boundary
from tests.oracles.counterparts.base import FLOAT32, Counterpart


def boundary(logits: Tensor, target: Tensor) -> Tensor:
    classes = logits.shape[1]
    return Boundary(classes)(logits, target, maps.compute(["signed_distance"], target, classes))


COUNTERPARTS = {
    "boundary_fg@liviaets": Counterpart(boundary, FLOAT32),
    "boundary_fg@segloss": Counterpart(boundary, FLOAT32),
}
DEFINED_OTHERWISE = {
    "boundary_all@liviaets": "counts the background channel",
    "boundary_rwl@rwl": "-d inside instead of -(d-1), and a stale map for an absent class",
}
