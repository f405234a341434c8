"""Time of every loss beside the public implementations: ``python benchmarks/losses.py [--only NAME ...]``.

Forward and backward at 8x5x256x256, float32, one thread, maps included. Ours and its peers run in turn, so that all
see the same machine; times are seconds of the processor, which on an idle machine are those of the clock. The ratio is
that to the fastest peer, below 1 where ours is faster.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import cv2
import torch
from torch import Tensor

from distance_maps import batch
from public_losses import PEERS, boundary, by_monai, monai, weighted_cross_entropy
from seggrid.catalogue import LOSSES
from seggrid.config.mixture import Mixture
from seggrid.losses import MixtureLoss
from timing import hardware, keep_freed_buffers, medians_in_turn

CLASSES, SIDE = 5, 256
PAPER = "0.50*dual_level_ce + 0.25*dice + 0.25*boundary"


def separate_terms(logits: Tensor, target: Tensor) -> Tensor:
    """The mixture of the paper, each term on its own."""
    dice = by_monai(monai.DiceLoss, softmax=True, include_background=False)
    return 0.5 * weighted_cross_entropy(logits, target) + 0.25 * dice(logits, target) + 0.25 * boundary(logits, target)


def step(loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, target: Tensor) -> None:
    """Forward and backward."""
    logits.grad = None
    loss(logits, target).backward()


def main() -> None:
    """Print the hardware and a line an expression."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="*", default=list(LOSSES), choices=list(LOSSES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    keep_freed_buffers()
    target = batch(SIDE, CLASSES)
    logits = torch.randn(len(target), CLASSES, SIDE, SIDE, generator=torch.Generator().manual_seed(0)).requires_grad_()
    areas = torch.bincount(target.flatten(), minlength=CLASSES).double()
    names = [f"object{c}" for c in range(1, CLASSES)]
    pairs = {name: peers for name, peers in PEERS.items() if name.partition("(")[0] in options.only}
    print(f"{hardware()}; {len(target)}x{CLASSES}x{SIDE}x{SIDE}, median of {options.rounds}")
    print(f"{'ours':<60}{'ms':>8}  {'fastest public':<30}{'ms':>8}{'ratio':>7}")
    for name, peers in {**pairs, PAPER: {"torch, MONAI, SciPy, each alone": separate_terms}}.items():
        loss = MixtureLoss(Mixture.model_validate(name), names, areas)
        ways = {"": lambda x, y, loss=loss: loss(x, y)[0], **peers}
        seconds = medians_in_turn(
            {key: partial(step, way, logits, target) for key, way in ways.items()}, options.rounds, time.process_time
        )
        ours = seconds.pop("")
        fastest = min(seconds, key=lambda key: seconds[key])
        peer = seconds[fastest]
        print(f"{name:<60}{1e3 * ours:>8.1f}  {fastest:<30}{1e3 * peer:>8.1f}{ours / peer:>7.2f}", flush=True)


if __name__ == "__main__":
    main()
