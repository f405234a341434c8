"""Seconds from the start of the process to the end of the first training step.

``python benchmarks/first_step.py``: ``seggrid train`` on a prepared run, beside a plain script that imports torch and
segmentation-models-pytorch, builds the same network and takes one step on random tensors. In turn, medians.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from seggrid.config import parse_experiment
from seggrid.data.preprocess import preprocess
from seggrid.paths import DataFolder, RunFolder
from seggrid.plan import make_plan
from seggrid.specification import read_data
from timing import hardware

EXPERIMENT = {
    "name": "start",
    "data": {"source": "phantom", "knee": {"subjects": 8, "frames": 1, "size": 128, "style": "ellipses"}},
    "preprocessing": ["z_score"],
    "splits": {"folds": 4},
    "folds": [0],
    "networks": ["UNet_R18"],
    "mixtures": ["ce"],
    # No validation in the first epoch of one step: its row of the live history marks the end of the first step.
    "training": {"epochs": 2, "steps_per_epoch": 1, "batch_size": 4, "validate_every": 2, "threads": 2},
}
PLAIN = """
import torch, segmentation_models_pytorch as smp
torch.set_num_threads(2)
network = smp.Unet("resnet18", encoder_weights=None, in_channels=1, classes=5)
optimiser = torch.optim.AdamW(network.parameters())
loss = torch.nn.functional.cross_entropy(network(torch.randn(4, 1, 128, 128)), torch.randint(5, (4, 128, 128)))
loss.backward()
optimiser.step()
print("stepped", flush=True)
"""


def seconds_to_first_step(run_id: str) -> float:
    """Start ``seggrid train`` on a run without a trace of an earlier attempt."""
    folder = RunFolder(run_id)
    for path in folder.folder.iterdir():
        if path != folder.spec:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "seggrid.cli", "train", run_id], stderr=subprocess.DEVNULL) as process:
        while not (folder.live_history.is_file() and folder.live_history.read_text().count("\n") >= 2):
            assert process.poll() is None, f"the training of {run_id} ended early"
            time.sleep(0.005)
        return time.perf_counter() - started


def seconds_of_plain_script() -> float:
    """Start the plain script."""
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", PLAIN], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stepped\n"
        return time.perf_counter() - started


def main() -> None:
    """Print both medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["SEGGRID_RESULTS"] = str(Path(name) / "results")
        plan = make_plan(parse_experiment(EXPERIMENT, "start"), [])
        plan.write()
        folder = DataFolder(plan.data_id)
        preprocess(read_data(plan.data_id), folder, 2)
        times = [(seconds_to_first_step(plan.runs[0].run_id), seconds_of_plain_script()) for _ in range(options.rounds)]
    ours, plain = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"{hardware()}\nseggrid train {ours:.2f} s, plain script {plain:.2f} s, ratio {ours / plain:.2f}")


if __name__ == "__main__":
    main()
