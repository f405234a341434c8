"""Fixtures that every test may use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import seggrid.tracking  # noqa: F401 (MLflow reads its switch of telemetry when it is imported, by whom it may be)
from tests.loopback import loopback_only

REPOSITORY = Path(__file__).resolve().parents[1]

#: The smallest experiment that goes through every stage: ellipses, two candidates, two folds.
TINY: dict[str, Any] = {
    "data": {"source": "phantom", "knee": {"subjects": 6, "frames": 1, "size": 48, "style": "ellipses"}},
    "preprocessing": ["z_score"],
    "splits": {"folds": 2},
    "networks": ["FPN_MobileNetV3s"],
    "mixtures": ["ce", "0.50*dual_level_ce + 0.25*dice + 0.25*boundary"],
    "training": {"epochs": 3, "batch_size": 4, "checkpoint_seconds": 0},
    "scoring": {"bootstrap": 100},
}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything must run (SEGGRID_NO_SKIPS), a skipped test fails the session."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("SEGGRID_NO_SKIPS") and reporter and reporter.stats.get("skipped"):
        reporter.write_line("a test was skipped although SEGGRID_NO_SKIPS is set", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def _no_traffic() -> Iterator[None]:
    """Nothing leaves this machine, as far as it is seen from this process; child processes are not covered."""
    with loopback_only():
        yield


@pytest.fixture(autouse=True)
def _denormals() -> Iterator[None]:
    """What computes in this process flushes denormals for good, without which Hypothesis draws no numbers."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout under test."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images and oracles beside the checkout; skips where it is absent."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip("../shared is absent: it holds real images that are never committed")
    return folder


@dataclass(frozen=True)
class Workplace:
    """A folder with an experiment file and a results folder, and the commands that work in it."""

    folder: Path
    experiment: Path

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SEGGRID_RESULTS": str(self.results)}

    def seggrid(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``seggrid`` as its own process."""
        return self._run([sys.executable, "-m", "seggrid.cli", *arguments], check)

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the workflow as its own process, as the README says, but in this folder."""
        return self._run(self.snakemake_command(*arguments), check)

    def snakemake_command(self, *arguments: str) -> list[str]:
        command = [sys.executable, "-m", "snakemake", "-c2", "-s", str(REPOSITORY / "Snakefile"), *arguments]
        return [*command, "--config", f"experiment={self.experiment}"]

    def _run(self, command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def share_data(self, other: Workplace) -> None:
        """Use the preprocessed data of another place, which must have the same data set."""
        for data in (other.results / "data").glob("phantom-*"):
            shutil.rmtree(self.results / "data" / data.name)
            (self.results / "data" / data.name).symlink_to(data)

    def run_ids(self) -> list[str]:
        return sorted(path.name for path in (self.results / "runs").iterdir())


@pytest.fixture(scope="session")
def make_workplace(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Workplace]:
    """Make a workplace for a changed copy of the tiny experiment."""

    def make(**changes: object) -> Workplace:
        folder = tmp_path_factory.mktemp("workplace")
        path = folder / "tiny.yaml"
        path.write_text(yaml.safe_dump({**TINY, **changes}), encoding="utf-8")
        return Workplace(folder, path)

    return make


@pytest.fixture(scope="session")
def preprocessed(make_workplace: Callable[..., Workplace]) -> Workplace:
    """The tiny experiment, planned and preprocessed but not trained; tests must not change it."""
    place = make_workplace()
    place.seggrid("plan", str(place.experiment))
    (data,) = (place.results / "data").glob("phantom-*")
    place.seggrid("preprocess", data.name)
    return place
