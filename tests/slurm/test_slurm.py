"""``snakemake --profile slurm`` on a real Slurm: the grid, and two faults. `make slurm-faults` does all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY, Workplace
from tests.slurm.faults import controller_killed, scancel
from tests.slurm.grid import RUNS, Grid, ranking, ranking_file

pytestmark = pytest.mark.workflow


def test_the_grid_gives_the_ranking_of_a_laptop(new_grid: Grid, laptop: Workplace) -> None:
    grid = new_grid
    assert grid.finish(grid.start()) == 0, grid.log.read_text()
    assert ranking(grid.place) == ranking(laptop)
    assert len(grid.jobs()) == 1 + RUNS, "preprocessing, and one allocation for train + evaluate of each run"
    assert grid.asked("tres-per-job") == {"N/A", "gres:gpu:1"}, "one GPU an allocation, none for preprocessing"
    assert grid.twice() == 0
    assert ranking_file(grid.place).with_name("report.html").is_file()


def test_a_cancelled_job_is_submitted_again_and_resumes(grid: Grid, laptop: Workplace) -> None:
    scancel(grid)
    assert ranking(grid.place) == ranking(laptop)
    assert set(grid.from_start()) == {1}, "training went on from its checkpoint"


def test_jobs_of_a_killed_snakemake_are_cancelled_by_the_next(grid: Grid, laptop: Workplace) -> None:
    controller_killed(grid)
    assert ranking(grid.place) == ranking(laptop)
    assert set(grid.from_start()) == {1}


def test_runs_that_share_an_allocation_share_its_gpu(grid: Grid, laptop: Workplace) -> None:
    grid.options = ("--group-components", "run=2")
    assert grid.finish(grid.start_ranking()) == 0, grid.log.read_text()
    assert ranking(grid.place) == ranking(laptop)
    assert len(grid.jobs()) == 1
    assert grid.asked("tres-per-job") == {"gres:gpu:1"}
    assert grid.asked("timelimit") == {"10:00:00"}, "the time of two runs"


def dry_run(grid: Grid, experiment: Path) -> str:
    """Call Snakemake as the manual says, in the root of the repository, but for nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--profile", "slurm", "--dry-run", "--config", f"experiment={experiment}"],
        cwd=REPOSITORY,
        env={**grid.place.environment, **grid.cluster.environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_profile_is_found_from_the_root(new_grid: Grid) -> None:
    assert dry_run(new_grid, new_grid.place.experiment).count("Group job run ") == RUNS
    assert not new_grid.jobs()


def test_runs_that_start_from_one_parent_do_not_share_its_allocation(new_grid: Grid) -> None:
    parent = new_grid.place.experiment
    raw = yaml.safe_load(parent.read_text())
    parent.write_text(yaml.safe_dump({**raw, "mixtures": ["ce"]}))
    child = parent.with_name("child.yaml")
    training = {**raw["training"], "init_from": str(parent)}
    child.write_text(yaml.safe_dump({**raw, "mixtures": ["dice", "0.5*ce + 0.5*dice"], "training": training}))
    planned = dry_run(new_grid, child)
    assert (planned.count("Group job run "), planned.count("Group job refinement ")) == (1, 2)
