"""Training and prediction of volumes, beside a bare loop and MONAI's data loader.

``python benchmarks/volumes.py [--network UNet3D] [--patch 40 56 40] [--batch 8] [--precision bf16] [--rounds 7]``

Three tables: images a second of a training step (``bare`` and ``monai`` as in ``training_loop.py``); prediction of a
volume in windows, beside the forward passes of the same windows alone; and the memory that a prediction takes, by the
size of the volume, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import torch

from seggrid.config import Network, parse_experiment
from seggrid.data.preprocess import preprocess
from seggrid.data.store import Store
from seggrid.inference.device import choose_device, use_deterministic_kernels
from seggrid.inference.windows import predict_in_windows
from seggrid.networks import build_network, compute_logits, place
from seggrid.paths import DataFolder
from seggrid.plan import make_plan
from seggrid.specification import RunSpec, read_data
from seggrid.training.checkpoint import State
from seggrid.training.loop import Job
from seggrid.training.run import initial_state, prepare
from timing import hardware, medians_in_turn, run_as_a_training
from training_loop import STEPS, Silent, bare, loaded, monai_loader, ours

CASES = 32
#: The hippocampus of the Medical Segmentation Decathlon: about this size, no two alike.
SHAPES = ((30, 44, 32), (44, 58, 42))
WINDOW, OVERLAP = (64, 64, 64), 0.5
SIDES = (128, 192, 256, 320)
#: So small that the windows themselves take next to nothing.
TINY = {"architecture": "UNet3D", "parameters": {"channels": [4, 8], "residual_units": 0}}


def write_balls(folder: Path) -> None:
    """Write volumes with two balls in noise, in the layout of the folder source."""
    draws = np.random.default_rng(0)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(CASES):
        shape = draws.integers(*SHAPES, endpoint=True)
        places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
        labels = np.zeros(shape, np.uint8)
        for label, share in ((1, 0.35), (2, 0.65)):
            labels[np.linalg.norm(places - share * shape, axis=-1) < draws.uniform(5, 7)] = label
        image = labels + draws.normal(0, 0.5, shape)
        for part, array in (("images", image.astype(np.float32)), ("masks", labels)):
            nib.save(nib.Nifti1Image(array, np.eye(4)), folder / part / f"case{number:02d}.nii.gz")


def make_job(options: argparse.Namespace, folder: Path) -> tuple[Job, Callable[[], State]]:
    """Prepare a run on patches of the volumes."""
    write_balls(folder / "balls")
    experiment = {
        "name": "benchmark",
        "data": {"source": "folder", "path": str(folder / "balls"), "classes": ["one", "two"]},
        "preprocessing": ["z_score"],
        "networks": [options.network],
        "mixtures": ["0.50*ce + 0.50*dice"],
        "training": {
            "batch_size": options.batch,
            "patch_size": options.patch,
            "precision": options.precision,
            "threads": options.threads,
            "deterministic": False,
            "augmentation": {"flip": [0, 0, 0.5]},
        },
    }
    plan = make_plan(parse_experiment(experiment, "benchmark"), [])
    plan.write()
    data = DataFolder(plan.data_id)
    preprocess(read_data(plan.data_id), data, options.threads)
    spec = RunSpec.model_validate(json.loads(next(t for p, t in plan.specifications.items() if "runs" in p.parts)))
    use_deterministic_kernels(False, options.threads)
    store, device = Store.open(data), choose_device("auto")
    job = prepare(spec, store, store.fold("all"), device, None, Silent())  # type: ignore[arg-type]
    return job, lambda: initial_state(spec, store, device)


def report_training(options: argparse.Namespace, folder: Path) -> None:
    """Print images a second."""
    job, fresh = make_job(options, folder)
    ways = {
        "bare": bare(job, fresh()),
        "seggrid": ours(job, fresh()),
        "monai": loaded(job, fresh(), monai_loader(job, options.workers)),
    }
    patch = "x".join(map(str, options.patch))
    print(
        f"training: {options.network}, {options.batch}x1x{patch}, {options.precision}; monai: {options.workers} workers"
    )
    seconds = medians_in_turn(ways, options.rounds)
    for name, value in seconds.items():
        print(f"{name:<10}{STEPS * options.batch / value:8.2f} images/s   ratio to bare {seconds['bare'] / value:.3f}")


def predictor(options: argparse.Namespace, given: object) -> Callable[[torch.Tensor], torch.Tensor]:
    """A network with random weights."""
    torch.set_num_threads(options.threads)
    network = build_network(Network.model_validate(given), 1, 3, WINDOW)
    placed = place(network, choose_device("auto"), True).eval()
    return lambda images: compute_logits(placed, images, options.precision, True)


@torch.inference_mode()
def report_windows(options: argparse.Namespace) -> None:
    """Print what the windows cost beside their forward passes."""
    predict, device = predictor(options, options.network), choose_device("auto")
    passes = 0

    def counted(images: torch.Tensor) -> torch.Tensor:
        nonlocal passes
        passes += len(images)
        return predict(images)

    volume = torch.randn(1, 1, 128, 128, 128, device=device)
    predict_in_windows(counted, volume, WINDOW, OVERLAP)
    windows, part = passes, torch.randn(1, 1, *WINDOW, device=device)
    ways = {
        "forward passes": lambda: [predict(part) for _ in range(windows)],
        "in windows": lambda: predict_in_windows(predict, volume, WINDOW, OVERLAP),
    }
    seconds = medians_in_turn(ways, options.rounds)
    print(f"\nprediction: 128x128x128 in {windows} windows of 64x64x64, overlap {OVERLAP}")
    for name, value in seconds.items():
        print(f"{name:<16}{value:8.2f} s   ratio {seconds['forward passes'] / value:.3f}")


def peak() -> int:
    """Peak memory of this process in MiB; ``ru_maxrss`` would begin with that of the process that started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


@torch.inference_mode()
def print_memory(options: argparse.Namespace) -> None:
    """Print the peak of this process's memory before and after it predicts a volume, in MiB."""
    predict = predictor(options, TINY)
    predict_in_windows(predict, torch.randn(1, 1, *(side + 8 for side in WINDOW)), WINDOW, OVERLAP)
    before = peak()
    predict_in_windows(predict, torch.randn(1, 1, *(options.memory,) * 3), WINDOW, OVERLAP).softmax(1)
    print(before, peak())


def report_memory() -> None:
    """Print the memory of a prediction for volumes of rising size."""
    print("\nmemory: 3 classes, a tiny network in windows of 64x64x64, peak of the process in MiB")
    for side in SIDES:
        command = [sys.executable, __file__, "--memory", str(side)]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        before, after = map(int, found[-2:])
        grown = (after - before) * 2**20 / side**3
        print(f"{side:>4}^3   {before:>6} before, {after:>6} with it: {grown:6.1f} bytes a voxel")


def main() -> None:
    """Print the tables."""
    run_as_a_training()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="UNet3D")
    parser.add_argument("--patch", type=int, nargs=3, default=[40, 56, 40])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory", type=int, help="only print the memory that a volume of this side takes")
    options = parser.parse_args()
    if options.memory:
        print_memory(options)
        return
    print(hardware())
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEGGRID_RESULTS"] = str(Path(folder) / "results")
        report_training(options, Path(folder))
    report_windows(options)
    report_memory()


if __name__ == "__main__":
    main()
