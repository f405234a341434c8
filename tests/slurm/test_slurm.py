"""``snakemake --profile slurm`` on a real Slurm: the grid, and two faults. `make slurm-faults` does all."""

from __future__ import annotations

import pytest

from tests.conftest import Workplace
from tests.slurm.faults import controller_killed, scancel
from tests.slurm.grid import RUNS, Grid, ranking, ranking_file

pytestmark = pytest.mark.workflow


def test_the_grid_gives_the_ranking_of_a_laptop(new_grid: Grid, laptop: Workplace) -> None:
    grid = new_grid
    path = grid.place.experiment
    path.write_text(f"{path.read_text()}tracking:\n  register: refit\n")
    assert grid.finish(grid.start()) == 0, grid.log.read_text()
    assert ranking(grid.place) == ranking(laptop)
    # Preprocessing, one allocation for train + evaluate of each run, and the winner on all cases.
    assert grid.asked("tres-per-job") == ["N/A", *["gres:gpu:1"] * (RUNS + 1)], "no GPU for preprocessing"
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
