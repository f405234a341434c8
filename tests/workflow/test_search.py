"""A search through a real Snakemake: rounds in turn, nothing twice, continued after a kill."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Workplace

pytestmark = pytest.mark.workflow
SEARCH = {
    "mixtures": [],
    "folds": [0],
    "search": {
        "rounds": 2,
        "trials": 2,
        "halving": {"rungs": [1], "reduction": 2},
        "space": {"terms": ["ce", "dice", "boundary"]},
    },
}


@pytest.fixture(scope="module")
def searched(make_workplace: Callable[..., Workplace]) -> Workplace:
    """A search, run to its end."""
    place = make_workplace(**SEARCH)
    place.snakemake()
    return place


def tables(place: Workplace) -> dict[str, str]:
    folder = place.results / "searches" / "tiny"
    return {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.json"))}


def test_every_trial_that_reached_the_end_is_ranked(searched: Workplace) -> None:
    folder = searched.results / "experiments" / "tiny"
    with (folder / "ranking.csv").open(newline="") as file:
        losses = {row["loss"] for row in csv.DictReader(file)}
    told = [json.loads(text) for name, text in tables(searched).items() if "/trial-" in name]
    assert [outcome["state"] for outcome in told].count("stopped") == 2
    assert losses == {outcome["loss"] for outcome in told if outcome["state"] == "completed"}
    assert (folder / "report.html").is_file() and (folder / "tracked.json").is_file()


def test_a_second_call_has_nothing_to_do(searched: Workplace) -> None:
    done = searched.snakemake()
    assert "Nothing to be done" in done.stdout + done.stderr


def test_a_search_that_was_killed_ends_with_the_same_files(
    searched: Workplace, make_workplace: Callable[..., Workplace]
) -> None:
    place = make_workplace(**SEARCH)
    first = place.results / "searches" / "tiny" / "round-00" / "rung-0" / "slot-00" / "f0-s0.json"
    running = subprocess.Popen(
        place.snakemake_command(), cwd=place.folder, env=place.environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(first, running)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    place.snakemake()
    assert tables(place) == tables(searched)


def wait_for(path: Path, running: subprocess.Popen[bytes]) -> None:
    while not path.is_file():
        assert running.poll() is None, "the workflow ended before it was killed"
        time.sleep(0.05)
