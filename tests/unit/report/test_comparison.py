"""Two experiments side by side: one measure for both, differences where they are of the same cases, settings."""

from __future__ import annotations

import dataclasses
import html
import math
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from markupsafe import escape

from seggrid import cli
from seggrid.errors import UserError
from seggrid.paths import ComparisonFolder, ExperimentFolder
from seggrid.records import read_json, write_json
from seggrid.report.comparison import differences, sections
from seggrid.report.comparison.differences import CHOSEN, SHARED, WINNERS, difference_frame
from seggrid.report.comparison.pair import Pair, read_pair
from seggrid.report.comparison.sections import object_frame, ranking_frame
from seggrid.report.comparison.settings import setting_frame
from seggrid.report.comparison.stage import render_comparison, write_comparison
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.statistics import expanded_percentiles
from tests.unit.report.grid import CASES, CLASSES, DESCRIPTION, LABEL, NETWORK, make_experiment
from tests.unit.report.pairs import FIRST, ONLY_SECOND, SECOND, write_pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A and a B that is trained for fewer epochs and reaches less; tests must not change their files."""
    folder = tmp_path_factory.mktemp("pair")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGGRID_RESULTS", str(folder / "results"))
        write_pair(folder)
        yield read_pair(FIRST, SECOND)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    return tmp_path


def words(page: str) -> str:
    """What the page says, without its scripts and styles."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).replace("\u00a0", " ").split())


def by_group(pair: Pair, side: int, position: int) -> pd.DataFrame:
    """O and D of a candidate in every test group, the mean over the objects."""
    found = pair.sides[side]
    runs = [run for run, of in enumerate(found.grid.candidate_of) if of == position]
    groups = comprehensive(found.means.groups, found.grid.experiment.scoring).reset_index()
    groups = groups[(groups["split"] == "test") & groups["run"].isin(runs)]
    return groups.groupby("group")[["overlap", "distance"]].mean()


# One measure


def test_the_score_of_both_has_one_reference(pair: Pair) -> None:
    assert pair.references == (pytest.approx(math.hypot(40, 48) / 100),) * 2
    for side in pair.sides:
        table = side.ranking.ranked
        expected = table["overlap"] / 2 + 0.5 / (1 + table["distance"] / pair.references[0])
        assert table["absolute"].to_numpy() == pytest.approx(expected.to_numpy())


def test_both_rankings_stand_in_one_table(pair: Pair) -> None:
    frame = ranking_frame(pair)
    assert frame["absolute"].is_monotonic_decreasing
    assert frame["place"].tolist() == [1, 2, 3, 4, 4, 6]
    assert frame["side"].tolist() == ["A", "A", "A", "A", "B", "B"]
    assert frame.loc[frame["winner"], "label"].tolist() == [LABEL, ONLY_SECOND]
    assert frame["both"].tolist() == ["", "other runs", "", "", "", "other runs"]


def test_a_candidate_of_both_that_is_the_same_runs_is_marked_and_not_subtracted(place: Path) -> None:
    write_pair(place, training={})
    pair = read_pair(FIRST, SECOND)
    assert pair.identical == {("UNet_R18", "ce")}
    assert set(ranking_frame(pair)["both"]) == {"", "same runs"}
    assert SHARED not in set(difference_frame(pair)["why"])
    assert "in both, same runs" in words(render_comparison(pair))
    assert "1 more candidate of both is the same runs, whose difference is 0" in words(render_comparison(pair))


def test_the_best_candidate_on_every_object(pair: Pair) -> None:
    frame = object_frame(pair)
    assert frame["object"].tolist() == [CLASSES[0], CLASSES[0], CLASSES[1], CLASSES[1]]
    assert frame["side"].tolist() == ["A", "B", "A", "B"]
    for row in frame.itertuples():
        side = pair.sides["AB".index(row.side)]
        means = comprehensive(side.means.objects, side.grid.experiment.scoring).xs("test", level="split")
        found = means.xs(row.object, level="class")["overlap"].groupby(side.grid.candidate_of).mean()
        assert row.best_overlap == pytest.approx(found.max())
        assert side.grid.candidates[int(found.idxmax())] == row.best
        assert row.overlap == pytest.approx(found[side.winner])


# Differences


def test_the_difference_is_paired_by_group(pair: Pair) -> None:
    a, b = pair.sides
    frame = difference_frame(pair)
    assert frame["why"].tolist() == [WINNERS, CHOSEN, SHARED, WINNERS, WINNERS]
    assert frame["object"].tolist() == ["", "", "", *CLASSES]
    for row in frame[frame["object"] == ""].itertuples():
        tables = by_group(pair, 0, row.first), by_group(pair, 1, row.second)
        apart = tables[0] - tables[1]
        draws = np.random.default_rng(0).multinomial(8, np.full(8, 1 / 8), size=100) / 8
        for name in ("overlap", "distance"):
            low, high = np.percentile(draws @ apart[name].to_numpy(), expanded_percentiles(8))
            assert getattr(row, name) == pytest.approx(apart[name].mean())
            assert (getattr(row, f"{name}_low"), getattr(row, f"{name}_high")) == pytest.approx((low, high))
        scores = (a.ranking.table["absolute"][row.first], b.ranking.table["absolute"][row.second])
        assert row.score == pytest.approx(scores[0] - scores[1])
        assert row.groups == 8


def test_the_difference_of_an_object_is_that_of_its_own_groups(pair: Pair) -> None:
    frame, objects = difference_frame(pair), object_frame(pair)
    for name in CLASSES:
        (row,) = frame[frame["object"] == name].itertuples()
        own = objects[objects["object"] == name].set_index("side")
        assert row.overlap == pytest.approx(own["overlap"]["A"] - own["overlap"]["B"])
        assert row.distance == pytest.approx(own["distance"]["A"] - own["distance"]["B"])
        assert row.overlap_low < row.overlap < row.overlap_high


def test_swapping_the_two_swaps_the_signs(pair: Pair) -> None:
    there, back = difference_frame(pair), difference_frame(read_pair(SECOND, FIRST))
    for name in ("overlap", "distance", "score"):
        assert back[name].to_numpy() == pytest.approx(-there[name].to_numpy())
    assert back["overlap_low"].to_numpy() == pytest.approx(-there["overlap_high"].to_numpy())


def test_few_groups_give_a_warning_instead_of_an_interval(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "MINIMUM_GROUPS", 9)
    monkeypatch.setattr(sections, "MINIMUM_GROUPS", 9)
    frame = difference_frame(pair)
    assert frame["overlap"].notna().all()
    assert frame[["overlap_low", "overlap_high", "distance_low", "distance_high"]].isna().all(axis=None)
    page = words(render_comparison(pair))
    assert "8 groups are too few for an interval; at least 9 are needed" in page
    assert "Fewer than 9 groups are too few for an interval" in page


# What stands between


@pytest.mark.parametrize(
    ("changes", "obstacle"),
    [
        ({"splits": {"folds": 2, "seed": 1}}, "the splits differ"),
        ({"folds": [0]}, "the folds differ: made-up runs folds 0, 1, other.one runs fold 0"),
        ({"evaluation": {"both_empty": "perfect"}}, "count differently: exclude and perfect"),
    ],
)
def test_numbers_of_different_things_are_not_subtracted(place: Path, changes: dict[str, object], obstacle: str) -> None:
    write_pair(place, **changes)
    pair = read_pair(FIRST, SECOND)
    assert len(pair.obstacles) == 1
    assert obstacle in pair.obstacles[0]
    assert difference_frame(pair).empty
    page = words(render_comparison(pair))
    assert "These are numbers of different things, so no difference between them is given" in page
    assert page.count(obstacle) == 3  # in the answer, below the ranking, in place of the differences
    assert "A − B, paired" not in page


def test_other_images_are_other_data(place: Path) -> None:
    data = make_experiment(place / "other").model_dump(mode="json")["data"]
    image = place / "other" / "images" / f"{CASES[0]}.png"
    cv2.imwrite(str(image), cv2.imread(str(image), cv2.IMREAD_UNCHANGED) // 2)
    write_pair(place, data=data)
    pair = read_pair(FIRST, SECOND)
    assert len(pair.obstacles) == 1
    assert pair.obstacles[0].startswith("the data differ: folder-")
    assert difference_frame(pair).empty


def test_the_same_cases_preprocessed_differently_are_paired(place: Path) -> None:
    write_pair(place, preprocessing=["percentile_clip", "z_score"])
    pair = read_pair(FIRST, SECOND)
    assert pair.obstacles == ()
    assert pair.notes == (
        "the two preprocess the same cases differently; both are measured at the original resolution",
    )
    assert len(difference_frame(pair)) == 5
    keys = setting_frame(*(side.experiment for side in pair.sides))["key"].tolist()
    assert "preprocessing[0].name" in keys


def test_other_units_have_no_common_place(pair: Pair) -> None:
    other = dataclasses.replace(pair, units=("px", "mm"), obstacles=("distances are in px and in mm",))
    frame = ranking_frame(other)
    assert frame["place"].isna().all()
    assert frame["rank"].tolist() == [1, 2, 3, 4, 1, 2]
    page = words(render_comparison(other))
    assert "there is no place among both" in page
    assert "3.33 mm" in page


def test_o_and_d_are_those_of_one_of_the_two(place: Path) -> None:
    scoring = {"overlap": {"mean": ["dice"]}, "distance": {"mean": ["assd"]}, "bootstrap": 100}
    write_pair(place, scoring=scoring)
    pair = read_pair(FIRST, SECOND)
    assert pair.notes == ("O and D are made of what made-up makes them of",)
    assert len(set(pair.second.grid.experiment.scoring.metrics)) == 6
    assert pair.second.experiment.scoring.overlap.mean == ("dice",)
    assert read_pair(SECOND, FIRST).first.grid.experiment.scoring.metrics == ("dice", "assd")


def test_o_and_d_are_those_that_both_measure(place: Path) -> None:
    few = {
        "evaluation": {"metrics": ["dice", "assd"]},
        "scoring": {"overlap": {"mean": ["dice"]}, "distance": {"mean": ["assd"]}},
    }
    write_pair(place, **few)
    assert read_pair(FIRST, SECOND).notes == ("O and D are made of what other.one makes them of",)
    path = ExperimentFolder(FIRST).experiment
    write_json(path, {**read_json(path), "evaluation": {"metrics": ["iou", "hd95"], "both_empty": "exclude"}})
    scoring = {**read_json(path)["scoring"], "overlap": {"mean": ["iou"]}, "distance": {"mean": ["hd95"]}}
    write_json(path, {**read_json(path), "scoring": scoring})
    with pytest.raises(UserError, match=r"other\.one: evaluation\.metrics lacks hd95, iou"):
        read_pair(FIRST, SECOND)


def test_a_grid_without_a_ranked_candidate_gives_no_answer_yet(place: Path) -> None:
    write_pair(place, states=dict.fromkeys(range(4), "missing"))
    pair = read_pair(FIRST, SECOND)
    page = words(render_comparison(pair))
    assert "There is no answer yet: other.one ranks no candidate, with 0 of 4 runs completed" in page
    assert "One of the two ranks no candidate yet" in page
    assert "other.one has 0 of 4 runs completed" in page
    assert ranking_frame(pair)["side"].tolist() == ["A"] * 4 + ["B"] * 2
    assert ranking_frame(read_pair(SECOND, FIRST))["place"].notna().sum() == 4


# Settings


def test_settings_that_differ(pair: Pair) -> None:
    frame = setting_frame(*(side.experiment for side in pair.sides))
    assert frame.to_numpy().tolist() == [
        ["networks, only in one", NETWORK, "-"],
        ["mixtures, only in one", "0.50*dual_level_ce + 0.25*dice + 0.25*boundary", "0.50*dual_level_ce + 0.25*dice"],
        ["training.epochs", "100", "7"],
    ]


def test_a_network_that_both_define_differently_is_told(pair: Pair) -> None:
    second = pair.first.experiment
    network = second.networks[1].model_copy(update={"encoder": "resnet34"})
    frame = setting_frame(second, second.model_copy(update={"networks": (second.networks[0], network)}))
    assert frame.to_numpy().tolist() == [["networks.UNet_R18.encoder", "resnet18", "resnet34"]]
    assert setting_frame(second, second).empty


# The page


def test_names_stay_text_and_the_page_asks_for_nothing(pair: Pair) -> None:
    page = render_comparison(pair)
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    tags = set(re.findall(r"<([a-z0-9]+)", body))
    assert not {"img", "u", "i", "b"} & tags
    assert page.count("<script") == 3
    assert not re.search(r'(?:src|href)="(?!#|data:)', body)
    for name in (NETWORK, LABEL, DESCRIPTION, ONLY_SECOND, *CLASSES):
        assert str(escape(name)) in body


def test_the_answer_is_written_from_the_numbers(pair: Pair) -> None:
    page = words(render_comparison(pair))
    row = difference_frame(pair).iloc[0]
    assert f"first of 4 ranked candidates: O = {pair.first.ranking.table['overlap'][pair.first.winner]:.3f}" in page
    assert f"paired by group: {row['overlap']:+.3f} (95 % interval {row['overlap_low']:+.3f} to" in page
    assert "over 8 groups" in page
    assert "Neither interval holds 0" in page


def test_an_interval_that_holds_zero_is_said_to(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = difference_frame(pair).assign(overlap_low=-0.1)
    monkeypatch.setattr(sections, "difference_frame", lambda _: frame)
    assert "The interval of O holds 0: these groups do not decide there" in words(render_comparison(pair))


def test_the_command_writes_the_page_the_same_each_time(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", FIRST, SECOND]) == 0
    path = ComparisonFolder(FIRST, SECOND).page
    assert capsys.readouterr().out == f"comparison: {path}\n"
    first = path.read_bytes()
    assert write_comparison(FIRST, SECOND).read_bytes() == first
    assert ComparisonFolder("a", "b").folder != ComparisonFolder("b", "a").folder


def test_mistakes_are_named(place: Path) -> None:
    with pytest.raises(UserError, match="run `seggrid plan nowhere` first"):
        read_pair("nowhere", "other")
    with pytest.raises(UserError, match="same: an experiment is compared with another one"):
        read_pair("same", "same")
