"""The section on post-processing, of a made-up grid."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from seggrid.paths import RunFolder
from seggrid.records import write_json
from seggrid.report.page import Section, render
from seggrid.report.results import Results, read_results
from seggrid.report.sections import postprocessing
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun
from tests.unit.report.grid import CLASSES, NAME, fill, make_experiment

FILLED = {"name": "fill_holes", "parameters": {}}
LARGEST = {"name": "largest_component", "parameters": {}}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """Post-processing gained 0.1 of Dice on the first object of every run, and removed an object that was invented."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    settings = make_experiment(tmp_path / "raw").model_dump(by_alias=True)
    settings["evaluation"]["postprocessing"] = ["largest_component", ["largest_component", "fill_holes"]]
    plan = fill(type(make_experiment(tmp_path / "other")).model_validate(settings))
    for position, run in enumerate(plan.runs):
        pretend(run, [LARGEST, FILLED] if position % 2 else [LARGEST])
    score(NAME)
    return read_results(NAME)


def pretend(run: PlannedRun, steps: list[dict[str, object]]) -> None:
    folder = RunFolder(run.run_id).evaluation(run.eval_id)
    table = pd.read_csv(folder.cases)
    first = table["class"] == CLASSES[0]
    table.loc[first, "dice"] -= 0.1
    table.loc[first & (table["case"] == table["case"].iloc[-1]), "status"] = "truth_empty"
    table.to_csv(folder.unprocessed, index=False, lineterminator="\n")
    classes = [{"name": CLASSES[0], "steps": steps, "dice": {}}, {"name": CLASSES[1], "steps": [], "dice": {}}]
    write_json(folder.choice, {"classes": classes, "cases": 2})


def test_the_table_shows_both_and_the_difference(results: Results) -> None:
    frame = postprocessing.comparison(results, postprocessing.compared_metrics(results))
    assert len(frame) == 4 * 2
    assert frame["rank"].is_monotonic_increasing
    first, second = frame[frame["class"] == CLASSES[0]], frame[frame["class"] == CLASSES[1]]
    assert first["dice_difference"].to_numpy() == pytest.approx([0.1] * 4)
    assert first["dice"].to_numpy() == pytest.approx(first["dice_before"].to_numpy() + 0.1)
    assert first["dice_difference_low"].to_numpy() == pytest.approx([0.1] * 4)
    assert (second[["dice_difference", "hd95_difference", "dice_difference_high"]] == 0).all(axis=None)
    assert first["chosen"].unique().tolist() == ["largest_component (1 of 2), largest_component + fill_holes (1 of 2)"]
    assert second["chosen"].unique().tolist() == ["none (2 of 2)"]
    assert (first["invented_before"] > first["invented"]).all()


def test_the_page_has_the_section(results: Results) -> None:
    section = postprocessing.build(results)
    assert section is not None
    page = render(results, [section])
    assert 'id="postprocessing-table"' in page
    assert "largest_component + fill_holes" in page
    assert "+0.100" in page
    assert [table.name for table in section.tables] == ["postprocessing"]


def test_runs_that_were_measured_without_it_have_no_part(results: Results) -> None:
    run = results.grid.runs[0]
    RunFolder(run.planned.run_id).evaluation(run.planned.eval_id).choice.unlink()
    frame = postprocessing.comparison(results, ("dice", "hd95"))
    (told,) = frame[(frame["network"] == run.planned.network) & (frame["label"] == run.planned.label)
                    & (frame["class"] == CLASSES[1])]["chosen"]  # fmt: skip
    assert told == "none"


def test_an_evaluation_without_it_has_no_section(complete: Results) -> None:
    found: Section | None = postprocessing.build(complete)
    assert found is None
