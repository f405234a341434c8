"""Tables in the form of the papers, on a grid that is made up."""

from __future__ import annotations

import pandas as pd
import pytest

from seggrid.config.forms import Form, FormColumn, FormPart
from seggrid.report.manuscript.table_files import tex
from seggrid.report.page import render
from seggrid.report.results import Results
from seggrid.report.sections import forms, instability
from seggrid.report.tables import Table
from tests.unit.report.conftest import MakeResults
from tests.unit.report.grid import CASES, CLASSES, LABEL
from tests.unit.report.test_published import naming


def table(results: Results, name: str) -> Table:
    (found,) = [t for t in forms.build(naming(results, tables=[name.partition("-")[0]])).tables if t.name == name]
    return found


def test_nothing_is_shown_that_is_not_named(complete: Results) -> None:
    assert forms.build(complete) is None


def test_wang_et_al_rank_by_the_score(complete: Results) -> None:
    found = table(complete, "wang2026-candidates")
    frame = found.frame
    assert [column.heading for column in found.columns][2:] == [
        "IoU", "Dice", "Precision", "Recall", "HD95", "ASSD", "O", "D", "Score",
    ]  # fmt: skip
    assert frame["label"].to_list() == complete.ranking["label"].to_list()
    for name in ("dice", "hd95", "overlap", "distance", "overlap_sd"):
        assert frame[name].to_numpy() == pytest.approx(complete.ranking[name].to_numpy())
    assert frame["score"].to_numpy() == pytest.approx(complete.ranking["minmax"].to_numpy())
    assert frame["dice_sd"].notna().all()


def test_images_of_radillah_et_al_are_those_of_the_winner(complete: Results) -> None:
    found = table(complete, "radillah-images")
    assert found.frame["case"].to_list() == sorted(CASES)
    assert f"Shown: UNet_R18 with {LABEL}." in found.caption
    cases = complete.cases[complete.cases["split"] == "test"]
    winner = [n for n, run in enumerate(complete.grid.runs) if run in complete.runs_of(complete.candidates[0])]
    own = cases[cases["run"].isin(winner) & (cases["case"] == CASES[3])]
    assert len(own) == len(CLASSES)
    assert found.frame["dice"].iloc[3] == pytest.approx(own["dice"].mean())
    assert all(not found.best(column) for column in found.columns)


def test_images_of_a_mixture_that_the_form_names(complete: Results) -> None:
    part = FormPart(
        name="images", caption="Images.", rows="image", loss="1.0*ce", columns=(FormColumn(value="dice", heading="D"),)
    )
    found = forms.form_table(Form(name="own", reference="radillah", parts=(part,)), part, complete)
    assert found is not None and "Shown: UNet_R18 with ce." in found.caption
    cases = complete.cases[complete.cases["split"] == "test"]
    (candidate,) = [own for own in complete.candidates if (own.network, own.loss) == ("UNet_R18", "ce")]
    runs = [n for n, run in enumerate(complete.grid.runs) if run in complete.runs_of(candidate)]
    own = cases[cases["run"].isin(runs)].groupby("case", observed=True)["dice"].mean()
    assert found.frame["dice"].to_list() == pytest.approx(own.sort_index().to_list())
    winner = table(complete, "radillah-images").frame["dice"]
    assert winner.mean() > found.frame["dice"].mean()


def test_overall_means_and_pooled_counts_stand_apart(complete: Results) -> None:
    frame = table(complete, "radillah-overall").frame
    counts = pd.read_csv(complete.folder.cases, keep_default_na=False)
    for row in frame.to_dict("records"):
        own = counts[(counts["split"] == "test") & (counts["network"] == row["network"])]
        own = own[own["loss"] == row["loss"]]
        tp, fp, fn, tn = (own[name].sum() for name in ("tp", "fp", "fn", "tn"))
        assert row["precision_pooled"] == pytest.approx(tp / (tp + fp))
        assert row["accuracy_pooled"] == pytest.approx((tp + tn) / (tp + fp + fn + tn))
        both = 2 * row["precision_pooled"] * row["recall_pooled"]
        assert row["dice_pooled"] == pytest.approx(both / (row["precision_pooled"] + row["recall_pooled"]))
        by_image = own.assign(dice=pd.to_numeric(own["dice"])).groupby("case")["dice"].mean()
        assert row["dice_images"] == pytest.approx(by_image.mean())
        assert row["dice_images_sd"] == pytest.approx(by_image.std(ddof=1))
        truths = own[own["tp"] + own["fn"] > 0]
        assert row["objects_true"] == len(truths)
        assert row["objects_found_share"] == pytest.approx((truths["tp"] > 0).mean())


def test_every_object_has_its_columns(complete: Results) -> None:
    found = table(complete, "valverde-losses")
    assert [column.heading for column in found.columns][2:6] == [
        f"{metric}, {name}" for metric in ("Dice", "HD95") for name in CLASSES
    ]
    test = complete.objects[(complete.objects["split"] == "test") & (complete.objects["class"] == CLASSES[1])]
    own = test.set_index(["network", "loss"])["hd95"]
    for row in found.frame.to_dict("records"):
        assert row[f"hd95_each:{CLASSES[1]}"] == pytest.approx(own[row["network"], row["loss"]])


def test_what_was_not_measured_is_left_out_and_said(complete: Results) -> None:
    found = table(complete, "chen2023-organs")
    assert [column.heading for column in found.columns] == [
        "Object", "Network", "Loss mixture", "DSC", "Recall", "Precision", "ASD",
    ]  # fmt: skip
    assert "Not measured here: HD95 (mean)." in found.caption
    assert found.frame["class"].to_list() == [name for name in CLASSES for _ in complete.grid.candidates]
    assert found.frame["loss"].to_list()[:2] == ["ce", "0.50*dual_level_ce + 0.25*dice + 0.25*boundary"]


def test_the_page_and_the_manuscript_hold_all_of_them(complete: Results) -> None:
    section = forms.build(naming(complete, tables=["wang2026", "radillah", "valverde", "jin2025", "chen2023"]))
    page = render(complete, [section])
    assert page.count("<h3>Table in the form of") == len(section.tables) == 7
    assert CLASSES[0] not in page and "Radillah et al." in page
    assert "ASD" in tex(section.tables[4])
    for made in section.tables:
        assert "\\toprule" in tex(made)


def test_incomplete_candidates_have_their_rows_and_are_not_best(make_results: MakeResults) -> None:
    results = make_results({6: "failed"})
    found = table(results, "wang2026-candidates")
    (unranked,) = found.frame.index[~found.frame["ranked"]]
    assert pd.isna(found.frame.loc[unranked, "score"])
    assert all(unranked not in found.best(column) for column in found.columns)
    rows = found.frame.set_index(["network", "loss"])["completed"]
    assert rows.to_list() == ["", "", "", "1 of 2"]
    assert "Completed" in [column.heading for column in found.columns]
    # Its four test cases are those of one fold: only the seed is the same in all rows.
    assert " n = 1 seed. " in found.caption
    assert "Completed: runs of those planned; without all of them a candidate is not ranked." in found.caption


def test_complete_candidates_have_one_sample(complete: Results) -> None:
    found = table(complete, "wang2026-candidates")
    assert " n = 8 test cases of 8 groups, 2 folds, 1 seed. " in found.caption
    assert "Completed" not in [column.heading for column in found.columns]


def test_slices_are_said_to_be_slices(complete: Results) -> None:
    data = {**complete.grid.experiment.data.model_dump(mode="json"), "slices": 0}
    caption = table(naming(complete, data=data), "valverde-losses").caption
    assert "n = 8 test slices of 8 groups" in caption
    assert "A case is one slice: all values are per slice." in caption


def test_a_diverged_run_is_counted_with_its_n(make_results: MakeResults) -> None:
    found = table(make_results({6: "failed"}), "valverde-losses")
    last = found.frame[found.frame["completed"] != ""].iloc[0]
    assert last[["collapsed_share", "runs", "seeds", "failed"]].to_list() == [0.5, 2, 1, 1]
    assert [column.heading for column in found.columns][-4:] == ["Collapsed", "n", "Seeds", "Failed"]
    assert "Fewer than 5 seeds: the share of collapsed runs says little." in found.caption


def test_before_scoring_there_is_no_table(make_results: MakeResults) -> None:
    results = naming(make_results(dict.fromkeys(range(8), "missing"), scored=False), tables=["wang2026"])
    assert "Nothing is scored yet" in render(results, [forms.build(results)])


def test_old_histories_have_no_instability(complete: Results) -> None:
    assert instability.build(complete) is None


def test_values_after_post_processing_are_said_to_be(complete: Results) -> None:
    words = "After the post-processing that every run chose on validation."
    evaluation = {**complete.grid.experiment.evaluation.model_dump(mode="json"), "postprocessing": ["fill_holes"]}
    assert words in table(naming(complete, evaluation=evaluation), "valverde-losses").caption
    assert words not in table(complete, "valverde-losses").caption
