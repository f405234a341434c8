"""Maps of a batch: ours beside SciPy's transforms as they are usually written.

``python benchmarks/distance_maps.py``: 8x5x256x256, float32, one thread, in turn, seconds of the processor; a ratio
above 1 is in our favour. How they grow with the image and the classes prints ``benchmarks/growth.py``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from public_losses import monai_distance_field, scipy_rectified, scipy_signed_distance
from seggrid.losses.maps import compute
from timing import hardware, medians_in_turn, run_as_a_training

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


def main() -> None:
    """Print the hardware and a line a map."""
    run_as_a_training()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(hardware())
    compare(options.rounds)


if __name__ == "__main__":
    main()
