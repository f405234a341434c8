"""Killed at any moment and started again: the same bytes, no unlock, one writer."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import TINY, Workplace

pytestmark = pytest.mark.workflow
#: A run of about this many seconds, most of it in checkpoints, so that kills fall into their writes as well.
EXPERIMENT = {
    "mixtures": ["0.50*dual_level_ce + 0.25*dice + 0.25*boundary"],
    "folds": [0],
    "training": {**TINY["training"], "epochs": 12},  # type: ignore[dict-item]
}


@pytest.fixture(scope="module")
def uninterrupted(make_workplace: Callable[..., Workplace]) -> bytes:
    """The cases.csv of a run that nothing disturbed."""
    place = make_workplace(**EXPERIMENT)
    place.snakemake("trained")
    return measured(place)


def measured(place: Workplace) -> bytes:
    (run,) = place.run_ids()
    (evaluation,) = (path.stem for path in place.results.glob("evaluations/*.json"))
    place.seggrid("evaluate", run, evaluation)
    return (place.results / "runs" / run / f"eval-{evaluation}" / "cases.csv").read_bytes()


def start(place: Workplace) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        place.snakemake_command("trained"),
        cwd=place.folder,
        env=place.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def descendants(pid: int) -> Iterator[psutil.Process]:
    try:
        yield from psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return


def kill_training(workflow: subprocess.Popen[bytes]) -> None:
    for process in descendants(workflow.pid):
        with_arguments = " ".join(_command(process))
        if "seggrid.training.run" in with_arguments:
            process.kill()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def kill_snakemake(workflow: subprocess.Popen[bytes]) -> None:
    workflow.kill()


def kill_both(workflow: subprocess.Popen[bytes]) -> None:
    os.killpg(workflow.pid, signal.SIGKILL)


def wait_for_epochs(place: Workplace, epochs: int, workflow: subprocess.Popen[bytes]) -> None:
    """Wait until some checkpoints were written, or the workflow is over."""
    deadline = time.monotonic() + 120
    while workflow.poll() is None and time.monotonic() < deadline:
        found = sorted(path.name for path in place.results.glob("runs/*/ckpt/epoch-*.pt"))
        if found and int(found[-1][6:12]) >= epochs:
            return
        time.sleep(0.005)


@pytest.mark.parametrize("kill", [kill_training, kill_snakemake, kill_both])
def test_a_killed_workflow_ends_with_the_same_bytes(
    kill: Callable[[subprocess.Popen[bytes]], None],
    make_workplace: Callable[..., Workplace],
    uninterrupted: bytes,
) -> None:
    place = make_workplace(**EXPERIMENT)
    generator = random.Random(kill.__name__)
    for epochs in (2, 6):
        workflow = start(place)
        wait_for_epochs(place, epochs, workflow)
        time.sleep(generator.uniform(0, 0.2))
        kill(workflow)
        workflow.wait()
    place.snakemake("trained")
    assert no_training_left(place)
    assert measured(place) == uninterrupted


def no_training_left(place: Workplace) -> bool:
    return not any(str(place.folder) in " ".join(_command(p)) for p in psutil.process_iter())


def test_a_surviving_training_is_waited_for_not_doubled(make_workplace: Callable[..., Workplace]) -> None:
    place = make_workplace(**EXPERIMENT)
    first = start(place)
    wait_for_epochs(place, 2, first)
    kill_snakemake(first)
    first.wait()
    place.snakemake("trained")
    (log,) = place.results.glob("logs/train/*.log")
    (own,) = place.results.glob("runs/*/train.log")
    assert "waiting" in log.read_text() or own.read_text().count("from the start") == 1
    epochs = [line.split("epoch ")[1].split("/")[0] for line in own.read_text().splitlines() if "epoch " in line]
    assert epochs == [str(number + 1) for number in range(12)], "every epoch was trained once"


def test_a_checkpoint_of_a_full_disk_is_no_end(make_workplace: Callable[..., Workplace], uninterrupted: bytes) -> None:
    """What a kill inside a write leaves behind: a part of a file, and a truncated latest checkpoint."""
    place = make_workplace(**EXPERIMENT)
    workflow = start(place)
    wait_for_epochs(place, 4, workflow)
    kill_both(workflow)
    workflow.wait()
    latest: Path = max(place.results.glob("runs/*/ckpt/epoch-*.pt"))
    latest.write_bytes(latest.read_bytes()[:-1000])
    (latest.parent / f".{latest.name}.xyz.part").write_bytes(b"half")
    place.snakemake("trained")
    assert measured(place) == uninterrupted
