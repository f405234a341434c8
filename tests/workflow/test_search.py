"""A search through a real Snakemake: rounds in turn, nothing twice, continued after a kill."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import TINY, Workplace

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


def test_a_retried_trial_is_trained_and_told_again_and_later_rounds_stay(searched: Workplace, tmp_path: Path) -> None:
    place = copy_of(searched, tmp_path)
    before, folder = tables(place), place.results / "searches" / "tiny"
    told = next(name for name, text in before.items() if "round-00/trial" in name and '"completed"' in text)
    run = place.results / "runs" / json.loads(before[told])["runs"][0]
    (evaluation,) = run.glob("eval-*")
    # As it would be, had the training failed: told as failed, and out of the ranking.
    status = {"run_id": run.name, "state": "failed", "reason": "CUDA out of memory"}
    for path in (run / "status.json", run / "ckpt" / "finished.json"):
        path.write_text(json.dumps(status))
    place.seggrid("evaluate", run.name, evaluation.name.removeprefix("eval-"))
    place.seggrid("tell", "tiny", "0")
    place.seggrid("score", "tiny")
    assert json.loads((folder / told).read_text())["state"] == "failed"
    assert f"cleared {run.name}" in place.seggrid("retry", "tiny").stdout
    later = list(folder.rglob("ask.json"))
    times = [path.stat().st_mtime_ns for path in later]
    place.snakemake()
    assert tables(place) == before, "the trial is told as what it reaches now"
    assert [path.stat().st_mtime_ns for path in later] == times
    assert "Nothing to be done" in place.snakemake().stderr


def test_a_lost_trial_is_trained_again_by_the_next_call(searched: Workplace, tmp_path: Path) -> None:
    place = copy_of(searched, tmp_path)
    before = tables(place)
    told = next(text for name, text in before.items() if "round-00/trial" in name and '"completed"' in text)
    run = place.results / "runs" / json.loads(told)["runs"][0]
    shutil.rmtree(run)
    place.seggrid("score", "tiny")
    again = place.snakemake("--dry-run", "--quiet", "rules").stdout
    assert not asked(again)
    place.snakemake()
    assert (run / "status.json").is_file() and tables(place) == before


def test_more_rounds_and_another_description_draw_no_round_again(searched: Workplace, tmp_path: Path) -> None:
    place = copy_of(searched, tmp_path)
    change(place, description="longer", scoring={"bootstrap": 200}, search={**SEARCH["search"], "rounds": 3})
    planned = place.snakemake("--dry-run").stdout
    assert asked(planned) == {"round-02/ask.json"}
    assert "round-00/rung-0/" not in planned and "round-02/rung-0/slot-01/" in planned


def test_a_search_that_was_taken_out_is_a_grid(searched: Workplace, tmp_path: Path) -> None:
    place = copy_of(searched, tmp_path)
    change(place, search=None, mixtures=["tversky"])
    planned = place.snakemake("--dry-run").stdout
    assert "rule train:" in planned and "tversky" in planned
    assert "rule tell:" not in planned


def test_a_search_trains_the_runs_that_it_starts_from(make_workplace: Callable[..., Workplace]) -> None:
    place = make_workplace(**SEARCH, training={"epochs": 3, "init_from": "parent"})
    parent = place.folder / "config" / "experiments" / "parent.yaml"
    parent.parent.mkdir(parents=True)
    parent.write_text(yaml.safe_dump({**TINY, "folds": [0]}))
    planned = place.snakemake("--dry-run").stdout
    trained = {
        line.split("/runs/")[1].split("/")[0] for line in planned.splitlines() if "output:" in line and "/runs/" in line
    }
    assert len(trained) == 2, "of both mixtures of the parent, on the fold of the search"
    trials = [block for block in planned.split("\n\n") if "rule trial:" in block]
    assert trials and all(f"{run}/status.json" in block for block in trials for run in trained)


def test_an_allocation_holds_trials_of_one_round_and_rung(make_workplace: Callable[..., Workplace]) -> None:
    place = make_workplace(**{**SEARCH, "search": {**SEARCH["search"], "trials": 4}})
    planned = place.snakemake("--dry-run", "--group-components", "trial-{number}-{rung}=3").stdout
    groups = [block.count("rule trial:") for block in planned.split("Group job ")[1:]]
    assert sorted(groups) == [1, 1, 2, 2, 3, 3], "of four slots, then of two"


def copy_of(place: Workplace, folder: Path) -> Workplace:
    """A copy that a test may change; times of change are kept."""
    shutil.copytree(place.folder, folder / "copy", symlinks=True)
    return Workplace(folder / "copy", folder / "copy" / place.experiment.name)


def change(place: Workplace, **sections: object) -> None:
    raw = {**yaml.safe_load(place.experiment.read_text()), **sections}
    place.experiment.write_text(yaml.safe_dump(raw))


def asked(output: str) -> set[str]:
    """The rounds that Snakemake says it would draw."""
    lines = (line.strip() for line in output.splitlines())
    return {
        "/".join(line.split("/")[-2:]) for line in lines if line.startswith("output:") and line.endswith("ask.json")
    }


def wait_for(path: Path, running: subprocess.Popen[bytes]) -> None:
    while not path.is_file():
        assert running.poll() is None, "the workflow ended before it was killed"
        time.sleep(0.05)
