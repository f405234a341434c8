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


def seconds_of(work: Callable[[], object]) -> float:
    """Time of one call, the GPU's queue included."""
    _finish()
    started = time.perf_counter()
    work()
    _finish()
    return time.perf_counter() - started


def medians_in_turn(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Call every way once a round, so that all see the same machine; return the median seconds of each."""
    for work in ways.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            times[name].append(seconds_of(work))
    return {name: statistics.median(values) for name, values in times.items()}


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
