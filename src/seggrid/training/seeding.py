"""Every random number is a function of the run's seed, the epoch and a stream: resuming needs no saved state."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import torch


class Stream(IntEnum):
    """Independent sources of randomness."""

    INITIALISATION = 0
    NETWORK = 1
    SAMPLING = 2
    AUGMENTATION = 3
    NOISE = 4


def seed_of(seed: int, epoch: int, stream: Stream) -> int:
    """Return the 63-bit seed of one stream in one epoch."""
    state = np.random.SeedSequence([seed, epoch, int(stream)]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def generator(seed: int, epoch: int, stream: Stream, device: torch.device | None = None) -> torch.Generator:
    """Return a generator for one stream in one epoch."""
    return torch.Generator(device or "cpu").manual_seed(seed_of(seed, epoch, stream))
