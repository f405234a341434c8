"""``score`` on whole grids: hand-computed numbers, choices, traps, bytes."""

from __future__ import annotations

import hashlib
import time

import pandas as pd
import pytest

from seggrid.paths import ExperimentFolder
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun
from tests.unit.scoring.conftest import WriteGrid, by_loss, cases_of, scores, table

FILES = ("cases", "runs", "objects", "latest_ranking", "scores")


def digests() -> dict[str, str]:
    folder = ExperimentFolder("grid")
    return {name: hashlib.sha256(getattr(folder, name).read_bytes()).hexdigest() for name in FILES}


def test_a_ranking_by_hand(grid: WriteGrid) -> None:
    # O spans 0.6 to 0.9 and D 2 to 6: ce 0 + 1/2, dice 1/2 + 0, boundary + dice 1/3 + 3/8.
    both = "0.50*dice + 0.50*boundary"
    grid(by_loss(**{"ce": (0.6, 2), "dice": (0.9, 6), both: (0.8, 3)}), mixtures=["ce", "dice", both], groups=6)
    score("grid")
    ranking = table("ranking.csv")
    assert ranking["loss"].to_list() == [both, "dice", "ce"]  # dice and ce tie at 1/2: higher O first
    assert ranking["rank"].to_list() == [1, 2, 3]
    assert ranking["minmax"].to_list() == pytest.approx([1 / 3 + 3 / 8, 0.5, 0.5])
    assert ranking["rank_score"].to_list() == [2, 2, 2]
    assert ranking["pareto_front"].to_list() == [1, 1, 1]
    assert ranking["absolute"].to_list() == pytest.approx([0.4 + 2.5 / 8, 0.45 + 2.5 / 11, 0.3 + 2.5 / 7])
    assert ranking["overlap_difference"].to_list() == pytest.approx([0.2, 0.3, 0.0])
    assert ranking["distance_difference_high"].to_list() == pytest.approx([1, 4, 0])
    assert ranking["overlap_sd"].to_list() == pytest.approx([0, 0, 0])
    assert (ranking["seconds"] == 2.5).all() and (ranking["parameters"] == 1000).all()
    found = scores()
    assert found["reference_distance"] == 5 and found["unit"] == "px"
    assert {name: winner["loss"] for name, winner in found["winners"].items()} == {
        "minmax": both, "rank": "dice", "pareto": "dice", "absolute": both,
    }  # fmt: skip
    assert found["winners"]["minmax"]["first_share"] == 1


def test_folds_and_seeds_count_the_same(grid: WriteGrid) -> None:
    # Fold 0 holds two groups, fold 1 one: the mean of fold means, not of groups.
    grid(lambda run, *_: (0.9 if run.fold == "0" else 0.5, 1.0 + run.seed), groups=3, seeds=(0, 1), mixtures=["ce"])
    score("grid")
    row = table("ranking.csv").loc[0]
    assert row["overlap"] == pytest.approx(0.7)
    assert row["distance"] == pytest.approx(1.5)
    assert row["overlap_sd"] == pytest.approx((4 * 0.2**2 / 3) ** 0.5)
    assert row["runs_planned"] == row["runs_completed"] == 4


def test_a_missed_object_never_improves_the_distance(grid: WriteGrid) -> None:
    """The trap of the issue: the worst object missed altogether must not leave a mean over the easy ones."""

    def values(run: PlannedRun, split: str, group: str, case: str, name: str) -> tuple[float, float]:
        if name == "femur":
            return (0.97, 2.0)
        return (0.0, 500.0) if run.loss == "ce" else (0.7, 12.0)

    grid(values, groups=6)
    text = score("grid")
    ranking = table("ranking.csv").set_index("loss")
    assert ranking.loc["ce", "distance"] == pytest.approx((2 + 500) / 2)
    assert ranking.loc["dice", "distance"] == pytest.approx(7)
    assert ranking.loc["dice", "rank"] == 1
    for name in ("minmax", "absolute"):
        assert ranking.loc["dice", name] > ranking.loc["ce", name]
    objects = table("objects.csv").set_index(["loss", "split", "class"])
    assert objects.loc[("ce", "test", "tendon"), ["pred_empty", "ok"]].to_list() == [6, 0]
    assert "tendon is never found by UNet_R18 ce" in text


def test_a_class_in_neither_mask_is_left_out(grid: WriteGrid) -> None:
    grid(lambda *at: None if (at[2], at[4]) == ("p0", "tendon") else (0.8, 2.0), groups=6)
    score("grid")
    objects = table("objects.csv").set_index(["loss", "split", "class"])
    assert objects.loc[("ce", "test", "tendon"), ["both_empty", "ok", "cases"]].to_list() == [1, 5, 6]
    assert table("ranking.csv")["overlap"].to_list() == pytest.approx([0.8, 0.8])


def test_a_class_that_no_case_holds_is_named(grid: WriteGrid) -> None:
    grid(lambda *at: None if at[4] == "tendon" else (0.8, 2.0), groups=6)
    score("grid")
    assert any(warning.startswith("tendon is in no test case") for warning in scores()["warnings"])


def test_validation_chooses_without_test(grid: WriteGrid) -> None:
    """ce is better on val, dice on test: the ranking says dice, and what choosing it on test gained."""

    def values(run: PlannedRun, split: str, *_: str) -> tuple[float, float]:
        better = (run.loss == "ce") == (split == "val")
        return (0.9, 2.0) if better else (0.8, 3.0)

    grid(values, groups=6)
    text = score("grid")
    found = scores()
    assert found["winners"]["minmax"]["loss"] == "dice"
    assert (found["validation_winner"]["loss"], found["validation_winner"]["rank"]) == ("ce", 2)
    gain, fall = (found["optimism"][key] for key in ("test_choice_minus_val_choice", "val_choice_test_minus_val"))
    assert gain == pytest.approx({"overlap": 0.1, "distance": -1.0})
    assert fall == pytest.approx({"overlap": -0.1, "distance": 1.0})
    assert "val would choose UNet_R18, ce: rank 2 on test" in text


def test_the_nested_choice_is_made_fold_by_fold(grid: WriteGrid) -> None:
    """Val of fold 0 prefers ce, val of every other fold dice; on test ce is the better one everywhere."""

    def values(run: PlannedRun, split: str, *_: str) -> tuple[float, float]:
        liked = run.loss == ("ce" if split == "test" or run.fold == "0" else "dice")
        return (0.9, 2.0) if liked else (0.8, 3.0)

    grid(values, groups=6)
    score("grid")
    nested, folds = scores()["nested_choice"], scores()["counts"]["folds"]
    assert [choice["loss"] for choice in nested["folds"]] == ["ce", *["dice"] * (folds - 1)]
    assert nested["overlap"] == pytest.approx((0.9 + 0.8 * (folds - 1)) / folds)
    assert nested["distance"] == pytest.approx((2 + 3 * (folds - 1)) / folds)
    gain = scores()["optimism"]["test_choice_minus_nested_choice"]
    assert gain["overlap"] == pytest.approx(0.9 - nested["overlap"])


def test_a_fold_whose_choice_has_no_defined_value_on_test_is_left_out(grid: WriteGrid) -> None:
    # The test cases of fold 0 hold no object, and nothing was predicted there.
    def values(run: PlannedRun, split: str, *_: str) -> tuple[float, float] | None:
        return None if (split, run.fold) == ("test", "0") else (0.8, 2.0)

    grid(values, groups=6)
    score("grid")
    nested = scores()["nested_choice"]
    assert [choice["overlap"] for choice in nested["folds"]] == [None, 0.8]
    assert (nested["overlap"], nested["distance"]) == (0.8, 2.0)


def test_a_tie_on_val_goes_to_the_higher_overlap_on_val(grid: WriteGrid) -> None:
    # On val the two trade O for D exactly; on test ce has the higher O, which must not choose.
    measured = {"val": {"ce": (0.8, 1.0), "dice": (0.9, 3.0)}, "test": {"ce": (0.9, 3.0), "dice": (0.8, 4.0)}}
    grid(lambda run, split, *_: measured[split][run.loss], groups=6)
    score("grid")
    assert scores()["validation_winner"]["loss"] == "dice"


def test_one_candidate_alone(grid: WriteGrid) -> None:
    grid(mixtures=["ce"], groups=6)
    text = score("grid")
    row = table("ranking.csv").loc[0]
    assert (row["rank"], row["minmax"], row["rank_score"], row["pareto_front"]) == (1, 1, 1, 1)
    assert row["first_share"] == 1
    assert "only one candidate is ranked" in text


def test_few_groups_give_a_warning_instead_of_intervals(grid: WriteGrid) -> None:
    grid(groups=5)
    assert "5 test groups: too few for intervals" in score("grid")
    intervals = table("ranking.csv").filter(regex="_(low|high)$")
    assert intervals.shape[1] == 8 and intervals.isna().all(axis=None)
    grid(groups=6)
    assert "too few" not in score("grid")
    assert table("ranking.csv").filter(regex="_(low|high)$").notna().all(axis=None)


def test_the_interval_holds_the_value(grid: WriteGrid) -> None:
    grid(groups=9, folds=3, networks=["UNet_R18", "FPN_R18"], frames=2)
    score("grid")
    ranking = table("ranking.csv")
    for name in ("overlap", "distance", "overlap_difference", "distance_difference"):
        assert (ranking[f"{name}_low"] <= ranking[name] + 1e-9).all()
        assert (ranking[f"{name}_high"] >= ranking[name] - 1e-9).all()


def test_the_baseline_is_that_of_the_same_network(grid: WriteGrid) -> None:
    grid(networks=["UNet_R18", "FPN_R18"], groups=6, scoring={"baseline": "dice", "bootstrap": 100})
    score("grid")
    ranking = table("ranking.csv").set_index(["network", "loss"])
    for network in ("UNet_R18", "FPN_R18"):
        difference = ranking.loc[(network, "ce"), "overlap"] - ranking.loc[(network, "dice"), "overlap"]
        assert ranking.loc[(network, "ce"), "overlap_difference"] == pytest.approx(difference)
        assert ranking.loc[(network, "dice"), "overlap_difference"] == 0


@pytest.mark.parametrize("criterion", ["rank", "pareto", "absolute"])
def test_the_configured_criterion_ranks(grid: WriteGrid, criterion: str) -> None:
    grid(by_loss(ce=(0.6, 2.0), dice=(0.9, 6.0)), groups=6, scoring={"criterion": criterion, "bootstrap": 100})
    score("grid")
    # Absolute: dice 0.45 + 2.5 / 11 = 0.677, ce 0.3 + 2.5 / 7 = 0.657; the others tie, and dice has the higher O.
    assert table("ranking.csv")["loss"].to_list() == ["dice", "ce"]
    assert scores()["criterion"] == criterion
    assert scores()["lower_is_better"] == (criterion != "absolute")


def test_comprehensive_metrics_come_from_the_yaml(grid: WriteGrid) -> None:
    scoring = {"overlap": {"mean": ["dice"]}, "distance": {"mean": ["assd"]}, "bootstrap": 100}
    run = grid(groups=6, mixtures=["ce"], scoring=scoring).runs[0]
    rows = pd.read_csv(cases_of(run), dtype=str).assign(iou="0", hd95="400")
    before = score("grid")
    rows.to_csv(cases_of(run), index=False, lineterminator="\n")
    assert score("grid") == before
    assert "iou" not in table("ranking.csv")


def test_all_rows_in_the_order_of_the_plan(grid: WriteGrid) -> None:
    plan = grid(networks=["UNet_R18", "FPN_R18"], frames=2, states={2: "failed"})
    score("grid")
    parts = [cases_of(run).read_text().split("\n", 1)[1] for run in plan.runs]
    written = ExperimentFolder("grid").cases.read_text()
    assert written.split("\n", 1)[1] == "".join(parts)
    assert parts[2] == ""


def test_a_run_shared_under_another_network_name_takes_the_name_of_this_plan(grid: WriteGrid) -> None:
    run = grid(groups=6).runs[1]
    path = cases_of(run)
    path.write_text(path.read_text().replace(",UNet_R18,", ",mine,"))
    score("grid")
    assert set(table("cases.csv")["network"]) == {"UNet_R18"}
    assert table("ranking.csv")["complete"].all()


def test_names_that_look_like_missing_values_are_names(grid: WriteGrid) -> None:
    plan = grid(groups=6)
    for run in plan.runs:
        path = cases_of(run)
        path.write_text(path.read_text().replace(",p0,", ",NA,"))
    score("grid")
    assert scores()["counts"]["groups"] == 6


def test_same_runs_same_bytes(grid: WriteGrid) -> None:
    grid(networks=["UNet_R18", "FPN_R18"], groups=9, folds=3, states={1: "failed", 4: "missing"})
    first_text, first = score("grid"), digests()
    assert (score("grid"), digests()) == (first_text, first)


def test_the_text_fits_a_terminal(grid: WriteGrid) -> None:
    long = [
        f"0.{i}5*dual_level_ce(gamma1=0.5, gamma2=0.25) + 0.25*dice(squared=true) + 0.25*boundary" for i in range(9)
    ]
    grid(networks=["UNet_R18", "DeepLabV3+_MobileNetV3"], mixtures=long, groups=6, states={0: "failed"})
    text = score("grid")
    assert max(map(len, text.splitlines())) <= 120
    assert "DeepLabV3+_MobileNetV3" in text and "…" in text


def test_500_runs(grid: WriteGrid, capsys: pytest.CaptureFixture[str]) -> None:
    mixtures = [f"{1 + i}*ce + 1*dice" for i in range(125)]
    grid(mixtures=mixtures, folds=4, groups=20, scoring={"bootstrap": 2000})
    start = time.perf_counter()
    text = score("grid")
    with capsys.disabled():
        print(f"\n500 runs scored in {time.perf_counter() - start:.2f} s")
    assert "... and 95 more in ranking.csv" in text
    ranking = table("ranking.csv")
    assert len(ranking) == 125 and ranking["rank"].max() <= 125
    assert ranking["first_share"].sum() == pytest.approx(1)
