"""What the sections on differences, stability, the simplex and ablations say about a grid with planted values."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from seggrid.analysis.trainings import Sides, Trainings
from seggrid.config import Mixture
from seggrid.report.page import render
from seggrid.report.results import Results, read_results
from seggrid.report.sections import answer, comparisons, effects, simplex, stability
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun
from tests.unit.scoring.conftest import Values, write_grid

SIMPLEX = {"simplex": {"terms": ["dual_level_ce", "dice", "boundary"], "step": 0.25}}


def planted(run: PlannedRun, split: str, group: str, case: str, name: str) -> tuple[float, float]:
    """Best at 0.50 : 0.50 : 0, and 0.02 better with the second network; groups and seeds differ."""
    mixture = Mixture.model_validate(run.loss)
    weights = {term.loss: float(term.weight) for term in mixture.terms}
    value = 0.7 + 0.4 * weights.get("dual_level_ce", 0) * weights.get("dice", 0) - 0.1 * weights.get("boundary", 0)
    value += 0.02 * (run.network == "FPN_R18") + 0.01 * (int(group[1:]) % 5) + 0.001 * run.seed
    return value, 10 * (1 - value)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGGRID_RESULTS", str(tmp_path_factory.mktemp("planted") / "results"))
        write_grid(
            planted, networks=("UNet_R18", "FPN_R18"), mixtures=(SIMPLEX,), seeds=(0, 1), groups=10,
            scoring={"bootstrap": 200, "baseline": "boundary"},
        )  # fmt: skip
        score("grid")
        yield read_results("grid")


def test_the_answer_is_as_sure_as_the_numbers(results: Results) -> None:
    values = answer.build(results).values
    winner, found = values["winner"], values["evidence"]
    assert (winner["network"], winner["loss"]) == ("FPN_R18", "0.50*dual_level_ce + 0.50*dice")
    # The same in every group: an interval without width, nothing flattered, any difference seen.
    margin = found["margin"]
    assert margin["overlap_low"] == pytest.approx(margin["overlap"]) == pytest.approx(margin["overlap_high"])
    assert found["corrected"].overlap == pytest.approx(winner["overlap"], abs=0.002)
    assert found["detectable"]["overlap"] == pytest.approx(0, abs=1e-9)


def by_candidate(**values: tuple[float, float]) -> Values:
    """O and D of a mixture, with a spread between groups that all share but for a thousandth."""

    def value(run: PlannedRun, split: str, group: str, case: str, name: str) -> tuple[float, float]:
        overlap, distance = values[run.loss]
        number = int(group[1:])
        return overlap + 0.01 * number + 0.001 * (number % 2) * len(run.loss), distance + 0.1 * number

    return value


@pytest.mark.parametrize(
    ("other", "better", "worse"),
    [((0.70, 5.0), [], []), ((0.60, 6.0), ["O", "D"], []), ((0.75, 9.0), ["D"], ["O"])],
)
def test_the_answer_says_what_of_the_margin_can_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: tuple[float, float], better: list[str], worse: list[str]
) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    values = by_candidate(dice=(0.70, 5.0), focal=other)
    write_grid(values, mixtures=("dice", "focal"), groups=10, scoring={"bootstrap": 100, "criterion": "absolute"})
    score("grid")
    found = answer.build(read_results("grid")).values
    seen = found["evidence"]["detectable"]
    assert found["winner"]["loss"] == "dice" or not better
    assert (seen["better"], seen["worse"], seen["groups"]) == (better, worse, 10)


@pytest.mark.parametrize(
    ("seeds", "good", "told"),
    [
        (2, 1, "in 2 by O and in 2 by D, too few to tell what another training would give."),
        (4, 2, "(exact sign test, p = 1.000 and p = 1.000): no more often than by chance. Another training may"),
        (4, 4, "in 8 by O and in 8 by D (exact sign test, p = 0.008 and p = 0.008). "),
    ],
)
def test_the_answer_says_how_many_runs_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeds: int, good: int, told: str
) -> None:
    """Patients agree by hundreds where a few runs went well."""

    def value(run: PlannedRun, split: str, group: str, case: str, name: str) -> tuple[float, float]:
        better, worse = (run.loss == "dice" and (run.seed < good) == side for side in (True, False))
        return 0.7 + 0.2 * better - 0.01 * worse, 10 - 2 * better + 0.1 * worse

    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    write_grid(value, mixtures=("dice", "focal"), seeds=range(seeds), groups=10, scoring={"bootstrap": 100})
    score("grid")
    results = read_results("grid")
    found = answer.build(results).values["trainings"]
    assert (found.pairs, found.overlap.wins, found.distance.losses) == (2 * seeds, 2 * good, 2 * (seeds - good))
    assert told in shown(results)


def test_the_answer_says_what_a_single_run_each_cannot_tell(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "compare_trainings", lambda *_: Trainings(1, Sides(1, 0, 1.0), Sides(1, 0, 1.0)))
    assert "With one run each, nothing tells what another training would give." in shown(results)


def shown(results: Results) -> str:
    """The words of the answer."""
    return " ".join(html.unescape(re.sub("<[^>]+>", "", render(results, [answer.build(results)]))).split())


def test_every_candidate_is_compared_with_baseline_and_winner(results: Results) -> None:
    section = comparisons.build(results)
    rows = section.values["rows"]
    count = len(results.ranked)
    assert sum(row["against"] == "winner" for row in rows) == count - 1
    assert sum(row["against"] == "baseline" for row in rows) == count - 2
    assert {row["reference_loss"] for row in rows if row["against"] == "baseline"} == {"boundary"}
    assert all(row["network"] == row["reference_network"] for row in rows if row["against"] == "baseline")
    (drawing,) = section.figures[0].drawings
    assert drawing.name == "differences"
    assert len(section.values["references"]) == len(section.figures[0].variants) == count + 1


def test_one_mixture_in_many_networks_is_compared_with_the_winner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    write_grid(networks=("UNet_R18", "FPN_R18"), mixtures=("ce",), groups=8)
    score("grid")
    section = comparisons.build(read_results("grid"))
    # The baseline is all there is in its network, so nothing would stand in its figure.
    assert [name.split(",")[0] for name in section.values["references"]] == ["the winner", "UNet_R18"]
    assert None not in section.figures[0].variants
    (drawing,) = section.figures[0].drawings
    panels = drawing.draw.keywords["panels"]
    assert [(title, len(frame)) for title, frame in panels] == [
        ("Difference in O, from winner", 1), ("Difference in D [px], from winner", 1),
    ]  # fmt: skip


def test_stability_of_an_order_that_never_changes(results: Results) -> None:
    section = stability.build(results)
    ranges = section.figure("stability").frame
    assert (ranges["low"] == ranges["high"]).all()
    assert section.values["tests"]["overlap"].p_value < 0.001
    # The table says what the figures draw.
    rows = section.values["rows"]
    assert [row["median"] for row in rows] == ranges["median"].tolist()
    best = section.values["tests"]["overlap"].rows[0]
    assert rows[best]["mean_overlap"] == section.values["tests"]["overlap"].mean_ranks[0]
    assert np.isnan(rows[-1]["mean_overlap"])


def test_the_simplex_finds_the_planted_optimum(results: Results) -> None:
    section = simplex.build(results)
    assert len(section.values["options"]) == 6
    for row in section.values["summaries"]:
        assert row["best"] == "0.50 : 0.50 : 0.00"
        if row["response"] in ("O", "D"):
            assert row["optimum"] == "0.50 : 0.50 : 0.00"
            assert row["predicted"] == pytest.approx(1)
    assert [drawing.name for drawing in section.figures[0].drawings] == [
        "simplex-1-overlap", "simplex-1-distance", "simplex-2-overlap", "simplex-2-distance",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("terms", "step", "kind", "stars"),
    [(["dual_level_ce", "dice"], 0.25, 2, 1), (["dual_level_ce", "dice", "boundary", "focal"], 0.5, 4, 6)],
)
def test_two_and_four_terms_show_their_optimum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terms: list[str], step: float, kind: int, stars: int
) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    write_grid(planted, mixtures=({"simplex": {"terms": terms, "step": step}},), groups=4)
    score("grid")
    section = simplex.build(read_results("grid"))
    assert section.values["kinds"] == [kind]
    assert not section.values["effective"]
    for variant in section.figures[0].variants:
        assert variant is not None
        symbols = [(trace.get("marker") or {}).get("symbol") for trace in variant["data"]]
        assert symbols.count("star") == stars
        # Too few groups for a region.
        assert not variant["layout"].get("shapes")
    assert {row["region"] for row in section.values["summaries"]} == {""}
    titles = [drawing.draw.keywords["title"] for drawing in section.figures[0].drawings]
    assert titles == (["UNet_R18, O", "UNet_R18, D [px]"] if kind == 2 else [])


def test_ablations_find_the_better_network(results: Results) -> None:
    section = effects.build(results)
    (row,) = [row for row in section.values["rows"] if row["factor"] == "network"]
    assert row["change"] in ("UNet_R18 instead of FPN_R18",)
    assert row["overlap"] == pytest.approx(-0.02)
    (seed,) = [row for row in section.values["spread"] if row["factor"] == "seed"]
    assert seed["overlap"] == pytest.approx(0.001 / np.sqrt(2))


def test_few_groups_give_a_warning_and_no_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    write_grid(mixtures=("ce", "dice", "0.50*ce + 0.50*dice"), groups=4)
    score("grid")
    found = read_results("grid")
    assert found.scores is not None
    assert any("too few for intervals" in warning for warning in found.scores["warnings"])
    section = comparisons.build(found)
    assert not section.values["enough"]
    assert all(np.isnan(row["overlap_holm"]) and np.isnan(row["overlap_low"]) for row in section.values["rows"])
    assert all(
        variant["data"][0]["error_x"]["array"] in ([None], [None, None]) for variant in section.figures[0].variants
    )
    ranks = stability.build(found)
    assert set(ranks.values["tests"].values()) == {None}
    (variant,) = ranks.figure("stability").variants
    assert variant is not None
    assert set(variant["data"][0]["error_x"]["array"]) == {None}
    assert "95" not in variant["layout"]["title"]["text"]
