"""A data set that is cut out of one patient: the report says so first, and claims nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from seggrid.paths import DataFolder, ExperimentFolder
from seggrid.records import read_json, write_json
from seggrid.report.stage import write_report
from seggrid.scoring.grid import read_grid
from seggrid.scoring.stage import score
from tests.unit.report.grid import NAME, write_grid


@pytest.fixture
def blocks_of_one_patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The grid as preprocessing and evaluation leave it where all cases are blocks of one volume."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    write_grid(tmp_path)
    grid = read_grid(NAME)
    card = DataFolder(grid.runs[0].planned.data_id).card
    write_json(card, read_json(card) | {"patients": 1, "left_out": 3})
    for run in grid.runs:
        pd.read_csv(run.cases).assign(group="leg").to_csv(run.cases, index=False)
    return NAME


def test_nothing_is_claimed_of_one_patient(blocks_of_one_patient: str) -> None:
    text = score(blocks_of_one_patient)
    assert "note: 1 patient: technical demonstration; its blocks are no independent groups" in text
    folder = ExperimentFolder(blocks_of_one_patient)
    ranking = pd.read_csv(folder.ranking)
    bounds = [name for name in ranking if name.endswith(("_low", "_high"))]
    assert bounds
    assert ranking[[*bounds, "first_share"]].isna().all(axis=None)
    page = write_report(blocks_of_one_patient).read_text()
    head = page[page.index("<header>") : page.index("</header>")]
    assert "<strong>1 patient: technical demonstration.</strong>" in head
    assert "blocks of 1 patient," in page
    assert "3 parts of volumes without any object are left out" in page
    for word in ("p&nbsp;=", "95&nbsp;% interval", "stays first", "Nemenyi's test", "Holm"):
        assert word not in page[page.index("<main>") : page.index("</main>")], word
