"""A small grid on a cluster: started, watched, and looked at afterwards."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from tests.conftest import REPOSITORY, TINY, Workplace
from tests.slurm.cluster import Cluster, wait_until

#: Two runs, long enough to be disturbed while they train.
EXPERIMENT: dict[str, Any] = {
    "folds": [0],
    "training": {**TINY["training"], "epochs": 40, "steps_per_epoch": 1},
}
RUNS = 2
CONTROLLER = Path(__file__).with_name("controller.py")
#: On a real cluster the profile's pauses are kinder.
QUICK = ("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "15")
#: For a machine that does other work as well.
PATIENCE = 1800.0


@dataclass
class Grid:
    """One experiment that ``snakemake --profile slurm`` works on."""

    cluster: Cluster
    place: Workplace
    options: tuple[str, ...] = ()
    calls: int = 0
    before: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.before = set(self.cluster.jobs())

    @property
    def log(self) -> Path:
        """What all calls of Snakemake printed."""
        return self.place.folder / "snakemake.log"

    def start(self, *targets: str) -> subprocess.Popen[bytes]:
        """Call Snakemake as the manual says, but in this folder."""
        self.calls += 1
        # The symbolic link, as `--profile slurm` finds it from the root of the repository.
        command = [sys.executable, str(CONTROLLER), "-s", str(REPOSITORY / "Snakefile")]
        command += [*targets, "--profile", str(REPOSITORY / "slurm"), *QUICK, *self.options]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*command, "--config", f"experiment={self.place.experiment}"],
                cwd=self.place.folder,
                env={**self.place.environment, **self.cluster.environment, "OMP_NUM_THREADS": "1"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_ranking(self) -> subprocess.Popen[bytes]:
        """The same, up to the ranking."""
        return self.start(str(ranking_file(self.place)))

    def finish(self, workflow: subprocess.Popen[bytes], patience: float = PATIENCE) -> int:
        """Wait for the end of a call; return its exit status."""
        try:
            return workflow.wait(patience)
        finally:
            workflow.kill()

    def jobs(self, states: str = "all") -> list[str]:
        """Slurm's jobs of this grid."""
        return sorted(set(self.cluster.jobs(states)) - self.before, key=int)

    def cancel(self) -> None:
        """End what is left of this grid's jobs."""
        for job in self.jobs("pending,running"):
            self.cluster.call(f"scancel {job}")

    def asked(self, field: str) -> list[str]:
        """What each job asked for, sorted."""
        jobs = ",".join(self.jobs())
        return sorted(self.cluster.call(f"squeue --noheader --states=all --job={jobs} --Format={field}").split())

    def wait_for_training(self, workflow: subprocess.Popen[bytes]) -> str:
        """Wait until a run has trained some epochs; return the job that does."""

        def advanced() -> list[Path]:
            latest = self.place.results.glob("runs/*/ckpt/epoch-*.pt")
            return [path.with_name("lease.json") for path in latest if int(path.stem[6:]) >= 2]

        def trains() -> bool:
            assert workflow.poll() is None, f"the workflow ended first\n{self.log.read_text()}"
            return bool(advanced())

        wait_until(trains, "a checkpoint of a run", PATIENCE)
        # Of the run that has it: another one may train beside it, which has none yet.
        return str(json.loads(advanced()[0].read_text())["job"])

    def freeze(self, job: str) -> None:
        """Stop the training of a job, as if it took very long."""
        for training in psutil.Process(self._holders()[job]).children(recursive=True):
            training.suspend()

    def _holders(self) -> dict[str, int]:
        """Jobs that train, with the process that holds the run's lease."""
        leases = [json.loads(path.read_text()) for path in self.place.results.glob("runs/*/ckpt/lease.json")]
        return {lease["job"]: lease["pid"] for lease in leases}

    def measured(self) -> dict[Path, int]:
        """The predictions of the runs that are measured, with the time at which they were written."""
        done = (path.with_name("predictions.zip") for path in self.place.results.glob("runs/*/eval-*/cases.csv"))
        return {path: path.stat().st_mtime_ns for path in done}

    def twice(self) -> int:
        """Epochs that were trained more than once, over all runs."""
        epochs: Counter[tuple[str, str]] = Counter()
        for log in self.place.results.glob("runs/*/train.log"):
            found = re.findall(r" epoch (\d+)/", log.read_text(encoding="utf-8"))
            epochs.update((log.parent.name, number) for number in found)
        return sum(count - 1 for count in epochs.values())

    def from_start(self) -> list[int]:
        """How often each run began with its first epoch."""
        logs = self.place.results.glob("runs/*/train.log")
        return [log.read_text(encoding="utf-8").count("from the start") for log in logs]


def ranking_file(place: Workplace) -> Path:
    """Where the ranking of a complete grid lies."""
    return place.results / "experiments" / place.experiment.stem / "ranking.csv"


def ranking(place: Workplace) -> str:
    """The ranking of a complete grid, and what was measured on every case; without the time that training took."""
    path = ranking_file(place)
    table = pd.read_csv(path, dtype=str).drop(columns="seconds").to_csv(index=False)
    return table + path.with_name("cases.csv").read_text(encoding="utf-8")


def undisturbed(place: Workplace) -> str:
    """The ranking that the same experiment gives on this machine without Slurm."""
    place.snakemake(str(ranking_file(place)))
    return ranking(place)


def with_data_of(place: Workplace, other: Workplace) -> Workplace:
    """Take over another place's preprocessed data, so that a grid begins with training."""
    shutil.copytree(other.results / "data", place.results / "data")
    return place
