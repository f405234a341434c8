"""Ensembles in the plan: which runs they join, what defines them, and what is refused."""

from __future__ import annotations

import pytest

from seggrid.config import parse_experiment
from seggrid.errors import UserError
from seggrid.paths import RunFolder
from seggrid.plan import Plan
from seggrid.specification import EnsembleSpec, PlannedRun, is_ensemble
from tests.unit.plan.conftest import MIXTURE, Study, ids


def joined(plan: Plan) -> list[PlannedRun]:
    return [run for run in plan.runs if is_ensemble(run.run_id)]


def spec(plan: Plan, run: PlannedRun) -> EnsembleSpec:
    return EnsembleSpec.model_validate_json(plan.specifications[RunFolder(run.run_id).spec])


@pytest.fixture
def grid(study: Study) -> Study:
    """Two networks x two mixtures x two seeds, on two folds."""
    study.raw |= {"networks": ["UNet_R18", "FPN_R18"], "mixtures": ["ce", MIXTURE], "seeds": [0, 1]}
    study.raw["splits"] = {"folds": 2}
    del study.raw["folds"]
    return study


def test_they_join_the_candidates_of_a_fold_and_seed(grid: Study) -> None:
    alone = grid.plan()
    grid.raw["ensembles"] = [{}, {"members": ["UNet_R18", "mixed"], "weights": "learned", "label": "one"}]
    plan = grid.plan()
    assert plan.runs[: len(alone.runs)] == alone.runs
    runs = joined(plan)
    assert len(runs) == 2 * 2 * 2
    assert [run.label for run in runs[::4]] == ["mean(all)", "one"]
    assert [run.loss for run in runs[::4]] == ["mean(all)", "learned(UNet_R18; 0.50*ce + 0.50*dice)"]
    for run in runs[:4]:
        of = {other.run_id for other in alone.runs if (other.fold, other.seed) == (run.fold, run.seed)}
        assert set(spec(plan, run).members) == of
        assert len(of) == 4
    assert len(spec(plan, runs[4]).members) == 1


def test_seeds_can_be_joined_too(grid: Study) -> None:
    grid.raw["ensembles"] = [{"members": "ce", "over_seeds": True}]
    plan = grid.plan()
    runs = joined(plan)
    assert [(run.fold, run.seed) for run in runs] == [("0", 0), ("1", 0)]
    assert {run.loss for run in runs} == {"mean(ce, over seeds)"}
    assert all(len(spec(plan, run).members) == 4 for run in runs)


def test_their_names_follow_from_what_they_join(grid: Study) -> None:
    grid.raw["ensembles"] = [{"members": ["ce"], "label": "first"}]
    first = [run.run_id for run in joined(grid.plan())]
    grid.raw["ensembles"][0]["label"] = "another"
    grid.raw["mixtures"] = [MIXTURE, "dice", "ce"]
    grid.raw["networks"] = ["FPN_R18", "UNet_R18"]
    assert [run.run_id for run in joined(grid.plan())] == first
    grid.raw["ensembles"][0]["weights"] = "learned"
    assert not set(first) & {run.run_id for run in joined(grid.plan())}
    grid.raw["ensembles"][0]["weights"] = "mean"
    grid.set("training.epochs", 7)
    assert not set(first) & {run.run_id for run in joined(grid.plan())}


def test_they_move_nothing_else(grid: Study) -> None:
    before = ids(grid.plan())
    grid.raw["ensembles"] = [{}]
    after = ids(grid.plan())
    assert after["data"] == before["data"]
    assert after["run"][: len(before["run"])] == before["run"]
    assert set(after["eval"]) == set(before["eval"])


@pytest.mark.parametrize(
    ("ensembles", "told"),
    [
        ([{"members": ["UNet_R1"]}], r"ensembles.0.members: UNet_R1 is neither a network nor a mixture \(did you mean"),
        ([{}, {"members": ["UNet_R18", "FPN_R18"]}], "ensembles.1: has the members and weights of another one"),
        ([{"members": []}], "name at least one network or mixture, or all"),
        ([{"weights": "median"}], "weights"),
    ],
)
def test_a_mistake_is_named(grid: Study, ensembles: list[object], told: str) -> None:
    grid.raw["ensembles"] = ensembles
    with pytest.raises(UserError, match=told):
        parse_experiment(grid.raw, "study.yaml")


def test_one_seed_cannot_be_joined(grid: Study) -> None:
    grid.raw |= {"seeds": [3], "ensembles": [{"over_seeds": True}]}
    with pytest.raises(UserError, match=r"ensembles.0.over_seeds: there is one seed"):
        parse_experiment(grid.raw, "study.yaml")


def test_a_network_cannot_be_called_like_them(grid: Study) -> None:
    grid.raw["networks"] = [{"name": "ensemble", "architecture": "Unet", "encoder": "resnet18"}]
    grid.raw["ensembles"] = [{}]
    with pytest.raises(UserError, match="networks: ensemble stands for the ensembles in all tables"):
        parse_experiment(grid.raw, "study.yaml")


def test_a_search_alone_has_none(grid: Study) -> None:
    grid.raw |= {"mixtures": [], "search": {"space": {"terms": ["ce", "dice"]}}, "ensembles": [{}]}
    with pytest.raises(UserError, match="ensembles: are made of mixtures of the grid"):
        parse_experiment(grid.raw, "study.yaml")
