"""The verify stage: is what lies in the results folder what the files of the runs give, and is a run repeatable?"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from seggrid.errors import UserError
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder, evaluation_file, results_root
from seggrid.records import read_json, read_status
from seggrid.scoring.cases import as_planned
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun, is_ensemble, read_plan, read_run

_SCORED = ("cases", "runs", "objects", "latest_ranking", "scores")
_OF_MOTION = ("motion", "motion_errors")


def verify(experiment: str, seed: int) -> int:
    """Recompute the ranking from the runs' files and retrain one random run, comparing bytes.

    Args:
        seed: which run is drawn.

    Returns:
        0 when everything is the same, else 1; what was compared is printed.

    Raises:
        UserError: the experiment was never planned.
    """
    runs = read_plan(experiment)
    with tempfile.TemporaryDirectory(prefix="seggrid-verify-") as name:
        same_scores = _verify_scores(experiment, Path(name))
    done = [run for run in runs if _is_done(run) and not is_ensemble(run.run_id)]
    if not done:
        _say("no finished run to train again")
        return 0 if same_scores else 1
    with tempfile.TemporaryDirectory(prefix="seggrid-verify-") as name:
        same_run = _verify_run(random.Random(seed).choice(done), Path(name))  # noqa: S311 (no secret)
    return 0 if same_scores and same_run else 1


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _is_done(run: PlannedRun) -> bool:
    folder = RunFolder(run.run_id)
    status = read_status(folder)
    return status is not None and status.state == "completed" and folder.evaluation(run.eval_id).cases.is_file()


def _verify_scores(experiment: str, root: Path) -> bool:
    """Score again in a folder that shares only what runs are made of, and compare the tables."""
    kept, fresh = ExperimentFolder(experiment), ExperimentFolder(experiment, root)
    fresh.folder.mkdir(parents=True)
    for name in ("data", "evaluations"):
        (root / name).symlink_to((results_root() / name).resolve())
    _link_runs(experiment, root)
    for path in (kept.plan, kept.experiment):
        shutil.copy(path, fresh.folder)
    _with_results(root, score, experiment)
    same = True
    for name in (*_SCORED, *(_OF_MOTION if kept.motion.is_file() or fresh.motion.is_file() else ())):
        ours, theirs = getattr(kept, name), getattr(fresh, name)
        equal = ours.is_file() and theirs.is_file() and ours.read_bytes() == theirs.read_bytes()
        _say(f"{ours.name:<14} {'same bytes' if equal else 'DIFFERS: run `seggrid score` again'}")
        same &= equal
    return same


def _link_runs(experiment: str, root: Path) -> None:
    """Link all runs, those of the experiment file by file: what is made of their masks is made again, beside them."""
    evaluations = {run.run_id: run.eval_id for run in read_plan(experiment)}
    (root / "runs").mkdir()
    for folder in (results_root() / "runs").resolve().iterdir():
        target = RunFolder(folder.name, root)
        if folder.name not in evaluations:
            target.folder.symlink_to(folder)
            continue
        own, fresh = (run.evaluation(evaluations[folder.name]) for run in (RunFolder(folder.name), target))
        fresh.folder.mkdir(parents=True)
        _link_content(folder, target.folder, own.folder.name)
        if own.folder.is_dir():
            _link_content(own.folder.resolve(), fresh.folder, own.motion("*").name)


def _link_content(source: Path, target: Path, but: str) -> None:
    for path in source.iterdir():
        if not fnmatch(path.name, but):
            (target / path.name).symlink_to(path)


def _with_results(root: Path, function: Callable[[str], object], experiment: str) -> None:
    before = os.environ.get("SEGGRID_RESULTS")
    os.environ["SEGGRID_RESULTS"] = str(root)
    try:
        function(experiment)
    finally:
        if before is None:
            del os.environ["SEGGRID_RESULTS"]
        else:
            os.environ["SEGGRID_RESULTS"] = before


def _verify_run(run: PlannedRun, root: Path) -> bool:
    """Train and measure a run anew in an empty folder, and compare its cases."""
    _say(f"training {run.run_id} again")
    spec = read_run(run.run_id)
    own, fresh = RunFolder(run.run_id), RunFolder(run.run_id, root)
    fresh.evaluation(run.eval_id).folder.mkdir(parents=True)
    shutil.copy(own.spec, fresh.spec)
    evaluation_file(run.eval_id, root).parent.mkdir()
    shutil.copy(evaluation_file(run.eval_id), evaluation_file(run.eval_id, root))
    (root / "data").mkdir()
    (root / "data" / spec.data_id).symlink_to(DataFolder(spec.data_id).folder.resolve())
    if spec.parent is not None and spec.parent.run_id is not None:
        parent = RunFolder(spec.parent.run_id)
        RunFolder(spec.parent.run_id, root).folder.symlink_to(parent.folder.resolve())
    environment = {**os.environ, "SEGGRID_RESULTS": str(root)}
    for verb in (["train", run.run_id], ["evaluate", run.run_id, run.eval_id]):
        if subprocess.run([sys.executable, "-m", "seggrid.cli", *verb], env=environment, check=False).returncode:
            raise UserError(f"{run.run_id}: it cannot be trained and measured again, see the message above")
    ours, theirs = own.evaluation(run.eval_id).cases, fresh.evaluation(run.eval_id).cases
    # Another experiment that has the run may call its network by another name.
    equal = _named_alike(ours, run) == _named_alike(theirs, run)
    _say(f"cases.csv      {'same bytes' if equal else f'DIFFERS{_other_environment(own, fresh)}'}")
    return equal


def _other_environment(own: RunFolder, fresh: RunFolder) -> str:
    """What the run was trained with that is another now, for it may be the reason."""
    then, now = (
        {key: value for key, value in (found | found.get("versions", {})).items() if isinstance(value, str)}
        for found in (read_json(folder.environment) for folder in (own, fresh))
    )
    others = [f"{key} was {value}, is {now.get(key)}" for key, value in then.items() if now.get(key) != value]
    return f": {'; '.join(others)}" if others else ", with the same code, versions and hardware"


def _named_alike(cases: Path, run: PlannedRun) -> tuple[bytes, bytes]:
    header, _, body = cases.read_bytes().partition(b"\n")
    return header, as_planned(body, run)
