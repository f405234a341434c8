"""What makes a training step fast on a processor: memory layout, bfloat16, threads, the allocator and torch.compile.

``python benchmarks/cpu_levers.py``: U-Net ResNet-18, 8x1x256x256, cross-entropy, AdamW; the ways are taken in turn.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable

import segmentation_models_pytorch as smp
import torch

from seggrid.networks import compute_logits, place
from seggrid.training.supervise import KEEP_MEMORY
from timing import hardware, medians_in_turn

CPU = torch.device("cpu")


def make_step(precision: str, channels_last: bool, threads: int, compiled: bool) -> Callable[[], None]:
    """One optimiser step with the given levers."""
    torch.manual_seed(0)
    network = place(smp.Unet("resnet18", encoder_weights=None, in_channels=1, classes=5), CPU, channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters())
    if compiled:
        network.compile()
    images, labels = torch.randn(8, 1, 256, 256), torch.randint(5, (8, 256, 256))

    def step() -> None:
        torch.set_num_threads(threads)
        loss = torch.nn.functional.cross_entropy(compute_logits(network, images, precision, channels_last), labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return step


def report_allocator(rounds: int) -> None:
    """Print a step where freed memory goes back to the kernel, and where it stays, each in processes of their own."""
    seconds: dict[str, list[float]] = {"goes back": [], "stays": []}
    plain = {key: value for key, value in os.environ.items() if key not in KEEP_MEMORY}
    for _ in range(rounds):
        for name, found in seconds.items():
            environment = plain | (KEEP_MEMORY if name == "stays" else {})
            command = [sys.executable, __file__, "--one"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            found.append(float(done.stdout.split()[-1]))
    back, stays = (sorted(found)[len(found) // 2] for found in seconds.values())
    print(
        f"bf16, channels_last, 2 threads: freed memory goes back {back:.3f}, stays {stays:.3f} s, {back / stays:.2f} x"
    )


def main() -> None:
    """Print a line per combination."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile", action="store_true", help="also torch.compile (takes minutes)")
    parser.add_argument("--one", action="store_true", help="only the step of bf16, channels_last and 2 threads")
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    if options.one:
        print(medians_in_turn({"": make_step("bf16", True, 2, compiled=False)}, options.rounds)[""])
        return
    ways = {
        f"{precision}, {'channels_last' if layout else 'contiguous':<13}, {threads} threads": make_step(
            precision, layout, threads, compiled=False
        )
        for threads in (1, 2)
        for precision in ("fp32", "bf16")
        for layout in (False, True)
    }
    if options.compile:
        ways["bf16, channels_last, 2 threads, compile"] = make_step("bf16", True, 2, compiled=True)
    print(hardware())
    seconds = medians_in_turn(ways, options.rounds)
    plain = seconds["fp32, contiguous   , 2 threads"]
    for name, value in seconds.items():
        print(f"{name:<42}{value:7.3f} s   {8 / value:6.2f} images/s   {plain / value:5.2f} x plain")
    report_allocator(options.rounds)


if __name__ == "__main__":
    main()
