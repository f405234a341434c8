"""Where the time of a training step goes: our step over a bare one, and what augmentation, maps and losses take of it.

``python benchmarks/gpu_step.py [--device cuda] [--network DeepLabV3+_R50c] [--size 512] [--batch 16]
[--precision bf16]``. Where there is no GPU it says so and measures nothing; ``--device cpu --size 64 --batch 2
--rounds 2`` tries it on a processor.

- bare: synthetic tensors that lie on the device, plain cross-entropy, optimiser;
- ours: batch, default augmentation, maps, the mixture of the paper, optimiser, as ``seggrid train`` takes it;
- parts: what our step adds, each measured alone, so that they may overlap in a step but not here;
- losses: each of the catalogue forward and backward, its maps included, as a share of a bare step that has it in place
  of cross-entropy.

All ways are measured in turn; times are medians.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from losses import step as loss_step
from losses import sum_of
from seggrid.catalogue import LOSSES
from seggrid.config.mixture import Mixture
from seggrid.losses import MixtureLoss, maps
from seggrid.training.checkpoint import State
from seggrid.training.loop import Job, _augmenter, forward, sample_positions
from timing import hardware, medians_in_turn
from training_loop import STEPS, make_job, ours

Way = Callable[[], object]


def bare(job: Job, state: State, images: Tensor, labels: Tensor) -> Way:
    """As many steps as ours, on one batch that is ready."""

    def run() -> None:
        for _ in range(STEPS):
            loss = F.cross_entropy(forward(job, state, images).logits, labels)
            state.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            state.optimiser.step()

    return run


def parts(job: Job, logits: Tensor) -> dict[str, Way]:
    """What our step does beside the network and the optimiser."""
    (positions,) = sample_positions(len(job.train), job.training.batch_size, 1, torch.Generator().manual_seed(0))
    augment = _augmenter(job, 0)
    assert augment is not None
    images, labels = job.train.batch(positions)
    target = labels.long()
    given = partial(maps.compute, job.loss.maps, target, job.loss.num_classes)
    return {
        "batch": lambda: job.train.batch(positions),
        "augmentation": lambda: augment(images, labels),
        "maps": given,
        "loss with its maps": partial(loss_step, sum_of(job.loss), logits, target),
    }


def single_losses(job: Job, logits: Tensor, target: Tensor) -> dict[str, Way]:
    """Every loss of the catalogue with its default parameters, and torch's cross-entropy."""
    areas = torch.bincount(target.flatten(), minlength=logits.shape[1]).double().clamp_min(1)
    ways: dict[str, Way] = {"torch cross_entropy": partial(loss_step, F.cross_entropy, logits, target)}
    for name in (name for name, row in LOSSES.items() if not row.auxiliary):
        loss = MixtureLoss(Mixture.model_validate(name), job.class_names, areas).to(logits.device)
        ways[name] = partial(loss_step, sum_of(loss), logits, target)
    return ways


def report(job: Job, fresh: Callable[[], State], rounds: int) -> None:
    """Measure and print."""
    draws = torch.Generator().manual_seed(0)
    images, labels = job.train.batch(torch.arange(job.training.batch_size))
    synthetic = torch.randn(images.shape, generator=draws).to(job.device)
    target = labels.long()
    state = fresh()
    state.network.train()
    with torch.no_grad():
        logits = forward(job, state, synthetic).logits.requires_grad_()
    own = fresh()
    own.network.train()
    steps = medians_in_turn({"bare": bare(job, state, synthetic, target), "ours": ours(job, own)}, rounds)
    bare_step, our_step = (steps[name] / STEPS for name in ("bare", "ours"))
    print(f"{'bare step':<28}{1e3 * bare_step:>10.2f} ms")
    print(f"{'our step':<28}{1e3 * our_step:>10.2f} ms   bare/ours {bare_step / our_step:.3f}   aim 0.95")
    for name, seconds in medians_in_turn(parts(job, logits), rounds).items():
        print(f"  {name:<26}{1e3 * seconds:>10.2f} ms   {seconds / our_step:>6.1%} of our step")
    singles = medians_in_turn(single_losses(job, logits, target), rounds)
    rest = bare_step - singles["torch cross_entropy"]
    print("each loss, and its share of a step that has it alone")
    for name, seconds in singles.items():
        print(f"  {name:<26}{1e3 * seconds:>10.2f} ms   {seconds / (rest + seconds):>6.1%}")


def main() -> None:
    """Print the hardware, both steps, the parts and the losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--network", default="DeepLabV3+_R50c")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--deterministic", action="store_true")
    options = parser.parse_args()
    if options.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch looks for one
    elif not torch.cuda.is_available():
        print("torch sees no GPU here, so nothing was measured")
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEGGRID_RESULTS"] = str(Path(folder) / "results")
        job, fresh = make_job(options)
        shape = f"{options.batch}x1x{options.size}x{options.size}"
        print(f"{hardware()}, on {job.device.type}\n{options.network}, {shape}, {options.precision}")
        report(job, fresh, options.rounds)


if __name__ == "__main__":
    main()
