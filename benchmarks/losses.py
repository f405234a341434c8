"""Time of our losses and maps beside the public implementations: ``python benchmarks/losses.py``.

Forward and backward at 8x5x256x256, float32, one thread. Ours and the peer run in turn, so that both see the same
machine; the ratio of the two medians is printed, below 1 where ours is faster. Times are seconds of the processor,
which on an idle machine are those of the clock.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F
from monai.losses import DiceLoss
from scipy import ndimage
from torch import Tensor

from seggrid.config.mixture import Mixture
from seggrid.losses import MixtureLoss
from seggrid.losses.boundary import Boundary
from seggrid.losses.cross_entropy import CrossEntropy, DualLevelCrossEntropy, WeightedCrossEntropy
from seggrid.losses.dice import Dice
from seggrid.losses.maps import compute

IMAGES, CLASSES, SIDE = 8, 5, 256
ROUNDS = 31
MIXTURE = "0.50*dual_level_ce + 0.25*dice + 0.25*boundary"


class Pair(NamedTuple):
    """Two ways to the same numbers; ``step`` adds the backward pass."""

    ours: str
    run_ours: Callable[[Tensor], Tensor]
    peer: str
    run_peer: Callable[[Tensor], Tensor]


def main() -> None:
    """Print the hardware and one line a pair."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    # As the activations of a network do: from now on glibc keeps freed buffers of this size instead of returning
    # their pages after each step, which by chance would cost one side of a pair more than the other.
    torch.zeros(31 * 2**18)
    print(f"{_processor()}, 1 thread, torch {torch.__version__}, {IMAGES}x{CLASSES}x{SIDE}x{SIDE}, {ROUNDS} rounds")
    print(f"{'ours':<28}{'peer':<42}{'ours ms':>9}{'peer ms':>9}{'ratio':>7}")
    logits, target = _batch()
    for pair in _cross_entropy_pairs(target) + _dice_pairs(target) + _distance_pairs(target):
        ours, peer = _interleaved(_step(pair.run_ours, logits), _step(pair.run_peer, logits))
        print(f"{pair.ours:<28}{pair.peer:<42}{ours * 1e3:>9.2f}{peer * 1e3:>9.2f}{ours / peer:>7.2f}")


def _cross_entropy_pairs(target: Tensor) -> list[Pair]:
    areas = _areas(target)
    plain = CrossEntropy(CLASSES)
    one_level = WeightedCrossEntropy(CLASSES, areas)
    two_levels = DualLevelCrossEntropy(CLASSES, areas)
    by_image = DualLevelCrossEntropy(CLASSES, areas="image")
    weight = two_levels.weights.float()
    peer = "torch cross_entropy"
    return [
        Pair("ce", lambda x: plain(x, target), peer, lambda x: F.cross_entropy(x, target)),
        *(
            Pair(
                name,
                lambda x, loss=loss: loss(x, target),  # type: ignore[misc]
                f"{peer}(weight)",
                lambda x: F.cross_entropy(x, target, weight=weight),
            )
            for name, loss in (
                ("weighted_ce", one_level),
                ("dual_level_ce", two_levels),
                ("dual_level_ce(areas=image)", by_image),
            )
        ),
    ]


def _dice_pairs(target: Tensor) -> list[Pair]:
    labels = target.unsqueeze(1)
    objects, everything = Dice(CLASSES), Dice(CLASSES, batch=True, background=True)
    monai = DiceLoss(softmax=True, to_onehot_y=True, include_background=False)
    public = smp.losses.DiceLoss("multiclass")
    return [
        Pair("dice", lambda x: objects(x, target), "MONAI DiceLoss(softmax)", lambda x: monai(x, labels)),
        Pair(
            "dice(batch, background)",
            lambda x: everything(x, target),
            "smp DiceLoss",
            lambda x: public(x, target),
        ),
    ]


def _distance_pairs(target: Tensor) -> list[Pair]:
    boundary = Boundary(CLASSES)
    given = _our_map(target)
    areas = _areas(target)
    mixture = MixtureLoss(Mixture.model_validate(MIXTURE), [f"object{c}" for c in range(1, CLASSES)], areas)
    weight = mixture.losses[0].weights.float()
    dice = DiceLoss(softmax=True, to_onehot_y=True, include_background=False)

    def made(x: Tensor) -> Tensor:
        return boundary(x, target, {"signed_distance": _our_map(target)})

    def terms(x: Tensor) -> Tensor:
        cross_entropy = F.cross_entropy(x, target, weight=weight)
        return 0.5 * cross_entropy + 0.25 * dice(x, target.unsqueeze(1)) + 0.25 * _surface(x, _scipy_map(target))

    return [
        Pair(
            "boundary, map given",
            lambda x: boundary(x, target, {"signed_distance": given}),
            "softmax and product, map given",
            lambda x: _surface(x, given),
        ),
        Pair("boundary", made, "softmax and product, scipy map", lambda x: _surface(x, _scipy_map(target))),
        Pair(
            "signed_distance",
            lambda _: _our_map(target),
            "scipy map",
            lambda _: _scipy_map(target),
        ),
        Pair(
            "mixture of these three",
            lambda x: mixture(x, target)[0],
            "torch, MONAI, scipy map, each alone",
            terms,
        ),
    ]


def _surface(logits: Tensor, maps: Tensor) -> Tensor:
    """Boundary loss as it is usually written."""
    return (logits.softmax(1)[:, 1:] * maps[:, 1:]).mean()


def _our_map(target: Tensor) -> Tensor:
    return compute(["signed_distance"], target, CLASSES)["signed_distance"]


def _scipy_map(target: Tensor) -> Tensor:
    """Signed distance as it is usually written, two transforms an object."""
    maps = np.zeros((len(target), CLASSES, *target.shape[1:]), np.float32)
    for image, channels in zip(target.numpy(), maps, strict=True):
        for c in range(1, CLASSES):
            inside = image == c
            if inside.any():
                inner = ndimage.distance_transform_edt(inside)
                channels[c] = np.where(inside, 1 - inner, ndimage.distance_transform_edt(~inside))
    return torch.from_numpy(maps)


def _batch() -> tuple[Tensor, Tensor]:
    """Random logits and four overlapping ellipses an image, from a fixed seed."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    target = np.zeros((IMAGES, SIDE, SIDE), np.int64)
    for image in target:
        for c in range(1, CLASSES):
            (y, x), (height, width) = random.uniform(60, 200, 2), random.uniform(10, 45, 2)
            image[((rows - y) / height) ** 2 + ((columns - x) / width) ** 2 < 1] = c
    logits = torch.randn(IMAGES, CLASSES, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    return logits.requires_grad_(), torch.from_numpy(target)


def _areas(target: Tensor) -> Tensor:
    return torch.bincount(target.flatten(), minlength=CLASSES).double()


def _step(run: Callable[[Tensor], Tensor], logits: Tensor) -> Callable[[], None]:
    def step() -> None:
        logits.grad = None
        result = run(logits)
        if result.requires_grad:
            result.backward()

    return step


def _interleaved(first: Callable[[], None], second: Callable[[], None]) -> tuple[float, float]:
    """Return the median processor seconds of both, run in turn, either first, after two warm-up rounds."""
    seconds: tuple[list[float], list[float]] = ([], [])
    pairs = list(zip((first, second), seconds, strict=True))
    for number in range(ROUNDS + 2):
        for run, times in pairs if number % 2 else reversed(pairs):
            start = time.process_time()
            run()
            if number >= 2:
                times.append(time.process_time() - start)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")


if __name__ == "__main__":
    main()
