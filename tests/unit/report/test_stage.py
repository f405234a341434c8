"""The page as a whole."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser

import pytest

from seggrid.errors import UserError
from seggrid.paths import DataFolder, ExperimentFolder, evaluation_file
from seggrid.records import read_json, write_json
from seggrid.report.page import render
from seggrid.report.results import Results, read_results
from seggrid.report.sections import answer, data_card, overlays
from seggrid.report.stage import build_sections, write_report
from tests.unit.report.conftest import MakeResults
from tests.unit.report.grid import CLASSES, DESCRIPTION, LABEL, NAME, NETWORK

_VOID = {"meta", "link", "br", "img", "path", "image", "hr", "input"}


class Outline(HTMLParser):
    """Collects the elements and the text outside scripts and styles; fails where tags do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page_text() -> str:
    """The page alone, for the rest of the report takes its time."""
    results = read_results(NAME)
    return render(results, build_sections(results))


def read_page() -> Outline:
    outline = Outline()
    outline.feed(page_text())
    assert outline.open == []
    return outline


def test_page_holds_everything_and_asks_for_nothing(complete: Results) -> None:
    page = read_page()
    links = {value for _, given in page.attributes for key, value in given.items() if key in ("src", "href")}
    assert all(link.startswith(("#", "data:")) for link in links if link)
    ids = {given["id"] for _, given in page.attributes if "id" in given}
    assert {section.name for section in build_sections(complete)} <= ids


def test_names_stay_text(complete: Results) -> None:
    page = read_page()
    for name in (NETWORK, LABEL, DESCRIPTION, *CLASSES):
        assert " ".join(name.split()) in page.text
    tags = {tag for tag, _ in page.attributes}
    assert not {"img", "i", "em", "b"} & tags - {"em", "b"}
    assert sum(tag == "script" for tag, _ in page.attributes) == 4


def test_figures_are_valid_json_in_the_page(complete: Results) -> None:
    page = page_text()
    (encoded,) = re.findall(r'<script type="application/json" id="figures">(.*?)</script>', page)
    figures = json.loads(encoded)
    named = set(re.findall(r'data-figure="([^"]+)"', page))
    assert set(figures) == named == {
        "difference-overlap", "difference-distance", "stability", "critical-overlap", "critical-distance",
        "heat-overlap", "heat-distance", "heat-object", "effect-overlap", "effect-distance", "cases",
        "curves-loss", "curves-val_dice", "curves-terms", "curves-ratios", "data-areas", "data-intensities",
    }  # fmt: skip


def test_same_files_same_bytes(complete: Results) -> None:
    first = write_report(NAME).read_bytes()
    folder = ExperimentFolder(NAME)
    record = folder.provenance.read_bytes()
    assert write_report(NAME).read_bytes() == first
    assert folder.provenance.read_bytes() == record


def test_answer_says_when_criteria_and_splits_disagree(complete: Results) -> None:
    assert complete.scores is not None
    second = complete.ranking.iloc[1]
    other = {
        **complete.scores["winners"]["rank"],
        "network": second["network"],
        "loss": second["loss"],
        "label": "other",
    }
    scores = {
        **complete.scores,
        "winners": {**complete.scores["winners"], "rank": other, "absolute": other},
        "validation_winner": {**complete.scores["validation_winner"], **other, "rank": 2},
    }
    ranking = complete.ranking.assign(overlap_low=float("nan"), overlap_high=float("nan"))
    results = dataclasses.replace(complete, scores=scores, ranking=ranking)
    page = Outline()
    page.feed(render(results, [answer.build(results)]))
    assert "The criteria disagree: minmax and pareto name UNet_R18" in page.text
    assert "rank and absolute name" in page.text
    assert "Validation alone would have chosen" in page.text
    assert "and rank 2 on test" in page.text
    assert "95 % interval" not in page.text.replace("\u00a0", " ")


def test_rows_sort_by_numbers_not_by_text(complete: Results) -> None:
    page = page_text()
    for overlap in complete.ranking["overlap"]:
        assert f'data-sort="{overlap!r}"' in page


@pytest.mark.parametrize(
    ("states", "scored", "expected"),
    [
        (dict.fromkeys(range(8), "missing"), False, "There is no answer yet: 0 of 8 runs are completed"),
        (dict.fromkeys(range(8), "missing"), True, "no candidate has all its runs"),
        (dict.fromkeys(range(8), "failed"), True, "8 failed"),
        (dict.fromkeys((1, 3, 5, 7), "missing"), True, "no candidate has all its runs"),
        ({1: "missing", 4: "failed"}, True, "comes first of 2 ranked candidates (4 planned)"),
        ({1: "unevaluated"}, True, "not ranked, 1 of 2 runs completed: 1 unevaluated"),
        (dict.fromkeys(range(2, 8), "missing"), True, "comes first of 1 ranked candidate (4 planned)"),
        # No run of the baseline in the winner's network has ended.
        ({4: "failed", 5: "missing"}, True, "comes first of 3 ranked candidates (4 planned)"),
    ],
)
def test_incomplete_grids(make_results: MakeResults, states: Mapping[int, str], scored: bool, expected: str) -> None:
    make_results(states, scored)
    page = read_page()
    assert expected in page.text
    if "failed" in states.values():
        assert "the loss became <nan> in epoch 2" in page.text


def test_grid_that_is_planned_only(make_results: MakeResults) -> None:
    results = make_results(dict.fromkeys(range(8), "missing"), scored=False)
    for path in results.data.folder.glob("*"):
        if path.name != "spec.json":
            path.unlink()
    assert "is not preprocessed yet" in read_page().text


def test_ranking_older_than_the_runs_says_so(make_results: MakeResults) -> None:
    results = make_results()
    run = results.grid.runs[0]
    run.cases.unlink()
    assert "The ranking is older than the runs" in read_page().text


def test_deleted_data_set_leaves_the_rest(make_results: MakeResults) -> None:
    results = make_results()
    for path in DataFolder(results.data.folder.name).folder.iterdir():
        path.unlink()
    text = read_page().text
    assert "no image can be shown" in text
    assert "UNet_R18" in text


def test_experiment_that_was_never_planned(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    with pytest.raises(UserError, match="run `seggrid plan nowhere` first"):
        write_report("nowhere")


def test_damaged_table_names_its_file(make_results: MakeResults) -> None:
    make_results()
    ExperimentFolder(NAME).latest_ranking.write_text("rank,network\n1,a,b,c\n2\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"ranking\.csv: damaged"):
        write_report(NAME)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("scoring", "overlap", {"mean": ["dice"]}), ("evaluation", "both_empty", "perfect")],
)
def test_scores_of_other_settings_are_not_shown(
    make_results: MakeResults, section: str, key: str, value: object
) -> None:
    make_results()
    path = ExperimentFolder(NAME).experiment
    experiment = read_json(path)
    experiment[section][key] = value
    write_json(path, experiment)
    assert "the grid was not scored since it was planned with other runs or other settings" in read_page().text


def test_scores_of_another_plan_are_not_shown(make_results: MakeResults) -> None:
    make_results()
    path = ExperimentFolder(NAME).plan
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-2]))
    assert "the grid was not scored since it was planned" in read_page().text


def test_the_names_of_the_objects_are_those_of_the_plan(make_results: MakeResults) -> None:
    path = evaluation_file(make_results().grid.runs[0].planned.eval_id)
    write_json(path, {**read_json(path), "class_names": ["disc", CLASSES[1]]})
    results = read_results(NAME)
    assert [row["name"] for row in data_card.build(results).values["classes"]] == ["background", "disc", CLASSES[1]]
    section = overlays.build(results)
    assert section.values["gallery"]["classes"] == ["disc", CLASSES[1]]
