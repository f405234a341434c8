"""Time to import 1,000 made-up runs into MLflow.

``python benchmarks/tracking.py [--runs 1000] [--epochs 50] [--web gunicorn]``.

Into the local store, and into a real ``mlflow server`` on this machine, with two workers and sqlite, sqlite with a
write-ahead log (WAL) or PostgreSQL behind it: first all runs, then again where nothing is new, then after 10 more. The
registration of a model is left out.
Printed beside it: the time to read the same files with pandas alone, the processor time of this process and of the
server (what it would take on a machine that is busy with nothing else), and the requests to the server.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import runpy
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from mlflow.utils import rest_utils

from seggrid.paths import RunFolder
from seggrid.plan import Plan
from seggrid.provenance import processor
from seggrid.records import write_json
from seggrid.scoring.stage import score
from seggrid.tracking import stage

TESTS = Path(__file__).resolve().parents[1] / "tests"
FOLDS, SEEDS, LATER = 5, 10, 10
STORES = ("local", "server", "wal", "postgresql")
sys.path.insert(0, str(TESTS.parent))
write_grid = runpy.run_path(str(TESTS / "unit/scoring/conftest.py"))["write_grid"]
Server = runpy.run_path(str(TESTS / "unit/tracking/server.py"))["Server"]
cluster = runpy.run_path(str(TESTS / "unit/tracking/postgresql.py"))["cluster"]


def write_runs(runs: int, epochs: int, uri: str | None) -> Plan:
    """Write runs with the files that a training leaves: a history of nine curves and an environment."""
    mixtures = [f"{number}*ce + 1*dice" for number in range(1, runs // (FOLDS * SEEDS) + 1)]
    plan: Plan = write_grid(
        mixtures=mixtures, folds=FOLDS, seeds=range(SEEDS), groups=20, tracking={"uri": uri}, scoring={"bootstrap": 100}
    )
    columns = ["learning_rate", "loss", "loss:ce", "loss:dice", "ratio:ce", "ratio:dice"]
    columns += ["val_dice", "dice:femur", "dice:tendon"]
    for number, run in enumerate(plan.runs):
        folder, values = RunFolder(run.run_id), np.random.default_rng(number).random((epochs, len(columns)))
        history = pd.DataFrame(values, columns=columns).assign(seconds=2.0, step_seconds=1.5)
        # Weights without a schedule.
        history["ratio:ce"], history["ratio:dice"] = 0.5, 0.5
        history.insert(0, "epoch", range(1, epochs + 1))
        history.to_csv(folder.history, index=False, float_format="%.8g")
        write_json(folder.environment, {"commit": "0" * 40, "versions": {"torch": "2"}, "processor": "made up"})
    return plan


def processor_seconds() -> float:
    """Processor time of this process and of the servers that it has started and that run."""
    own = psutil.Process()
    # PostgreSQL leaves the process that starts it.
    others = (process for process in psutil.process_iter(["name"]) if process.info["name"] == "postgres")
    total = 0.0
    for process in (own, *own.children(recursive=True), *others):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
            # Its processes end with their connections, and are counted by the one that started them.
            total += times.children_user + times.children_system if process.name() == "postgres" else 0
    return total


def seconds_of(work: Callable[[], object]) -> tuple[float, float]:
    """Time of one call, and processor time."""
    start, processor_start = time.perf_counter(), processor_seconds()
    work()
    return time.perf_counter() - start, processor_seconds() - processor_start


def read_with_pandas(plan: Plan) -> None:
    """Read the history and the cases of every run."""
    for run in plan.runs:
        folder = RunFolder(run.run_id)
        pd.read_csv(folder.history)
        pd.read_csv(folder.evaluation(run.eval_id).cases)


def measure(place: str, runs: int, epochs: int, uri: str | None) -> None:
    """Print a row of figures for one store."""
    plan = write_runs(runs, epochs, uri)
    requests: Counter[str] = Counter()
    original = rest_utils._get_http_response_with_retries

    def counted(method: str, *arguments: object, **named: object) -> object:
        requests[method] += 1
        return original(method, *arguments, **named)

    rest_utils._get_http_response_with_retries = counted
    statuses = [RunFolder(run.run_id).status for run in plan.runs[-LATER:]]
    for status in statuses:
        status.rename(status.with_suffix(".later"))
    score("grid")
    figures = [seconds_of(lambda: read_with_pandas(plan))]
    counts = []
    for later in (False, False, True):
        if later:
            for status in statuses:
                status.with_suffix(".later").rename(status)
            score("grid")
        requests.clear()
        figures.append(seconds_of(lambda: print("   ", stage.track("grid").splitlines()[0])))
        counts.append(requests.total())
    rest_utils._get_http_response_with_retries = original
    row = " ".join(f"{wall:>6.1f} / {processor:>5.1f}" for wall, processor in figures)
    print(f"{place:>10} {row}   {counts} requests")


def write_ahead(server: Any) -> None:
    """Create the sqlite database of a server with a write-ahead log, as docs/how-to/mlflow.md says."""
    upgrade = [sys.executable, "-m", "mlflow", "db", "upgrade", server.database]
    subprocess.run(upgrade, check=True, capture_output=True)
    with contextlib.closing(sqlite3.connect(server.folder / "mlflow.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")


def main() -> None:
    """Print a row per store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--store", choices=STORES, action="append")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--web", choices=("uvicorn", "gunicorn"), default="uvicorn", help="MLflow's default: uvicorn")
    options = parser.parse_args()
    stage.choose_champion = lambda *_: None
    print(f"{options.runs} runs of {options.epochs} epochs; {options.web}; {processor()}, {os.cpu_count()} cores")
    print("seconds / processor seconds")
    print(f"{'store':>10} {'pandas':>14} {'first':>14} {'second':>14} {'10 new':>14}")
    for store in options.store or STORES:
        with contextlib.ExitStack() as life:
            folder = life.enter_context(tempfile.TemporaryDirectory())
            os.environ["SEGGRID_RESULTS"] = folder
            uri = None
            if store != "local":
                database = life.enter_context(cluster()) if store == "postgresql" else None
                server = Server(Path(folder) / "server", database, options.workers, options.web)
                if store == "wal":
                    write_ahead(server)
                life.callback(server.stop)
                server.start()
                uri = server.uri
            measure(store, options.runs, options.epochs, uri)


if __name__ == "__main__":
    main()
