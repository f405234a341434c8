"""Wall time of the demo over its pure training time by the number of parallel jobs.

``python benchmarks/demo_overhead.py``: the phantom is generated first and printed apart; then Snakemake runs the demo
in an empty results folder with two cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from seggrid.paths import RunFolder
from seggrid.records import read_status
from seggrid.specification import read_plan
from timing import hardware

REPOSITORY = Path(__file__).resolve().parents[1]
JOBS = 2


def timed(*command: str) -> float:
    """Run a command in the checkout; return its wall time."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", *command], cwd=REPOSITORY, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """Print the parts and the ratio."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["SEGGRID_RESULTS"] = str(Path(name) / "results")
        timed("seggrid.cli", "plan", "demo")
        runs = read_plan("demo")
        phantom = timed("seggrid.cli", "preprocess", runs[0].data_id, "--processes", str(JOBS))
        wall = timed("snakemake", f"-c{JOBS}", "--config", "experiment=demo")
        statuses = [read_status(RunFolder(run.run_id)) for run in runs]
        training = sum(status.seconds for status in statuses if status is not None) / JOBS
    print(hardware())
    print(
        f"phantom {phantom:.1f} s; demo {wall:.1f} s, training by {JOBS} jobs {training:.1f} s: {wall / training:.2f}"
    )


if __name__ == "__main__":
    main()
