"""A real Slurm for the tests of this folder; where its programs are not installed, there is nothing to collect."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Workplace
from tests.slurm.cluster import PACKAGES, PROGRAMS, Cluster
from tests.slurm.grid import EXPERIMENT, Grid, undisturbed, with_data_of

MISSING = [name for name in PROGRAMS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
# Where everything must run (SEGGRID_NO_SKIPS), a missing program is an error.
NO_CLUSTER = bool(MISSING) and not os.environ.get("SEGGRID_NO_SKIPS")
collect_ignore_glob = ["test_*.py"] if NO_CLUSTER else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why there is nothing to collect."""
    if NO_CLUSTER:
        terminalreporter.write_line(f"no tests of Slurm: {', '.join(MISSING)} not installed; {PACKAGES}", yellow=True)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two virtual nodes with two fake GPUs each."""
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="session")
def laptop(make_workplace: Callable[..., Workplace]) -> Workplace:
    """The same experiment, ranked on this machine without Slurm."""
    place = make_workplace(**EXPERIMENT)
    undisturbed(place)
    return place


@pytest.fixture
def new_grid(cluster: Cluster, make_workplace: Callable[..., Workplace]) -> Grid:
    """The experiment in an empty folder."""
    return Grid(cluster, make_workplace(**EXPERIMENT))


@pytest.fixture
def grid(new_grid: Grid, laptop: Workplace) -> Grid:
    """The experiment, with its data preprocessed."""
    with_data_of(new_grid.place, laptop)
    return new_grid
