"""Maps of a batch: ours beside SciPy's transforms as they are usually written, and how the cost grows.

``python benchmarks/distance_maps.py [--growth] [--picture FILE]``: 8x5x256x256, float32, one thread, in turn, seconds
of the processor; a ratio above 1 is in our favour. ``--growth`` goes from 128^2 to 1024^2 pixels and from 2 to 20
classes, ``--picture`` draws that.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from public_losses import monai_distance_field, scipy_rectified, scipy_signed_distance
from seggrid.losses.maps import compute
from timing import hardware, keep_freed_buffers, medians_in_turn

IMAGES = 8
NAMES = ("signed_distance", "rectified", "distance_field")


PEERS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "signed_distance": scipy_signed_distance,
    "rectified": scipy_rectified,
    "distance_field": monai_distance_field,
}


def batch(side: int, classes: int, images: int = IMAGES) -> Tensor:
    """Labels (N, side, side): an ellipse an object, which may overlap, from a fixed seed."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side] / side
    target: npt.NDArray[np.int64] = np.zeros((images, side, side), np.int64)
    for image in target:
        for c in range(1, classes):
            (y, x), (height, width) = random.uniform(0.23, 0.78, 2), random.uniform(0.04, 0.18, 2)
            image[((rows - y) / height) ** 2 + ((columns - x) / width) ** 2 < 1] = c
    return torch.from_numpy(target)


def ways(name: str, target: Tensor, classes: int) -> dict[str, Callable[[], object]]:
    """Ours and the peer, which must agree."""
    ours, peer = compute([name], target, classes)[name], PEERS[name](target, classes)
    torch.testing.assert_close(ours, peer, rtol=1e-5, atol=1e-4)
    return {"ours": lambda: compute([name], target, classes), "peer": lambda: PEERS[name](target, classes)}


def compare(rounds: int) -> None:
    """Print a line a map."""
    print(f"{'8x5x256x256':<20}{'ours ms':>10}{'peer ms':>10}{'peer/ours':>11}")
    for name in NAMES:
        found = medians_in_turn(ways(name, batch(256, 5), 5), rounds, time.process_time)
        print(
            f"{name:<20}{1e3 * found['ours']:>10.1f}{1e3 * found['peer']:>10.1f}{found['peer'] / found['ours']:>11.1f}"
        )


def growth(rounds: int, picture: Path | None) -> None:
    """Print how the time of one image grows with its sides and with the number of classes."""
    settings = [(side, 5) for side in (128, 256, 512, 1024)] + [(256, classes) for classes in (2, 5, 10, 20)]
    times: dict[str, list[float]] = {name: [] for name in NAMES}
    print(f"{'ms an image':<16}" + "".join(f"{name:>18}" for name in NAMES))
    for side, classes in settings:
        target = batch(side, classes, 2)
        for name in NAMES:
            median = medians_in_turn({name: partial(compute, [name], target, classes)}, rounds, time.process_time)
            times[name].append(1e3 * median[name] / len(target))
        row = "".join(f"{times[name][-1]:>18.2f}" for name in NAMES)
        print(f"{f'{side}x{side}, {classes}':<16}{row}")
    if picture is not None:
        draw(settings, times, picture)


def draw(settings: list[tuple[int, int]], times: dict[str, list[float]], picture: Path) -> None:
    """Two panels: by side at 5 classes, by classes at 256x256."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
    half = len(settings) // 2
    for name, values in times.items():
        axes[0].plot([side for side, _ in settings[:half]], values[:half], marker="o", label=name)
        axes[1].plot([classes for _, classes in settings[half:]], values[half:], marker="o", label=name)
    axes[0].set(xlabel="side in pixels, 5 classes", ylabel="ms an image", xscale="log", yscale="log")
    axes[0].set_xticks([side for side, _ in settings[:half]], [str(side) for side, _ in settings[:half]], minor=False)
    axes[0].minorticks_off()
    axes[1].set(xlabel="classes, 256x256", ylim=0)
    axes[0].legend()
    figure.savefig(picture, dpi=130)


def main() -> None:
    """Print the hardware and the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    keep_freed_buffers()
    print(hardware())
    compare(options.rounds)
    if options.growth or options.picture:
        growth(options.rounds, options.picture)


if __name__ == "__main__":
    main()
