"""What the sections say about a grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seggrid.paths import RunFolder
from seggrid.report import gallery
from seggrid.report.results import Results, read_results
from seggrid.report.sections import (
    answer,
    cases,
    curves,
    data_card,
    failures,
    heatmaps,
    objects,
    overlays,
    provenance,
    ranking,
)
from seggrid.scoring.stage import score
from tests.unit.report.conftest import MakeResults
from tests.unit.report.grid import CASES, CLASSES, LABEL, NAME, NETWORK, fill, make_experiment


def test_answer_names_winner_runner_up_and_margin(complete: Results) -> None:
    values = answer.build(complete).values
    first, second = complete.ranking.iloc[0], complete.ranking.iloc[1]
    assert (values["winner"]["network"], values["winner"]["label"]) == ("UNet_R18", LABEL)
    assert values["margin"]["overlap"] == pytest.approx(first["overlap"] - second["overlap"])
    assert values["margin"]["distance"] < 0 < values["margin"]["score"]
    assert [names for _, names in values["winners"]] == [["minmax", "rank", "pareto", "absolute"]]
    assert values["same_choice"]


def test_disagreeing_criteria_are_grouped_by_winner() -> None:
    one, other = {"network": "a", "loss": "x"}, {"network": "b", "loss": "x"}
    found = answer._by_winner({"minmax": one, "rank": other, "pareto": one, "absolute": one})
    assert found == [(one, ["minmax", "pareto", "absolute"]), (other, ["rank"])]


def test_ranking_marks_the_choice_of_validation(complete: Results) -> None:
    assert complete.scores is not None
    chosen = {**complete.scores, "validation_winner": {"network": NETWORK, "loss": "ce"}}
    frame = ranking.ranking_frame(complete.ranking, chosen)
    assert frame.loc[frame["chosen"], ["network", "loss"]].to_numpy().tolist() == [[NETWORK, "ce"]]
    assert frame["rank_val"].tolist() == [1, 2, 3, 4]


def test_a_tie_on_validation_goes_to_the_higher_overlap(complete: Results) -> None:
    table = complete.ranking.copy()
    table.loc[:1, "score_val"] = 0.5
    table.loc[:1, "overlap_val"] = [0.7, 0.8]
    table.loc[2:, "score_val"] = [0.2, float("nan")]
    frame = ranking.ranking_frame(table, complete.scores)
    assert frame["rank_val"].tolist()[:3] == [2, 1, 3]
    assert pd.isna(frame["rank_val"].iloc[3])


def test_incomplete_candidate_stands_below_unranked(make_results: MakeResults) -> None:
    values = ranking.build(make_results({7: "failed"})).values
    assert len(values["rows"]) == 3
    (row,) = values["unranked"]
    assert (row.network, row.label) == ("UNet_R18", LABEL)
    assert row.note.startswith("1 failed")


def test_heat_map_has_a_field_per_candidate_in_the_order_of_the_plan(complete: Results) -> None:
    frame = heatmaps.grid_frame(complete, complete.ranked, "overlap")
    values = complete.ranking.set_index(["loss", "network"])["overlap"]
    assert frame.columns.tolist() == [NETWORK, "UNet_R18"]
    assert frame.index[0] == "ce"
    for loss, row in frame.iterrows():
        assert row.tolist() == [values[loss, network] for network in frame.columns]


def test_heat_map_leaves_unranked_candidates_blank(make_results: MakeResults) -> None:
    section = heatmaps.build(make_results({0: "missing"}))
    assert section.values["blank"] == 1
    (trace,) = section.figures[0].variants[0]["data"]
    assert trace["z"][0][0] is None
    assert trace["text"][0][0] == ""


def test_objects_stand_in_the_order_of_the_ranking(complete: Results) -> None:
    frame = objects.object_frame(complete)
    assert frame["class"].tolist() == list(CLASSES) * 4
    assert frame["rank"].tolist() == np.repeat([1, 2, 3, 4], 2).tolist()


def test_best_mean_of_each_object_is_marked() -> None:
    frame = pd.DataFrame(
        {
            "class": ["a", "a", "b", "a"],
            "rank": [1, 2, 1, None],
            "dice": [0.8, 0.9, 0.5, 1.0],
            "hd95": [3.0, 4.0, 1.0, 0.0],
            "volume_bias": [-0.1, 0.2, 0.3, 0.0],
        }
    )
    best = objects.best_rows(frame, ["dice", "hd95", "volume_bias"])
    assert best == {"dice": {1, 2}, "hd95": {0, 2}, "volume_bias": {0, 2}}


def test_curves_show_terms_of_mixtures_only(complete: Results) -> None:
    section = curves.build(complete)
    labels = [candidate.label for candidate in section.values["candidates"]]
    assert [variant is None for variant in section.figure("curves-terms").variants] == [x == "ce" for x in labels]
    assert None not in section.figure("curves-loss").variants


def test_shares_are_nominal_beside_effective(complete: Results) -> None:
    rows = curves.build(complete).values["shares"][:3]
    assert {row["term"]: row["nominal"] for row in rows} == {"dual_level_ce": 0.5, "dice": 0.25, "boundary": 0.25}
    assert [row["kept"] for row in rows] == pytest.approx([1 / 3] * 3)


def test_shares_of_epochs_without_validation_are_skipped(complete: Results) -> None:
    candidate = next(candidate for candidate in complete.candidates if candidate.label == LABEL)
    mixture = next(m for m in complete.grid.experiment.all_mixtures() if m.name == candidate.loss)
    shares = pd.DataFrame({f"ratio:{term.name}": [np.nan, 0.2, np.nan, 0.6, np.nan] for term in mixture.terms})
    frame = shares.assign(run="a", kept=[False, False, False, True, False])
    for row in curves.share_rows(candidate, mixture, frame):
        assert (row["first"], row["kept"], row["last"]) == (0.2, 0.6, 0.6)


def test_history_without_validation_has_an_empty_curve(make_results: MakeResults) -> None:
    results = make_results()
    for run in results.grid.runs:
        path = RunFolder(run.planned.run_id).history
        pd.read_csv(path).drop(columns="val_dice").to_csv(path, index=False)
    panel = curves.build(results).figure("curves-val_dice").variants[0]
    assert panel is not None
    assert all(value is None for trace in panel["data"] for value in trace["y"])


def test_mean_curve_ends_where_the_first_run_ends() -> None:
    frame = pd.DataFrame({"epoch": [1, 2, 3, 1, 2], "run": ["a"] * 3 + ["b"] * 2, "loss": [4.0, 3.0, 2.0, 2.0, 1.0]})
    line = curves._mean_line(frame, "loss", "mean", 0)
    assert (list(line.x), list(line.y)) == ([1, 2], [3.0, 2.0])


def test_objects_are_categories_whatever_they_are_called(complete: Results) -> None:
    for figure in (cases.build(complete).figures[0], data_card.build(complete).figure("data-areas")):
        for variant in figure.variants:
            assert variant is not None
            assert variant["layout"]["xaxis"]["type"] == "category"


def test_pictures_of_winner_runner_up_and_baseline(complete: Results) -> None:
    rows = overlays.build(complete).values["rows"]
    roles = [row["roles"] for row in rows]
    assert roles[0] == ["winner on test", "choice of validation"]
    assert [role for found in roles[1:] for role in found] == ["runner-up", "baseline mixture"]
    shown = rows[0]["shown"]
    assert [picture["which"] for picture in shown] == ["best", "median", "worst"]
    overlaps = [picture["prediction"].overlap for picture in shown]
    assert overlaps == sorted(overlaps, reverse=True)
    assert shown[0]["case"].case in CASES
    assert [name for name, *_ in shown[0]["prediction"].objects] == list(CLASSES)


def test_median_is_the_middle_case(complete: Results) -> None:
    frame = gallery.case_frame(complete, complete.candidates[0])
    shown = overlays.build(complete).values["rows"][0]["shown"]
    assert len(frame) == len(CASES)
    assert shown[1]["prediction"].overlap == sorted(frame["overlap"])[3]


def test_the_gallery_holds_every_test_case_of_every_notable_candidate(complete: Results) -> None:
    found = gallery.build_gallery(complete)
    assert sorted(found.cases) == sorted(CASES)
    assert found.left_out == 0
    for case in found.cases.values():
        assert [prediction.candidate for prediction in case.predictions] == list(range(len(found.roles)))
        assert all(path.startswith("M") for path in (*case.picture.truth, *case.predictions[0].outlines))


def test_of_several_seeds_the_one_drawn_is_the_one_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    experiment = make_experiment(tmp_path / "raw").model_copy(update={"seeds": (0, 1, 2)})
    # What is good in the last seed is bad in the others, and the first keeps no masks.
    for run in fill(experiment).runs:
        folder = RunFolder(run.run_id).evaluation(run.eval_id)
        if run.seed == 0:
            folder.predictions.unlink()
        if run.seed == 2:
            table = pd.read_csv(folder.cases)
            measured = ["dice", "iou", "precision", "recall"]
            table[measured] = 1 - table[measured]
            table.to_csv(folder.cases, index=False)
    score(NAME)
    results = read_results(NAME)
    found = gallery.build_gallery(results)
    assert found.left_out == 0
    for position, row in enumerate(overlays.build(results).values["rows"]):
        own = [p for case in found.cases.values() for p in case.predictions if p.candidate == position]
        assert len(own) == len(CASES)
        overlaps = sorted(prediction.overlap for prediction in own)
        shown = [picture["prediction"].overlap for picture in row["shown"]]
        assert shown == [overlaps[-1], overlaps[3], overlaps[0]]


def test_a_large_set_shows_its_worst_and_best_and_says_what_is_left_out(
    complete: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "MOST_CASES", 3)
    found = gallery.build_gallery(complete)
    frame = gallery.case_frame(complete, complete.candidates[0])
    assert {frame["case"].iloc[0], frame["case"].iloc[-1]} <= set(found.cases)
    assert found.left_out == len(CASES) - len(found.cases) > 0


def test_failures_come_first_and_waiting_runs_share_a_row(make_results: MakeResults) -> None:
    frame = failures.failure_frame(make_results({0: "missing", 1: "missing", 2: "failed", 3: "unevaluated"}))
    assert frame["state"].tolist() == ["failed", "missing", "unevaluated"]
    assert frame["places"].tolist() == [["fold 0, seed 0"], ["fold 0, seed 0", "fold 1, seed 0"], ["fold 1, seed 0"]]
    assert frame["reason"].iloc[0] == "the loss became <nan> in epoch 2"


def test_data_card_counts_classes_and_folds(complete: Results) -> None:
    values = data_card.build(complete).values
    assert [row["name"] for row in values["classes"]] == ["background", *CLASSES]
    assert sum(row["share"] for row in values["classes"]) == pytest.approx(1)
    assert sum(row["test_cases"] for row in values["folds"]) == len(CASES)


def test_provenance_joins_runs_of_one_environment(complete: Results) -> None:
    record = provenance.record(complete)
    (environment,) = record["runs"]
    assert len(environment["runs"]) == len(complete.grid.runs)
    assert record["command"].startswith("snakemake -c2 --config experiment=made-up data=")
    assert record["seeds"] == {"training": [0], "splits": 0, "bootstrap": 0}
