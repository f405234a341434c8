"""A made-up grid with ensembles: what the report says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from seggrid.config import Experiment
from seggrid.config.ensemble import ENSEMBLE
from seggrid.paths import RunFolder
from seggrid.records import read_json, write_json
from seggrid.report.results import Results, read_results
from seggrid.report.sections import curves, effects, ensembles, heatmaps
from seggrid.report.stage import write_report
from seggrid.scoring.stage import score
from seggrid.specification import is_ensemble
from tests.unit.report.grid import CLASSES, LABEL, NAME, fill, make_experiment


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """The made-up grid with two ensembles, which are better than all others; one of them learned its weights."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    settings = make_experiment(tmp_path / "raw").model_dump(by_alias=True)
    settings["ensembles"] = [{"label": "<u>mean</u>"}, {"members": ["UNet_R18"], "weights": "learned"}]
    plan = fill(Experiment.model_validate(settings))
    for run in plan.runs:
        folder = RunFolder(run.run_id)
        if is_ensemble(run.run_id):
            folder.history.unlink()
            members = read_json(folder.spec)["members"]
            steps = 5 if run.loss.startswith("learned") else 0
            weights = [[0.25 + 0.5 * number] * 3 for number in range(len(members))]
            learned = {"members": members, "classes": ["background", *CLASSES], "weights": weights, "steps": steps}
            write_json(folder.weights, learned)
    score(NAME)
    return read_results(NAME)


def test_they_are_ranked_and_stand_in_no_figure_of_single_networks(results: Results) -> None:
    assert results.ranking["network"].tolist().count(ENSEMBLE) == 2
    assert ENSEMBLE not in heatmaps.grid_frame(results, results.ranked, "overlap").columns
    assert ENSEMBLE not in {candidate.network for candidate in curves.build(results).values["candidates"]}
    assert curves.build(results).values["without"] == 0
    assert not [row for row in effects.build(results).values["rows"] if ENSEMBLE in str(row["level"])]
    assert results.scores is not None
    assert not [text for text in results.scores["warnings"] if ENSEMBLE in text]


def test_the_section_tells_members_weights_and_gain(results: Results) -> None:
    section = ensembles.build(results)
    assert section is not None
    mean, learned = section.values["rows"]
    assert (mean["label"], mean["members"], learned["loss"]) == ("<u>mean</u>", 4, "learned(UNet_R18)")
    assert learned["members"] == 2
    best = learned["gain"]["best"]
    assert (best["network"], best["label"]) == ("UNet_R18", LABEL)
    position = results.ranking.set_index(["network", "loss"])["overlap"]
    expected = position[ENSEMBLE, learned["loss"]] - best["overlap"]
    assert learned["gain"]["overlap"] == pytest.approx(expected)
    assert [row["network"] for row in section.values["weights"]] == ["UNet_R18"] * 2
    assert sorted(row["class_1"] for row in section.values["weights"]) == [0.25, 0.75]
    assert [name for _, name in section.values["classes"]] == ["background", *CLASSES]


def test_the_page_holds_them_as_text(results: Results) -> None:
    page = write_report(NAME).read_text(encoding="utf-8")
    assert "&lt;u&gt;mean&lt;/u&gt;" in page
    assert "<u>mean" not in page
    assert 'id="weights-table"' in page
    assert (results.folder.tables / "ensemble-weights.csv").is_file()


def test_a_grid_without_any_has_no_section(complete: Results) -> None:
    assert ensembles.build(complete) is None
