"""A search through ``snakemake --profile slurm``: the trials of a laptop, also where a job of one is cancelled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import TINY, Workplace
from tests.slurm.cluster import Cluster
from tests.slurm.grid import Grid, ranking, undisturbed

pytestmark = pytest.mark.workflow
SEARCH = {
    "mixtures": [],
    "folds": [0],
    "training": {**TINY["training"], "epochs": 12, "steps_per_epoch": 1},
    "search": {
        "rounds": 2,
        "trials": 2,
        "halving": {"rungs": [4], "reduction": 2},
        "space": {"terms": ["ce", "dice", "boundary"]},
    },
}


def tables(place: Workplace) -> dict[str, str]:
    """What was asked and told, and which run each slot has."""
    folder = place.results / "searches" / "tiny"
    return {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.json"))}


def test_a_search_draws_and_ranks_the_trials_of_a_laptop(
    cluster: Cluster, make_workplace: Callable[..., Workplace]
) -> None:
    laptop = make_workplace(**SEARCH)
    expected = undisturbed(laptop)
    grid = Grid(cluster, make_workplace(**SEARCH))
    workflow = grid.start_ranking()
    job = grid.wait_for_training(workflow)
    grid.cluster.call(f"scancel {job}")
    assert grid.finish(workflow) == 0, grid.log.read_text()
    assert tables(grid.place) == tables(laptop)
    assert ranking(grid.place) == expected
    # Preprocessing; two trials, the better one to its end, in each of two rounds; and the one that was cancelled again.
    assert grid.asked("tres-per-job") == ["N/A", *["gres:gpu:1"] * (2 * 3 + 1)]
