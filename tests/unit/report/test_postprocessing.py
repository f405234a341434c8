"""The section on post-processing, of a made-up grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seggrid.config import Experiment
from seggrid.paths import RunFolder
from seggrid.records import write_json
from seggrid.report.page import Section, render
from seggrid.report.results import Results, read_results
from seggrid.report.sections import postprocessing
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun
from tests.unit.report.grid import CLASSES, LABEL, NAME, fill, make_experiment

FILLED = {"name": "fill_holes", "parameters": {}}
LARGEST = {"name": "largest_component", "parameters": {}}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """Post-processing gained 0.1 of Dice on the first object of every run, and removed an object that was invented."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    settings = make_experiment(tmp_path / "raw").model_dump(by_alias=True)
    settings["evaluation"]["postprocessing"] = ["largest_component", ["largest_component", "fill_holes"]]
    plan = fill(Experiment.model_validate(settings))
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


def test_a_removed_invention_is_counted_and_not_in_the_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first test case of a run, of the last candidate's in two, the object was invented and is removed."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    settings = make_experiment(tmp_path / "raw").model_dump(by_alias=True)
    settings["evaluation"]["postprocessing"] = ["largest_component"]
    plan = fill(Experiment.model_validate(settings))
    for position, run in enumerate(plan.runs):
        pretend(run, [LARGEST])
        folder = RunFolder(run.run_id).evaluation(run.eval_id)
        after, metrics = pd.read_csv(folder.cases), list(plan.experiment.evaluation.metrics)
        tested = after.index[(after["class"] == CLASSES[0]) & (after["split"] == "test")]
        invented = tested[: 2 if position >= 6 else 1]
        before = after.copy()
        before.loc[tested, "dice"], before.loc[tested, "hd95"] = [0.6, 0.7, 0.8, 0.9], 3.0
        after.loc[tested, "dice"], after.loc[tested, "hd95"] = before.loc[tested, "dice"] - 0.002, 2.5
        before.loc[invented, ["status", "dice"]] = ["truth_empty", 0.0]
        after.loc[invented, "status"], after.loc[invented, metrics] = "both_empty", float("nan")
        before.to_csv(folder.unprocessed, index=False, lineterminator="\n")
        after.to_csv(folder.cases, index=False, lineterminator="\n")
    score(NAME)
    results = read_results(NAME)
    frame = postprocessing.comparison(results, ("dice", "hd95"))
    first = frame[frame["class"] == CLASSES[0]].set_index(["network", "label"])
    last = first.index == ("UNet_R18", LABEL)
    assert first["dice_difference"].tolist() == pytest.approx([-0.002] * 4)
    assert first["hd95_difference"].tolist() == [-0.5] * 4
    assert first.loc[~last, ["dice_before", "dice"]].to_numpy() == pytest.approx(np.array([[0.8, 0.798]] * 3))
    assert first.loc[last, ["dice_before", "dice"]].to_numpy() == pytest.approx(np.array([[0.85, 0.848]]))
    ends = ["dice_difference_low", "dice_difference_high"]
    assert first.loc[~last, ends].to_numpy() == pytest.approx(np.array([[-0.002, -0.002]] * 3))
    assert first.loc[last, ends].isna().all(axis=None), "4 groups are left"
    assert first.loc[~last, ["invented_before", "invented", "removed"]].to_numpy().tolist() == [[2, 0, 2]] * 3
    assert first.loc[last, ["invented_before", "invented", "removed"]].to_numpy().tolist() == [[4, 0, 4]]
    assert (frame.loc[frame["class"] == CLASSES[1], "removed"] == 0).all()
    section = postprocessing.build(results)
    assert section is not None
    assert "which have no part in the means" in render(results, [section])


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
