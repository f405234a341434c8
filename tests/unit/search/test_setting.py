"""What the values of trials depend on besides the trial: changed after the first round, it is refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from seggrid.catalogue import LOSSES
from seggrid.config import Mixture, Term
from seggrid.errors import UserError
from seggrid.paths import SearchFolder
from seggrid.records import read_json, write_json
from seggrid.search.rounds import ask
from seggrid.specification import read_plan
from tests.unit.search.conftest import NAME, MakePlan, Trained

FIRST = {"name": "A", "architecture": "Unet", "encoder": "resnet18"}
SECOND = {"name": "B", "architecture": "Unet", "encoder": "resnet34"}


def refuses(make: Callable[[], object]) -> bool:
    try:
        make()
    except UserError as error:
        assert "holds rounds of this search as it was before" in str(error)
        assert "delete the folder, or give the experiment another name" in str(error)
        return True
    return False


@pytest.mark.parametrize(
    "networks",
    [
        [{**FIRST, "name": "B"}, {**SECOND, "name": "A"}],
        [{**FIRST, "name": "C"}, SECOND],
        [FIRST, {**SECOND, "encoder": "resnet50"}],
        [FIRST],
    ],
)
def test_other_networks_or_names_of_them(plan: MakePlan, trained: Trained, networks: list[dict[str, str]]) -> None:
    plan(networks=[FIRST, SECOND])
    ask(NAME, 0, [])
    assert not refuses(lambda: plan(networks=[FIRST, SECOND]))
    assert refuses(lambda: plan(networks=networks))


def test_another_version_of_a_loss(plan: MakePlan, trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    plan()
    ask(NAME, 0, [])
    monkeypatch.setitem(LOSSES, "tversky", replace(LOSSES["tversky"], version=99))
    assert not refuses(plan), "it lies outside of the space"
    monkeypatch.setitem(LOSSES, "dice", replace(LOSSES["dice"], version=99))
    assert refuses(plan)


@pytest.fixture
def parent(plan: MakePlan, tmp_path: Path) -> Callable[..., None]:
    """Write the experiment that the search starts from."""

    def write(**training: Any) -> None:
        raw = {
            "data": {"source": "phantom", "knee": {"subjects": 9}}, "splits": {"folds": 3}, "folds": [0, 1],
            "networks": ["UNet_R18"], "mixtures": ["ce", "focal"], "training": training,
        }  # fmt: skip
        (tmp_path / "parent.yaml").write_text(yaml.safe_dump(raw))

    return write


def test_another_parent(plan: MakePlan, trained: Trained, parent: Callable[..., None]) -> None:
    parent(epochs=4)
    start: dict[str, Any] = {"training": {"init_from": "parent"}, "experiment_folders": [Path()]}
    plan(**start)
    ask(NAME, 0, [Path()])
    assert not refuses(lambda: plan(**start))
    parent(epochs=5)
    assert refuses(lambda: plan(**start))


def test_every_run_that_a_trial_may_start_from_is_named(
    plan: MakePlan, trained: Trained, parent: Callable[..., None]
) -> None:
    parent()
    plan(training={"init_from": "parent"}, experiment_folders=[Path()])
    named = {entry["run_id"] for entry in read_json(SearchFolder(NAME).spec)["parents"]}
    assert len(named) == 4, "two mixtures on two folds"
    assert all((Path("results/runs") / run / "spec.json").is_file() for run in named)
    ask(NAME, 0, [Path()])
    assert {run.parent for run in read_plan(NAME)} <= named


def test_fewer_rounds_leave_the_later_ones_out(plan: MakePlan, trained: Trained) -> None:
    plan()
    first = ask(NAME, 0, [])
    folder = SearchFolder(NAME)
    only_dice = first.trials[0].model_copy(update={"mixture": Mixture(terms=(Term(loss="dice"),))})
    later = first.model_copy(update={"round": 1, "trials": (only_dice,)})
    write_json(folder.ask(1), later.model_dump(mode="json"))
    assert "dice" in {run.loss for run in plan().runs}
    assert "dice" not in {run.loss for run in plan(search={"rounds": 1}).runs}
