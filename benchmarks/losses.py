"""Time of every loss beside the public implementations: ``python benchmarks/losses.py [--only NAME ...]``.

Forward and backward at 8x5x256x256, float32, one thread, maps included. Ours and its peers must give the same value
and gradient before they are timed, so every peer has our parameters. They run in turn, so that all see the same
machine; times are seconds of the processor, which on an idle machine are those of the clock. The ratio is that to the
fastest peer, below 1 where ours is faster. ``boundary`` has two rows: its map made in the step, and its map at
hand on both sides.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial

import cv2
import torch
from torch import Tensor

from distance_maps import batch
from public_losses import PAPER, Public, peers, scipy_signed_distance, with_map
from seggrid.catalogue import LOSSES
from seggrid.config.mixture import Mixture, Term
from seggrid.losses import MixtureLoss, build, maps
from timing import hardware, medians_in_turn, run_as_a_training

CLASSES, SIDE = 5, 256


def compared(target: Tensor) -> dict[str, tuple[Public, Mapping[str, Public]]]:
    """Return what is measured: a line's name -> ours and its peers."""
    areas = torch.bincount(target.flatten(), minlength=CLASSES).double()
    names = [f"object{c}" for c in range(1, CLASSES)]

    def ours(expression: str) -> Public:
        return sum_of(MixtureLoss(Mixture.model_validate(expression), names, areas))

    lines: dict[str, tuple[Public, Mapping[str, Public]]] = {
        expression: (ours(expression), found) for expression, found in peers(areas).items()
    }
    alone = build(Term(loss="boundary"), CLASSES, None)
    given = maps.compute(["signed_distance"], target, CLASSES)
    theirs = with_map(scipy_signed_distance(target, CLASSES))
    lines["boundary, map at hand"] = (lambda x, y: alone(x, y, given), {"torch, map at hand": theirs})
    return lines


def sum_of(loss: MixtureLoss) -> Public:
    """Return a mixture without the values of its terms."""
    return lambda x, y: loss(x, y)[0]


def check_same(ours: Public, theirs: Public, logits: Tensor, target: Tensor) -> None:
    """Raise where a peer is another loss: in value, or in gradient relative to its largest entry."""
    values = [loss(logits, target) for loss in (ours, theirs)]
    torch.testing.assert_close(values[0], values[1].to(values[0].dtype), rtol=1e-4, atol=1e-6)
    gradients = [torch.autograd.grad(value, logits)[0] for value in values]
    scale = float(gradients[1].abs().max())
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-4 * scale)


def step(loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, target: Tensor) -> None:
    """Forward and backward."""
    logits.grad = None
    loss(logits, target).backward()


def main() -> None:
    """Print the hardware and a line an expression."""
    run_as_a_training()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="*", default=[*LOSSES, PAPER], choices=[*LOSSES, PAPER])
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    target = batch(SIDE, CLASSES)
    logits = torch.randn(len(target), CLASSES, SIDE, SIDE, generator=torch.Generator().manual_seed(0)).requires_grad_()
    print(f"{hardware()}; {len(target)}x{CLASSES}x{SIDE}x{SIDE}, median of {options.rounds}")
    print(f"{'ours':<60}{'ms':>8}  {'fastest public':<32}{'ms':>8}{'ratio':>7}")
    for name, (ours, theirs) in compared(target).items():
        if name not in options.only and name.partition("(")[0].partition(",")[0] not in options.only:
            continue
        for peer in theirs.values():
            check_same(ours, peer, logits, target)
        ways = {"": ours, **theirs}
        seconds = medians_in_turn(
            {key: partial(step, way, logits, target) for key, way in ways.items()}, options.rounds, time.process_time
        )
        own = seconds.pop("")
        fastest = min(seconds, key=lambda key: seconds[key])
        peer_time = seconds[fastest]
        print(f"{name:<60}{1e3 * own:>8.1f}  {fastest:<32}{1e3 * peer_time:>8.1f}{own / peer_time:>7.2f}", flush=True)


if __name__ == "__main__":
    main()
