"""A made-up grid with ensembles: what the report says of them."""

from __future__ import annotations

import runpy
from pathlib import Path

import pandas as pd
import pytest

from seggrid.config import Experiment
from seggrid.config.ensemble import ENSEMBLE
from seggrid.paths import RunFolder
from seggrid.records import read_json, write_json
from seggrid.report.manuscript.claim_answers import answers
from seggrid.report.page import render
from seggrid.report.results import Results, read_results
from seggrid.report.sections import curves, effects, ensembles, heatmaps
from seggrid.report.stage import write_report
from seggrid.scoring.stage import score
from seggrid.specification import is_ensemble
from tests.conftest import REPOSITORY
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
    (best,) = learned["gain"]["choices"]
    assert (best["network"], best["label"], best["folds"]) == ("UNet_R18", LABEL, ["0", "1"])
    position = results.ranking.set_index(["network", "loss"])["overlap"]
    expected = position[ENSEMBLE, learned["loss"]] - position["UNet_R18", best["loss"]]
    assert learned["gain"]["overlap"] == pytest.approx(expected)
    assert [row["network"] for row in section.values["weights"]] == ["UNet_R18"] * 2
    assert sorted(row["class_1"] for row in section.values["weights"]) == [0.25, 0.75]
    assert [name for _, name in section.values["classes"]] == ["background", *CLASSES]


#: Of seeds 0 and 1, by fold and whether the member is trained with ce.
MEMBER_WEIGHTS = {"0": {True: (0.1, 0.2), False: (0.3, 0.4)}, "1": {True: (0.2, 0.3), False: (0.1, 0.4)}}
#: O of folds 0 and 1.
OVERLAP = {
    ("ce", "val"): (0.9, 0.6), ("ce", "test"): (0.8, 0.4),
    ("mixed", "val"): (0.5, 0.7), ("mixed", "test"): (0.6, 0.7),
    (ENSEMBLE, "val"): (0.9, 0.9), (ENSEMBLE, "test"): (0.85, 0.85),
}  # fmt: skip


@pytest.fixture
def over_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """Two mixtures x two folds x two seeds, and an ensemble over the seeds. Each fold's val prefers another mixture."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    settings = make_experiment(tmp_path / "raw").model_dump(by_alias=True)
    settings |= {"networks": ["UNet_R18"], "seeds": [0, 1], "ensembles": [{"weights": "learned", "over_seeds": True}]}
    plan = fill(Experiment.model_validate(settings))
    named = {run.run_id: run for run in plan.runs}
    for run in plan.runs:
        kind = ENSEMBLE if run.network == ENSEMBLE else "ce" if run.loss == "ce" else "mixed"
        if kind == ENSEMBLE:
            members = read_json(RunFolder(run.run_id).spec)["members"]
            of = [named[member] for member in members]
            weights = [[MEMBER_WEIGHTS[run.fold][member.loss == "ce"][member.seed]] * 3 for member in of]
            learned = {"members": members, "classes": ["background", *CLASSES], "weights": weights, "steps": 5}
            write_json(RunFolder(run.run_id).weights, learned)
        path = RunFolder(run.run_id).evaluation(run.eval_id).cases
        table = pd.read_csv(path)
        for split in ("val", "test"):
            rows = table["split"] == split
            table.loc[rows, list(plan.experiment.scoring.overlap.mean)] = OVERLAP[kind, split][int(run.fold)]
            table.loc[rows, list(plan.experiment.scoring.distance.mean)] = 1.5 if kind == ENSEMBLE else 2.0
        table.to_csv(path, index=False, lineterminator="\n")
    score(NAME)
    return read_results(NAME)


def test_weights_of_seeds_are_added_up_so_that_they_sum_to_one(over_seeds: Results) -> None:
    section = ensembles.build(over_seeds)
    assert section is not None
    rows = section.values["weights"]
    assert [row["label"] for row in rows] == ["ce", LABEL]
    for column, _ in section.values["classes"]:
        assert [row[column] for row in rows] == pytest.approx([0.4, 0.6])


def test_the_gain_is_over_what_each_fold_chooses_on_its_own_val(over_seeds: Results) -> None:
    section = ensembles.build(over_seeds)
    assert section is not None
    (row,) = section.values["rows"]
    gain = row["gain"]
    assert [(choice["label"], choice["folds"]) for choice in gain["choices"]] == [("ce", ["0"]), (LABEL, ["1"])]
    assert gain["overlap"] == pytest.approx(0.1), "0.85 minus the mean of 0.8 and 0.7; over ce alone it is 0.25"
    assert 0.05 <= gain["overlap_low"] < 0.1 < gain["overlap_high"] <= 0.15
    assert [gain["distance"], gain["distance_low"], gain["distance_high"]] == pytest.approx([-0.5] * 3)
    page = render(over_seeds, [section])
    assert "</span> in fold 0;" in page
    assert "chosen fold by fold" in page


def test_the_page_holds_them_as_text(results: Results) -> None:
    page = write_report(NAME).read_text(encoding="utf-8")
    assert "&lt;u&gt;mean&lt;/u&gt;" in page
    assert "<u>mean" not in page
    assert 'id="weights-table"' in page
    assert (results.folder.tables / "ensemble-weights.csv").is_file()


def test_a_grid_without_any_has_no_section(complete: Results) -> None:
    assert ensembles.build(complete) is None


def test_the_page_of_experiments_counts_no_training_twice(results: Results) -> None:
    written = runpy.run_path(str(REPOSITORY / "docs" / "experiment_tables.py"))["what_ran"](results)
    assert "12 of 12 runs completed, 4 of them ensembles, 10.0 min of training" in written


def test_the_checklist_names_them_and_counts_no_mixture_more(results: Results) -> None:
    found = answers(results)
    assert "Comparison of 2 networks and 2 loss mixtures for the segmentation" in found[6].text
    assert found[27].text.startswith(
        "2 ensembles of trained networks, which compete with them: <u>mean</u> (mean of 4 candidates); "
        "learned(UNet_R18) (weights learned on validation, 2 candidates)."
    )
    assert "All other figures are means over single runs." in found[27].text
