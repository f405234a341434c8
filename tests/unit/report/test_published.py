"""Published numbers beside those of an experiment."""

from __future__ import annotations

import dataclasses

import pytest

from seggrid.config import Experiment
from seggrid.errors import UserError
from seggrid.plan import make_plan
from seggrid.report.page import render
from seggrid.report.results import Results
from seggrid.report.sections import published
from tests.unit.report.conftest import MakeResults
from tests.unit.report.grid import CLASSES, LABEL


def naming(results: Results, *names: str, **changes: object) -> Results:
    """The same results of an experiment that names publications."""
    raw = {**results.grid.experiment.model_dump(mode="json", by_alias=True), "published": list(names), **changes}
    return dataclasses.replace(
        results, grid=dataclasses.replace(results.grid, experiment=Experiment.model_validate(raw))
    )


def test_nothing_is_shown_that_is_not_named(complete: Results) -> None:
    assert published.build(complete) is None


def test_winner_and_baseline_stand_below_the_publication(complete: Results) -> None:
    rows = published.build(naming(complete, "wang2026")).values["rows"]
    assert [row["source"] for row in rows] == ["Wang et al. 2026", "this experiment", "this experiment"]
    assert [row["label"] for row in rows[1:]] == [f"winner, UNet_R18 with {LABEL}", "baseline, UNet_R18 with ce"]
    assert [row["unit"] for row in rows] == ["not stated", "px", "px"]


def test_o_and_d_of_a_publication_are_means_of_what_it_prints(complete: Results) -> None:
    row = published.build(naming(complete, "wang2026")).values["rows"][0]
    assert row["overlap"] == pytest.approx(0.9275)
    assert row["distance"] == pytest.approx(1.9727)


def test_o_is_left_out_where_a_metric_of_it_is_not_printed(complete: Results) -> None:
    row = published.build(naming(complete, "radillah")).values["rows"][0]
    assert row["overlap"] != row["overlap"]
    assert row["accuracy"] == 0.7076


def test_our_means_are_those_of_the_objects(complete: Results) -> None:
    row = published.build(naming(complete, "wang2026")).values["rows"][1]
    test = complete.objects[(complete.objects["split"] == "test") & (complete.objects["loss"] != "ce")]
    own = test[test["network"] == "UNet_R18"]
    assert own["class"].tolist() == list(CLASSES)
    assert row["hd95"] == pytest.approx(own["hd95"].mean())
    assert row["overlap"] == complete.ranked.iloc[0]["overlap"]


def test_metrics_that_were_not_measured_are_left_out(complete: Results) -> None:
    values = published.build(naming(complete, "jin2025")).values
    assert [metric["key"] for metric in values["metrics"]] == ["dice", "precision", "recall", "hd95"]
    assert "ASD" not in values["publications"][0]["readings"]
    assert len(values["rows"]) == 5


def test_a_publication_with_nothing_in_common_has_no_row(complete: Results) -> None:
    few = {
        "evaluation": {"metrics": ["nsd@2", "assd"]},
        "scoring": {"overlap": {"mean": ["nsd@2"]}, "distance": {"mean": ["assd"]}},
    }
    section = published.build(naming(complete, "chen2023", **few))
    assert section.tables == ()
    assert "state no metric that this experiment measures" in render(complete, [section])


def test_the_page_marks_other_data_and_other_readings(complete: Results) -> None:
    page = render(complete, [published.build(naming(complete, "wang2026", "chen2023"))])
    rows = 1 + 15
    assert page.count('<span class="tag">other data</span>') == rows
    assert "says nothing about which method is better" in page
    assert "HD95: which of the three definitions of HD95 is not stated" in page
    assert "doi 10.3389/fmed.2026.1768134" in page
    assert "0.8921" in page and "2.9145" in page


def test_before_scoring_the_publication_stands_alone(make_results: MakeResults) -> None:
    results = make_results(dict.fromkeys(range(8), "missing"), scored=False)
    section = published.build(naming(results, "wang2026"))
    assert [row["source"] for row in section.values["rows"]] == ["Wang et al. 2026"]
    assert "Nothing of this experiment is scored yet" in render(results, [section])


def test_planning_refuses_an_unknown_publication(complete: Results) -> None:
    with pytest.raises(UserError, match="no publication nobody"):
        make_plan(naming(complete, "nobody").grid.experiment, [])


def test_naming_a_publication_changes_no_run(complete: Results) -> None:
    plans = [make_plan(naming(complete, *names).grid.experiment, []) for names in ((), ("wang2026",))]
    assert plans[0].runs == plans[1].runs
