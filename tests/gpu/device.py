"""What the tests on a GPU share: the device, and the two modes in which a step must work there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

CUDA = torch.device("cuda")


@contextmanager
def deterministic() -> Iterator[None]:
    """Let every operation raise that has no deterministic kernel, as in a training."""
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextmanager
def without_waiting() -> Iterator[None]:
    """Let everything raise that makes the host wait for the device."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")
