"""Time of the score stage on synthetic grids: ``python benchmarks/scoring.py``.

10, 100 and 1,000 runs (4 folds) on 100 groups of 2 cases and 2 objects, 2,000 resamples. Printed beside it: the time
to copy and parse the same ``cases.csv`` files with pandas alone, and the ratio of the two.
"""

from __future__ import annotations

import os
import runpy
import tempfile
import time
from pathlib import Path

import pandas as pd

from seggrid.paths import RunFolder
from seggrid.plan import Plan
from seggrid.scoring.stage import score

FOLDS, GROUPS, FRAMES, ROUNDS = 4, 100, 2, 3
write_grid = runpy.run_path(str(Path(__file__).parents[1] / "tests/unit/scoring/conftest.py"))["write_grid"]


def candidates(runs: int) -> list[str]:
    """As many mixtures as ``runs`` runs need; the last candidate stays incomplete where folds do not divide them."""
    return [f"{number}*ce + 1*dice" for number in range(1, -(-runs // FOLDS) + 1)]


def seconds_of_reading(plan: Plan) -> float:
    """Time to parse all files one by one and concatenate them."""
    start = time.perf_counter()
    paths = [RunFolder(run.run_id).evaluation(run.eval_id).cases for run in plan.runs]
    pd.concat([pd.read_csv(path) for path in paths if path.is_file()])
    return time.perf_counter() - start


def seconds_of_scoring() -> float:
    """Time of the whole stage."""
    start = time.perf_counter()
    score("grid")
    return time.perf_counter() - start


def main() -> None:
    """Print a row per size of the grid; the best of some rounds, in turn."""
    print(f"{'runs':>6} {'rows':>8} {'read [s]':>9} {'score [s]':>10} {'ratio':>6}")
    for runs in (10, 100, 1000):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["SEGGRID_RESULTS"] = folder
            mixtures = candidates(runs)
            absent = dict.fromkeys(range(runs, FOLDS * len(mixtures)), "missing")
            plan = write_grid(
                mixtures=mixtures, folds=FOLDS, groups=GROUPS, frames=FRAMES, states=absent, scoring={"bootstrap": 2000}
            )
            pairs = [(seconds_of_reading(plan), seconds_of_scoring()) for _ in range(ROUNDS)]
            read, scored = (min(times) for times in zip(*pairs, strict=True))
            rows = runs * 2 * (GROUPS // FOLDS) * FRAMES * 2
            print(f"{runs:>6} {rows:>8} {read:>9.2f} {scored:>10.2f} {scored / read:>6.2f}")


if __name__ == "__main__":
    main()
