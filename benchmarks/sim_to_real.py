"""Dice on real knees of a network that was trained on the phantom alone, beside one trained on plain ellipses.

``python benchmarks/sim_to_real.py [--data ../shared/data/knee_lateral] [--epochs 40]``

Both networks see the same number of images, subjects and steps; neither ever sees a real radiograph. The real knees
go through the same preprocessing and are measured at their original resolution.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from seggrid.config import parse_experiment
from seggrid.data.preprocess import preprocess
from seggrid.data.store import Store
from seggrid.inference.device import choose_device
from seggrid.inference.predict import Predictor, predict_case
from seggrid.metrics import measure
from seggrid.paths import DataFolder, RunFolder
from seggrid.plan import Plan, make_plan
from seggrid.specification import read_data, read_run
from seggrid.training.supervise import supervise
from timing import hardware

CLASSES = ("patella", "femur", "tibia", "patellar_tendon")


def experiment(name: str, data: dict[str, Any], options: argparse.Namespace) -> Plan:
    """Plan and preprocess one data set."""
    size = [options.size, options.size]
    raw = {
        "name": name,
        "data": data,
        "preprocessing": ["percentile_clip", "z_score", {"resize": {"size": size, "keep_aspect": True}}],
        "splits": {"folds": 4, "validation": 0.1},
        "folds": [0],
        "networks": [options.network],
        "mixtures": ["0.50*dual_level_ce + 0.25*dice + 0.25*boundary"],
        "training": {
            "epochs": options.epochs,
            "batch_size": 8,
            "precision": "bf16",
            "threads": options.threads,
            "validate_every": min(5, options.epochs),
            "augmentation": {"rotation": 30, "scaling": 0.3, "intensity": 0.9, "gamma": 0.7, "gamma_range": 2.0,
                             "noise": 0.5, "noise_sd": 0.2, "blur": 0.5, "blur_sd": 2.0},
        },
    }  # fmt: skip
    plan = make_plan(parse_experiment(raw, name), [])
    plan.write()
    folder = DataFolder(plan.data_id)
    preprocess(read_data(plan.data_id), folder, options.threads)
    return plan


def dice_on(real: Store, run_id: str) -> np.ndarray:
    """Return the Dice ``(cases, objects)`` of a trained run on every real case."""
    device = choose_device("auto")
    predictor = Predictor(read_run(run_id), RunFolder(run_id).model, real.in_channels, len(CLASSES) + 1, device)
    return np.array(
        [
            [
                result.values["dice"]
                for result in measure(predict_case([predictor], real, case), real.truth(case), range(1, 5), ["dice"])
            ]
            for case in range(len(real.cases))
        ]
    )


def main() -> None:
    """Print a line per kind of phantom."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="../shared/data/knee_lateral")
    parser.add_argument("--network", default="UNet_R18")
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--subjects", type=int, default=60)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--styles", nargs="*", default=["radiograph", "ellipses"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEGGRID_RESULTS"] = str(Path(folder) / "results")
        real_data = {"source": "folder", "path": options.data, "classes": list(CLASSES)}
        real = Store.open(DataFolder(experiment("real", real_data, options).data_id))
        print(
            f"{hardware()}; {options.network}, {options.size} px, {options.epochs} epochs, {len(real.cases)} real knees"
        )
        print(f"{'trained on':<12}" + "".join(f"{name:>18}" for name in CLASSES) + f"{'bones':>9}{'minutes':>9}")
        for style in options.styles:
            started = time.perf_counter()
            knee = {"subjects": options.subjects, "frames": options.frames, "size": options.size, "style": style}
            plan = experiment(style, {"source": "phantom", "knee": knee}, options)
            supervise(plan.runs[0].run_id)
            dice = dice_on(real, plan.runs[0].run_id)
            mean, minutes = dice.mean(0), (time.perf_counter() - started) / 60
            print(f"{style:<12}" + "".join(f"{d:>18.3f}" for d in mean) + f"{mean[:3].mean():>9.3f}{minutes:>9.1f}")


if __name__ == "__main__":
    main()
