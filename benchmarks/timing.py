"""What the benchmarks share: measuring several ways to do the same work in turn, and a line on the hardware."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch

from seggrid.provenance import processor


def hardware() -> str:
    """One line that names where the figures come from."""
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}{gpu}"


def seconds_of(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Time of one call, the GPU's queue included."""
    _finish()
    started = clock()
    work()
    _finish()
    return clock() - started


def medians_in_turn(
    ways: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Call every way once a round, so that all see the same machine; return the median seconds of each.

    The order turns round with every round. ``time.process_time`` as the clock leaves out what other processes take.
    """
    for work in ways.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: 1 if number % 2 else -1]:
            times[name].append(seconds_of(ways[name], clock))
    return {name: statistics.median(values) for name, values in times.items()}


def keep_freed_buffers() -> None:
    """Let glibc keep freed buffers of the size of a batch, as it does beside a network's activations.

    Otherwise it returns their pages after each call, which by chance would cost one way more than another.
    """
    torch.zeros(31 * 2**18)


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
