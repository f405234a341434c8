"""A planned experiment with a search, whose trainings are made up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from seggrid.config import parse_experiment
from seggrid.data.index import CaseEntry, index_text
from seggrid.paths import DataFolder, RunFolder
from seggrid.plan import Plan, make_plan
from seggrid.records import CASE_KEYS, RunStatus, write_json, write_text
from seggrid.specification import read_plan, read_run

NAME = "s"
METRICS = ["iou", "dice", "precision", "recall", "hd95", "assd"]
MakePlan = Callable[..., Plan]
#: Runs that were trained, in the order in which it was done.
Trained = list[str]


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePlan:
    """Plan an experiment in a results folder of its own; keys of ``search`` may be given."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    monkeypatch.chdir(tmp_path)

    def make(
        name: str = NAME,
        mixtures: tuple[str, ...] = ("ce",),
        search: Any = None,
        experiment_folders: tuple[Path, ...] = (),
        **sections: Any,
    ) -> Plan:
        space = {"terms": ["ce", "dice", "boundary"]}
        raw = {
            "name": name,
            "data": {"source": "phantom", "knee": {"subjects": 9}},
            "splits": {"folds": 3},
            "folds": [0, 1],
            "networks": ["UNet_R18"],
            "mixtures": list(mixtures),
            "evaluation": {"metrics": METRICS},
            "search": {"rounds": 2, "trials": 3, "space": space, **(search or {})} if search is not False else None,
            **sections,
        }
        planned = make_plan(parse_experiment(raw, name), list(experiment_folders))
        planned.write()
        entries = [CaseEntry(f"p{i}", f"p{i}", 1, (9, 9), (9, 9), None, 0, 0, 0, 0, (), (1,), ()) for i in range(9)]
        write_text(DataFolder(planned.data_id).index, index_text(entries))
        return planned

    return make


@pytest.fixture
def trained(plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> Trained:
    """Replaces training and evaluation: the more Dice in a mixture, the better; a learning rate moves it a little."""
    done: Trained = []

    def supervise(run_id: str, device: str | None = None) -> None:
        if not RunFolder(run_id).status.is_file():
            done.append(run_id)
            finish(run_id)

    def supervise_until(run_id: str, epochs: int, device: str | None = None) -> None:
        if not RunFolder(run_id).status.is_file():
            write_history(RunFolder(run_id).live_history, run_id, epochs)

    monkeypatch.setattr("seggrid.search.rungs.supervise", supervise)
    monkeypatch.setattr("seggrid.search.rungs.supervise_until", supervise_until)
    monkeypatch.setattr("seggrid.search.rungs.evaluate", lambda run_id, eval_id, *_: measure(run_id, eval_id))
    return done


def finish(run_id: str, state: str = "completed") -> None:
    """Write how a training ended."""
    if state == "completed":
        write_history(RunFolder(run_id).history, run_id, 9)
    reason = None if state == "completed" else "the loss became nan in epoch 2"
    status = RunStatus(run_id=run_id, state=state, reason=reason, epochs=3, seconds=1.0)
    write_json(RunFolder(run_id).status, status.model_dump(mode="json"))


def write_history(path: Path, run_id: str, epochs: int) -> None:
    """Write made-up epochs: the more Dice in a mixture, the better; every third epoch is a bad one."""
    weights = {term.loss: float(term.weight) for term in read_run(run_id).mixture.terms}
    best = 0.3 + 0.5 * weights.get("dice", 0.0)
    rows = [f"{epoch},0.5,{best - 0.1 / epoch if epoch % 3 else 0.1},1.0" for epoch in range(1, epochs + 1)]
    write_text(path, "\n".join(["epoch,loss,val_dice,seconds", *rows, ""]))


def measure(run_id: str, eval_id: str, test: float = 0.1) -> None:
    """Write made-up rows; ``test`` is what the test cases reach, which no search may read."""
    spec = read_run(run_id)
    weights = {term.loss: float(term.weight) for term in spec.mixture.terms}
    noise = int(hashlib.sha256(run_id.encode()).hexdigest()[:4], 16) / 16**4 / 100
    rows = []
    for split, value in (("val", 0.4 + 0.5 * weights.get("dice", 0.0) + noise), ("test", test)):
        head = (run_id, spec.network.name, spec.mixture.name, spec.fold, spec.seed, split, "p0", "p0", "femur", "ok")
        values = (value, value, value, value, 10 * (1 - value), 5 * (1 - value), "px")
        rows.append([*head, 1, 2, 3, 4, *values])
    path = RunFolder(run_id).evaluation(eval_id).cases
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=[*CASE_KEYS, *METRICS, "unit"]).to_csv(path, index=False, lineterminator="\n")


def finish_baselines(losses: tuple[str, ...] = ("ce",), name: str = NAME) -> None:
    """Train and measure the runs of the grid beside the search."""
    for run in read_plan(name):
        if run.loss in losses:
            finish(run.run_id)
            measure(run.run_id, run.eval_id)
