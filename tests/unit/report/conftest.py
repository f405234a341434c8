"""Made-up grids in results folders of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from seggrid.report.results import Results, read_results
from seggrid.scoring.stage import score
from tests.unit.report.grid import NAME, write_grid

MakeResults = Callable[..., Results]


@pytest.fixture
def make_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeResults:
    """Make a grid and score it, where ``scored`` says so; the results folder stays set for the test."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))

    def make(states: Mapping[int, str] | None = None, scored: bool = True) -> Results:
        write_grid(tmp_path, states)
        if scored:
            score(NAME)
        return read_results(NAME)

    return make


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    """A complete grid; tests must not change its files."""
    folder = tmp_path_factory.mktemp("complete")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGGRID_RESULTS", str(folder / "results"))
        write_grid(folder)
        score(NAME)
        yield read_results(NAME)
