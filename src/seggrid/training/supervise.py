"""The small parent of a training: it outlives the child and says how the run ended.

A NaN, an exception, a full memory or a crash ends with the status ``failed`` and a reason, and the grid goes on. A
child that was killed from outside, or that found the disk full, is lost, not failed: the command fails, and the next
one resumes. A device that is not here is a mistake in the command: it says nothing of the run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any, TextIO

from seggrid.errors import LostError, UserError
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder, results_root
from seggrid.records import RunStatus, read_json, read_status, sweep_parts, time_in_training, write_json
from seggrid.specification import RunSpec, read_plan, read_run
from seggrid.training.exit_status import ExitStatus
from seggrid.training.lease import lease

#: Kills without a new checkpoint in between after which a run counts as failed.
LOST_IN_A_ROW = 3
#: For glibc, unless the user says otherwise: up to 1 GiB of freed memory stays with the training. By default every step
#: returns the memory of its activations to the kernel and takes it again page by page, which is 4 % of its time.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**30)}
_LOST = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def supervise(run_id: str, device: str | None = None, stream: TextIO = sys.stderr) -> RunStatus:
    """Train a run to its end, resuming what an earlier attempt left; return how it ended.

    Args:
        device: replaces the device of the specification.
        stream: where a wait for another writer is told.

    Raises:
        UserError: there is no such run, its data or the run that it starts from are not ready, or the device is not
            here.
        LostError: the training was killed from outside, or the disk is full; what it had is kept.
    """
    status = _supervise(run_id, device, stream, None)
    if status is None:
        raise AssertionError(f"{run_id}: a training without a limit was paused")
    return status


def supervise_until(run_id: str, epochs: int, device: str | None = None, stream: TextIO = sys.stderr) -> None:
    """Train a run for its first ``epochs``, unless it has got as far or has ended; it can be trained on later.

    Raises:
        UserError, LostError: as ``supervise``.
    """
    _supervise(run_id, device, stream, epochs)


def _supervise(run_id: str, device: str | None, stream: TextIO, until: int | None) -> RunStatus | None:
    folder = RunFolder(run_id)
    spec = read_run(run_id)
    with lease(folder.lease, waiting=lambda text: print(text, file=stream, flush=True)):
        status = read_status(folder)
        if status is None and until is not None and _epochs_kept(folder) >= until:
            return None
        if status is None:
            _check_inputs(spec)
            status = _fallen_with_parent(spec) or _run_child(folder, spec, device, until)
            if status is None:
                return None
            write_json(folder.finished, status.model_dump(mode="json"))
        if not folder.status.is_file():
            write_json(folder.status, status.model_dump(mode="json"))
        if status.state == "completed":
            _sweep(folder)
        return status


def _epochs_kept(folder: RunFolder) -> int:
    """Epochs of the latest checkpoint."""
    return max((int(path.stem.removeprefix("epoch-")) for path in folder.checkpoints.glob("epoch-*.pt")), default=0)


def _sweep(folder: RunFolder) -> None:
    """Delete what only a resumption needs, and what kills left half-written."""
    for checkpoint in folder.checkpoints.glob("epoch-*.pt"):
        checkpoint.unlink()
    sweep_parts(folder.checkpoints, 0)
    # Only what is written under the lease: a plan may be writing spec.json.
    for path in (folder.model, folder.history, folder.environment, folder.status):
        sweep_parts(folder.folder, 0, path.name)


def _check_inputs(spec: RunSpec) -> None:
    if not DataFolder(spec.data_id).index.is_file():
        raise UserError(
            f"{DataFolder(spec.data_id).index}: no such file; run `seggrid preprocess {spec.data_id}` first"
        )
    parent = spec.parent.run_id if spec.parent is not None else None
    if parent is not None and read_status(RunFolder(parent)) is None:
        raise UserError(f"training.init_from: run {parent} is not completed; train it first")


def _fallen_with_parent(spec: RunSpec) -> RunStatus | None:
    """The status of a run whose initial weights will not come, so that the grid goes on without it."""
    parent = spec.parent.run_id if spec.parent is not None else None
    status = read_status(RunFolder(parent)) if parent is not None else None
    if status is None or status.state == "completed":
        return None
    reason = f"training.init_from: run {parent} failed ({status.reason}); run `seggrid retry {parent}` first"
    return RunStatus(run_id=spec.run_id, state="failed", reason=reason)


def _run_child(folder: RunFolder, spec: RunSpec, device: str | None, until: int | None) -> RunStatus | None:
    folder.failure.unlink(missing_ok=True)
    threads = str(spec.training.threads)
    environment = {
        **KEEP_MEMORY,
        **os.environ,
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "PYTHONFAULTHANDLER": "1",
    }
    command = [sys.executable, "-m", "seggrid.training.run", spec.run_id, device or spec.training.device]
    command += [str(os.getpid()), *([str(until)] if until is not None else [])]
    code = subprocess.call(command, env=environment)
    if code == 0:
        return RunStatus.model_validate(read_json(folder.finished))
    if code == ExitStatus.PAUSED:
        return None
    if -code in _LOST or code - 128 in _LOST:
        name = signal.Signals(-code if code < 0 else code - 128).name
        return _lost(folder, spec, name)
    if code in (ExitStatus.DISK_FULL, ExitStatus.NOT_FLUSHED):
        raise LostError(
            f"{spec.run_id}: {results_root().absolute()} cannot be written to, for its disk is full, over its quota or "
            "read-only; make room, and run the same command again to resume"
        )
    reason = read_json(folder.failure)["reason"] if folder.failure.is_file() else _crash(code)
    if code == ExitStatus.NO_DEVICE:
        raise UserError(reason)
    return _failed(folder, spec, reason, diverged=code == ExitStatus.DIVERGED)


def _failed(folder: RunFolder, spec: RunSpec, reason: str, diverged: bool = False) -> RunStatus:
    spent = time_in_training(folder)._asdict()
    return RunStatus(run_id=spec.run_id, state="failed", reason=reason, diverged=diverged, **spent)


def _lost(folder: RunFolder, spec: RunSpec, name: str) -> RunStatus:
    """A killed training resumes; one that is killed again and again without getting further has failed.

    Raises:
        LostError: it may still get further.
    """
    latest = _epochs_kept(folder)
    record = folder.checkpoints / "lost.json"
    before: dict[str, Any] = read_json(record) if record.is_file() else {"latest": None}
    count = 1 + (int(before["count"]) if before["latest"] == latest else 0)
    write_json(record, {"latest": latest, "count": count})
    if count < LOST_IN_A_ROW:
        raise LostError(
            f"{spec.run_id}: the training was killed ({name}; by the operating system, if memory ran out); "
            "run the same command again to resume"
        )
    record.unlink()
    reason = f"killed ({name}) {count} times without getting further; memory may be too small: try a smaller batch_size"
    return _failed(folder, spec, reason)


def _crash(code: int) -> str:
    if code < 0:
        return f"crashed with {signal.Signals(-code).name}; see train.log"
    return f"ended with exit status {code}; see train.log"


def retry(run_id: str, from_start: bool) -> bool:
    """Clear a failed run, so that it is trained again; return whether there was anything to clear.

    Its checkpoints are kept, for resuming gives the numbers of a training without a break. The rankings of the
    experiments that it belongs to are withdrawn, so that Snakemake makes them anew.

    Args:
        from_start: delete the checkpoints too.
    """
    folder = RunFolder(run_id)
    status = read_status(folder)
    if status is None or status.state != "failed":
        return False
    if from_start:
        for checkpoint in folder.checkpoints.glob("epoch-*.pt"):
            checkpoint.unlink()
    for evaluation in folder.folder.glob("eval-*/cases.csv"):
        evaluation.unlink()
    write_json(folder.folder / "failed.json", status.model_dump(mode="json"))  # kept for the reader
    for path in (folder.finished, folder.status):
        path.unlink(missing_ok=True)
    for plan in results_root().glob("experiments/*/plan.csv"):
        if any(run.run_id == run_id for run in read_plan(plan.parent.name)):
            ExperimentFolder(plan.parent.name).withdraw_ranking()
    return True
