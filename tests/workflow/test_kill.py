"""Killed at any moment and started again: the same bytes, no unlock, one writer.

``SEGGRID_KILLS`` sets the number of random kills (``make kills``: 20; by default 3).
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import TINY, Workplace

pytestmark = pytest.mark.workflow
KILLS = int(os.environ.get("SEGGRID_KILLS", "3"))
#: Enough for every kill, also where a training goes on while the next Snakemake starts.
EPOCHS = 30 * KILLS
#: A checkpoint after every epoch, so that kills fall into their writes as well.
EXPERIMENT = {
    "mixtures": ["0.50*dual_level_ce + 0.25*dice + 0.25*boundary"],
    "folds": [0],
    "training": {**TINY["training"], "epochs": EPOCHS, "steps_per_epoch": 5},
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


def start(place: Workplace, *targets: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        place.snakemake_command(*(targets or ["trained"])),
        cwd=place.folder,
        env=place.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def processes_of(place: Workplace, module: str) -> list[psutil.Process]:
    """The living processes of a workplace that run a module, whoever started them."""
    found = []
    for process in psutil.process_iter():
        try:
            here = process.environ().get("SEGGRID_RESULTS") == str(place.results)
            if here and any(module in argument for argument in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def kill_training(place: Workplace) -> None:
    for process in processes_of(place, "seggrid.training.run"):
        process.kill()


def kill_its_parent(place: Workplace) -> None:
    """The ``seggrid train`` that holds the lease and outlives the training."""
    for process in processes_of(place, "bin/seggrid"):
        process.kill()


def kill_snakemake(place: Workplace) -> None:
    for process in processes_of(place, "snakemake"):
        process.kill()


def kill_all(place: Workplace) -> None:
    for victim in (kill_snakemake, kill_its_parent, kill_training):
        victim(place)


def latest_epoch(place: Workplace) -> int:
    """The latest epoch that a checkpoint holds."""
    return max((int(path.stem[6:]) for path in place.results.glob("runs/*/ckpt/epoch-*.pt")), default=0)


def wait_for_epoch(place: Workplace, epoch: int, workflow: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while workflow.poll() is None and time.monotonic() < deadline and latest_epoch(place) < epoch:
        time.sleep(0.005)


def test_random_kills_change_no_byte(make_workplace: Callable[..., Workplace], uninterrupted: bytes) -> None:
    """Training, its parent, Snakemake or all of them, killed at random moments again and again."""
    place, generator = make_workplace(**EXPERIMENT), random.Random(0)
    victims = [kill_all, kill_training, kill_snakemake, kill_its_parent]
    in_a_write = 0
    for number in range(KILLS):
        workflow = start(place)
        wait_for_epoch(place, latest_epoch(place) + generator.randint(0, 3), workflow)
        time.sleep(generator.uniform(0, 0.3))
        assert workflow.poll() is None, f"the run ended before kill {number}: it needs more epochs"
        victim = victims[number % len(victims)]
        victim(place)
        in_a_write += any(place.results.glob("runs/*/ckpt/.epoch-*.part"))
        try:
            workflow.wait(timeout=10)
        except subprocess.TimeoutExpired:
            # The victim belonged to an earlier Snakemake, and this one's own training has come since.
            kill_all(place)
            workflow.wait()
    place.snakemake("trained")
    print(f"{KILLS} kills, {in_a_write} of them left a half-written checkpoint")
    assert not processes_of(place, "seggrid")
    assert measured(place) == uninterrupted


def test_a_surviving_training_is_waited_for_not_doubled(make_workplace: Callable[..., Workplace]) -> None:
    place = make_workplace(**EXPERIMENT)
    first = start(place)
    wait_for_epoch(place, 2, first)
    kill_snakemake(place)
    first.wait()
    place.snakemake("trained")
    (log,) = place.results.glob("runs/*/train.log")
    epochs = [line.split("epoch ")[1].split("/")[0] for line in log.read_text().splitlines() if "epoch " in line]
    assert epochs == [str(number + 1) for number in range(EPOCHS)], "every epoch was trained once"


def test_a_damaged_latest_checkpoint_is_no_end(make_workplace: Callable[..., Workplace], uninterrupted: bytes) -> None:
    place = make_workplace(**EXPERIMENT)
    workflow = start(place)
    wait_for_epoch(place, 4, workflow)
    kill_all(place)
    workflow.wait()
    latest: Path = max(place.results.glob("runs/*/ckpt/epoch-*.pt"))
    latest.write_bytes(latest.read_bytes()[:-1000])
    (latest.parent / f".{latest.name}.xyz.part").write_bytes(b"half")
    place.snakemake("trained")
    assert measured(place) == uninterrupted


def test_a_lost_run_is_reported_then_resumed(make_workplace: Callable[..., Workplace]) -> None:
    training = {**EXPERIMENT["training"], "epochs": 30}
    place = make_workplace(**{**EXPERIMENT, "mixtures": ["ce", *EXPERIMENT["mixtures"]], "training": training})
    workflow = start(place, "all")
    wait_for_epoch(place, 4, workflow)
    kill_training(place)
    assert workflow.wait() == 1
    folder = place.results / "experiments" / "tiny"
    assert "not trained yet" in (folder / "report.html").read_text()
    assert json.loads((folder / "scores.json").read_text())["missing"]
    place.snakemake()
    assert json.loads((folder / "scores.json").read_text())["missing"] == []
    assert (folder / "tracked.json").is_file()
