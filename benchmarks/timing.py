"""What the benchmarks share: measuring several ways to do the same work in turn, and a line on the hardware."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import torch

from seggrid.provenance import processor
from seggrid.training.supervise import KEEP_MEMORY


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


def run_as_a_training() -> None:
    """Begin this script anew where the allocator is not told what `seggrid train` tells it: to keep what is freed.

    Otherwise it returns the pages of large tensors after each call, which by chance costs one way more than another.
    """
    if not KEEP_MEMORY.keys() <= os.environ.keys():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**KEEP_MEMORY, **os.environ})  # noqa: S606 (itself)


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
