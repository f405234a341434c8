"""Time, memory and size of the report of made-up grids: ``python benchmarks/report.py [--runs 10 100 500 1000]``.

100 radiographs of the phantom (20 knees), 5 folds. Each run's masks are distorted truths, the worse the poorer its
mixture, measured by the project's own metrics; histories of 50 epochs are made up. Printed: seconds and peak memory of
``seggrid report`` in a process of its own, the size of the page, and the seconds until a headless Chromium has loaded
it and drawn the figures that are in sight.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from playwright.sync_api import sync_playwright

from seggrid.config import Experiment, Mixture
from seggrid.data.preprocess import preprocess
from seggrid.data.store import Store
from seggrid.inference.masks import write_mask
from seggrid.metrics import measure
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder
from seggrid.plan import Plan, make_plan
from seggrid.provenance import processor
from seggrid.records import CASE_KEYS, RunStatus, write_json
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun, read_data

NAME, EPOCHS, FOLDS = "grid", 50, 5
#: Distortions of a mask, from almost none to gross.
LEVELS = 10
SIMPLEX = {"simplex": {"terms": ["dual_level_ce", "dice", "boundary"], "step": 0.25}}
OTHERS = [
    "ce", "weighted_ce", "focal", "0.50*ce + 0.50*dice", "0.50*weighted_ce + 0.50*dice", "tversky", "jaccard",
    "0.50*focal + 0.50*dice", "generalised_dice", "0.50*ce + 0.50*tversky",
]  # fmt: skip
#: Runs -> networks, mixtures, seeds.
GRIDS: dict[int, tuple[list[str], list[Any], int]] = {
    10: (["UNet_R18"], OTHERS[:2], 1),
    100: (["UNet_R18", "Linknet_R18"], OTHERS, 1),
    500: (["UNet_R18", "Linknet_R18"], [SIMPLEX, *OTHERS], 2),
    1000: (["UNet_R18", "Linknet_R18"], [SIMPLEX, *OTHERS], 4),
}
#: Whether every figure in sight is drawn.
DRAWN = """[...document.querySelectorAll("[data-figure]")].every((plot) =>
  plot.hidden || plot.getBoundingClientRect().top > innerHeight || plot.querySelector("svg.main-svg"))"""


@dataclass(frozen=True)
class Distorted:
    """A mask, and the rows of ``cases.csv`` that it gets, without what names the run."""

    mask: npt.NDArray[np.uint8]
    rows: list[list[object]]


def plan_grid(runs: int) -> Plan:
    """Plan a grid of so many runs, and preprocess the phantom."""
    networks, mixtures, seeds = GRIDS[runs]
    experiment = Experiment.model_validate(
        {
            "name": NAME,
            "description": f"A made-up grid of {runs} runs: distorted truths in the place of predictions.",
            "data": {"source": "phantom", "knee": {"subjects": 20, "frames": 5, "size": 192, "other_leg": 0}},
            "preprocessing": ["z_score", {"resize": {"size": [96, 96]}}],
            "splits": {"folds": FOLDS},
            "networks": networks,
            "mixtures": mixtures,
            "seeds": list(range(seeds)),
            "training": {"epochs": EPOCHS},
            "scoring": {"baseline": "ce"},
        }
    )
    plan = make_plan(experiment, [])
    assert len(plan.runs) == runs
    plan.write()
    preprocess(read_data(plan.data_id), DataFolder(plan.data_id), os.cpu_count() or 1)
    return plan


def quality(run: PlannedRun) -> float:
    """How good a candidate is made, in [0, 1]: a smooth function of its ratios."""
    weights = {term.loss: float(term.weight) for term in Mixture.model_validate(run.loss).terms}  # type: ignore[arg-type]
    cross = sum(weight for name, weight in weights.items() if name.endswith("ce") or name == "focal")
    overlap = sum(weights.get(name, 0) for name in ("dice", "jaccard", "tversky", "generalised_dice"))
    found = (
        0.45 + 0.9 * cross * overlap + 0.12 * weights.get("dual_level_ce", 0) - 0.25 * weights.get("boundary", 0) ** 2
    )
    return float(np.clip(found + 0.06 * (run.network == "UNet_R18"), 0, 1))


def write_runs(plan: Plan) -> None:
    """Write what every run would have left."""
    store = Store.open(DataFolder(plan.data_id))

    @cache
    def distorted(case: int, level: int) -> Distorted:
        return distort(store, case, level, plan)

    for number, run in enumerate(plan.runs):
        rng, folder = np.random.default_rng(number), RunFolder(run.run_id)
        write_history(run, rng)
        write_json(folder.environment, {"commit": "0" * 40, "versions": {"torch": "2"}, "processor": "made up"})
        status = RunStatus(
            run_id=run.run_id, state="completed", epochs=EPOCHS, best_epoch=EPOCHS - 5, best_dice=0.8,
            parameters=14_000_000, device="cpu", seconds=600.0, step_seconds=500.0,
        )  # fmt: skip
        write_json(folder.status, status.model_dump(mode="json"))
        place = [run.run_id, run.network, run.loss, run.fold, run.seed]
        evaluation, fold, rows = folder.evaluation(run.eval_id), store.fold(int(run.fold)), []
        evaluation.folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(evaluation.predictions, "w") as archive:
            for split, cases in (("val", fold.val), ("test", fold.test)):
                for case in cases:
                    hard = np.random.default_rng(1000 + case).normal(0, 1)
                    level = LEVELS * (1 - quality(run)) + hard + rng.normal(0, 0.7)
                    found = distorted(case, int(np.clip(round(level), 0, LEVELS - 1)))
                    rows += [[*place, split, *row] for row in found.rows]
                    if split == "test":
                        write_mask(archive, f"test/{store.cases[case].case}", found.mask)
        table = pd.DataFrame(rows, columns=[*CASE_KEYS, *plan.experiment.evaluation.metrics, "unit"])
        table.to_csv(evaluation.cases, index=False, lineterminator="\n", float_format="%.10g")


def distort(store: Store, case: int, level: int, plan: Plan) -> Distorted:
    """Shift and shrink a truth, and measure it."""
    truth, entry = store.truth(case), store.cases[case]
    rng = np.random.default_rng([case, level])
    mask = np.roll(truth, rng.integers(-1 - level // 2, 2 + level // 2, 2), axis=(0, 1))
    kernel = np.ones((2 + level // 3, 1 + level // 3), np.uint8)
    mask = np.asarray((cv2.erode if level % 2 else cv2.dilate)(mask, kernel), np.uint8)
    labels = range(1, len(store.class_names) + 1)
    rows = [
        [entry.group, entry.case, name, m.status, m.tp, m.fp, m.fn, m.tn, *m.values.values(), store.unit]
        for name, m in zip(
            store.class_names, measure(mask, truth, list(labels), plan.experiment.evaluation.metrics, entry.spacing),
            strict=True,
        )
    ]  # fmt: skip
    return Distorted(mask, rows)


def write_history(run: PlannedRun, rng: np.random.Generator) -> None:
    """Write falling losses and a rising Dice."""
    epochs = np.arange(1, EPOCHS + 1)
    table = pd.DataFrame({"epoch": epochs, "learning_rate": 0.001 * (1 - epochs / (EPOCHS + 1)) ** 0.9})
    terms = Mixture.model_validate(run.loss).terms
    table["loss"] = 0.2 + np.exp(-epochs / 12) + rng.normal(0, 0.01, EPOCHS)
    for number, term in enumerate(terms):
        table[f"loss:{term.name}"] = table["loss"] * (1 + number) / 2
        if len(terms) > 1:
            table[f"ratio:{term.name}"] = float(term.weight) * (1 + 0.3 * number)  # type: ignore[arg-type]
    table["val_dice"] = quality(run) * (1 - np.exp(-epochs / 8)) + rng.normal(0, 0.005, EPOCHS)
    folder = RunFolder(run.run_id)
    folder.folder.mkdir(parents=True, exist_ok=True)
    table.assign(seconds=12.0, step_seconds=10.0).to_csv(folder.history, index=False, float_format="%.8g")


def seconds_in_chromium(page: Path) -> float:
    """Seconds from opening the page to its being loaded and drawn as far as it is in sight, by its own clock."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        return float("nan")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 1200, "height": 900})
        tab.goto(page.resolve().as_uri())
        tab.wait_for_function(DRAWN)
        seconds = float(tab.evaluate("performance.now()")) / 1000
        browser.close()
    return seconds


def main() -> None:
    """Print a row per size of the grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", choices=list(GRIDS), default=list(GRIDS))
    parser.add_argument("--keep", type=Path, help="folder for the results of the last grid, which is not deleted")
    options = parser.parse_args()
    print(f"{processor()}, {os.cpu_count()} cores")
    print(f"{'runs':>6} {'score [s]':>10} {'report [s]':>11} {'peak [MiB]':>11} {'page [MB]':>10} {'ready [s]':>10}")
    for runs in options.runs:
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.keep or Path(temporary)
            os.environ["SEGGRID_RESULTS"] = str(folder / "results")
            write_runs(plan_grid(runs))
            start = time.perf_counter()
            score(NAME)
            scored = time.perf_counter()
            subprocess.run([sys.executable, "-m", "seggrid.cli", "report", NAME], check=True, capture_output=True)
            reported = time.perf_counter()
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            page = ExperimentFolder(NAME).report
            ready = seconds_in_chromium(page)
            size = page.stat().st_size / 1e6
            row = f"{scored - start:>10.1f} {reported - scored:>11.1f} {peak:>11.0f} {size:>10.1f} {ready:>10.1f}"
            print(f"{runs:>6} {row}")


if __name__ == "__main__":
    main()
