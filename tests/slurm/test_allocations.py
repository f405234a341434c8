"""Which jobs share an allocation, and what a profile asks for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY, Workplace
from tests.slurm.cluster import wait_until
from tests.slurm.grid import PATIENCE, RUNS, Grid, ranking

pytestmark = pytest.mark.workflow


def test_runs_that_share_an_allocation_share_its_gpu(grid: Grid, laptop: Workplace) -> None:
    """It is cancelled when the first of its runs is done, which is not done again."""
    grid.options = ("--group-components", "run=2")
    workflow = grid.start_ranking()
    wait_until(lambda: bool(grid.measured()), "a run is measured", PATIENCE)
    ((archive, written),) = grid.measured().items()
    (job,) = grid.jobs()
    grid.cluster.call(f"scancel {job}")
    assert grid.finish(workflow) == 0, grid.log.read_text()
    assert ranking(grid.place) == ranking(laptop)
    assert grid.measured()[archive] == written
    assert set(grid.from_start()) == {1}
    assert grid.asked("tres-per-job") == ["gres:gpu:1"] * 2
    assert grid.asked("timelimit") == ["10:00:00", "20:00:00"], "the time of two runs, and twice that for the retry"


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
