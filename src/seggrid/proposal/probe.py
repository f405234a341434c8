"""How long runs take here: a miniature of the experiment, run by the verbs themselves, a process each.

So what is timed is what will run: preprocessing, training, validation and evaluation, side by side on all cores.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seggrid.errors import UserError
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder
from seggrid.proposal.classes import ObjectClass
from seggrid.proposal.fingerprint import Fingerprint
from seggrid.proposal.grids import COSTLIEST, Grid
from seggrid.proposal.settings import Settings
from seggrid.records import RunStatus, read_json, read_model
from seggrid.specification import PlannedRun

#: Steps of an epoch of a probe, and cases that it uses at least.
_STEPS = 3
_CASES = 8
_NAME = "probe"
#: Lines that are told of a probe that failed.
_MOST_REASONS = 8


@dataclass(frozen=True)
class Timing:
    """Seconds of a run of one network.

    Attributes:
        start: until the first step, a process.
        step: a training step.
        validate: a validation, a case.
        evaluate: an evaluation, a case.
    """

    start: float
    step: float
    validate: float
    evaluate: float


@dataclass(frozen=True)
class Probe:
    """What was measured.

    Attributes:
        device: that was trained on.
        cores: processes side by side.
        preprocess: seconds a case.
        timings: by network.
        failed: network -> why it could not be trained.
    """

    device: str
    cores: int
    preprocess: float
    timings: Mapping[str, Timing]
    failed: Mapping[str, str]

    def seconds(self, grid: Grid, settings: Settings, cases: int) -> float | None:
        """Estimate how long a grid takes; ``None`` where one of its networks could not be measured."""
        if not set(grid.networks) <= set(self.timings):
            return None
        work = cases * self.preprocess
        for network in grid.networks:
            timing = self.timings[network]
            train = timing.start + grid.epochs * settings.steps_per_epoch * timing.step
            train += grid.validations * settings.validation * timing.validate
            evaluate = timing.start + (settings.validation + settings.test) * timing.evaluate
            work += grid.runs / len(grid.networks) * (train + evaluate)
        # With fewer runs than cores some of these idle.
        return work / min(self.cores, grid.runs)


def usable_cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def measure(
    proposed: Mapping[str, Any],
    networks: Sequence[str],
    fingerprint: Fingerprint,
    classes: Sequence[ObjectClass],
    tell: Callable[[str], None],
) -> Probe:
    """Train each network for six steps on a few of the cases, in a folder that is deleted again.

    Args:
        proposed: the experiment, as its file says.

    Raises:
        UserError: the cases cannot be preprocessed as proposed.
    """
    chosen = choose_cases(fingerprint, classes)
    groups = len({case.group for case in fingerprint.cases if case.case in chosen})
    if groups < 3:
        raise UserError(f"{groups} groups cannot be split")
    with tempfile.TemporaryDirectory(prefix="seggrid-probe-") as place:
        folder = Path(place)
        data = dict(proposed["data"])
        data["path"] = str(Path(data["path"]).resolve())
        others = [case.case for case in fingerprint.cases if case.case not in chosen]
        data["exclude"] = [*data.get("exclude", ()), *others]
        training = {**proposed["training"], "epochs": 2, "steps_per_epoch": _STEPS, "validate_every": 1}
        experiment = {
            "data": data, "preprocessing": proposed["preprocessing"], "splits": {"folds": 2 if groups > 3 else 3},
            "folds": [0], "networks": list(networks), "mixtures": [COSTLIEST], "training": training,
        }  # fmt: skip
        file = folder / f"{_NAME}.yaml"
        file.write_text(yaml.safe_dump(experiment, allow_unicode=True), encoding="utf-8")
        return _Miniature(folder, tell).run(file)


def choose_cases(fingerprint: Fingerprint, classes: Sequence[ObjectClass]) -> set[str]:
    """Choose a few cases of several groups: those with the smallest object of each class, then others."""
    chosen: dict[str, str] = {}
    for own in classes:
        shown = [(area, case) for area, case in zip(own.areas, fingerprint.cases, strict=True) if area]
        _, smallest = min(shown, key=lambda pair: (pair[0], pair[1].case))
        chosen[smallest.case] = smallest.group
    # A group each as long as there are new ones.
    for cases in (*(members[:1] for members in fingerprint.groups.values()), fingerprint.cases):
        for case in cases:
            if len(chosen) < _CASES or (len(set(chosen.values())) < 4 and case.group not in chosen.values()):
                chosen.setdefault(case.case, case.group)
    return set(chosen)


class _Miniature:
    """Calls the verbs on a results folder of its own."""

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._folder, self._tell = folder, tell
        self._results = folder / "results"
        self._cores = usable_cores()

    def run(self, experiment: Path) -> Probe:
        """Plan, preprocess, train and evaluate; return the times."""
        self._call("plan", str(experiment))
        with ExperimentFolder(_NAME, self._results).plan.open(newline="", encoding="utf-8") as file:
            runs = [PlannedRun.model_validate(row) for row in csv.DictReader(file)]
        preprocess = self._call("preprocess", runs[0].data_id)
        fold = read_json(DataFolder(runs[0].data_id, self._results).splits)["folds"][0]
        with ThreadPoolExecutor(self._cores) as pool:
            statuses = list(pool.map(self._train, runs))
            ended = [(run, *found) for run, found in zip(runs, statuses, strict=True)]
            trained = [(run, wall) for run, status, wall in ended if status.state == "completed"]
            timings = list(pool.map(lambda pair: self._timing(pair[0], pair[1], fold), trained))
        return Probe(
            device=next((str(status.device) for _, status, _ in ended if status.device), "unknown"),
            cores=self._cores,
            preprocess=preprocess / sum(map(len, fold.values())),
            timings={run.network: timing for (run, _), timing in zip(trained, timings, strict=True)},
            failed={run.network: str(s.reason) for run, s, _ in ended if s.state == "failed"},
        )

    def _train(self, run: PlannedRun) -> tuple[RunStatus, float]:
        self._tell(f"timing {run.network}")
        wall = self._call("train", run.run_id)
        return read_model(RunFolder(run.run_id, self._results).status, RunStatus), wall

    def _timing(self, run: PlannedRun, trained: float, fold: Mapping[str, Sequence[str]]) -> Timing:
        validation, test = len(fold["val"]), len(fold["test"])
        evaluated = self._call("evaluate", run.run_id, run.eval_id)
        with RunFolder(run.run_id, self._results).history.open(newline="", encoding="utf-8") as file:
            *_, last = csv.DictReader(file)
        seconds, steps = float(last["seconds"]), float(last["step_seconds"])
        # What the first epoch, which warms up, takes beyond the last one belongs to the start.
        start = max(0.0, trained - 2 * seconds)
        return Timing(
            start=start,
            step=steps / _STEPS,
            validate=(seconds - steps) / validation,
            evaluate=max(0.0, evaluated - start) / (validation + test),
        )

    def _call(self, *arguments: str) -> float:
        """Run a verb; return the seconds it took."""
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "seggrid.cli", *arguments],
            cwd=self._folder,
            env={**os.environ, "SEGGRID_RESULTS": str(self._results)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            reasons = [line.removeprefix("seggrid: ").strip() for line in done.stderr.strip().splitlines()]
            raise UserError(*(reasons[-_MOST_REASONS:] or [f"`seggrid {arguments[0]}` ended with {done.returncode}"]))
        return time.perf_counter() - started
