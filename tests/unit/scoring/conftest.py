"""Synthetic grids: a real plan, and runs whose measurements are made up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from seggrid.config import Experiment
from seggrid.data.index import CaseEntry, index_text
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder
from seggrid.plan import Plan, make_plan
from seggrid.records import CASE_KEYS as KEYS
from seggrid.records import RunStatus, write_json, write_text
from seggrid.specification import PlannedRun

#: The diagonal is 500, so d0 is 5.
SHAPE = (300, 400)
OVERLAP, DISTANCE = ("iou", "dice", "precision", "recall"), ("hd95", "assd")
CLASSES = ("femur", "tendon")

#: (run, split, group, case, class) -> O, D; O = 0 is a missed object, None a class in neither mask.
Values = Callable[[PlannedRun, str, str, str, str], tuple[float, float] | None]
WriteGrid = Callable[..., Plan]


#: The first claim of Wang et al., and mixtures that it can be tested on.
LCE2 = {"text": "LCE2 over LCE1", "better": {"loss": "dual"}, "worse": {"loss": "weighted_ce"}, "source": "wang2026"}
MIXTURES = [{"label": "dual", "terms": [{"loss": "dual_level_ce"}]}, "weighted_ce"]
SIZE: dict[str, Any] = {"mixtures": MIXTURES, "folds": 2, "seeds": (0, 1, 2), "groups": 8}


def experiment(**changes: Any) -> dict[str, Any]:
    """An experiment that claims can be written into."""
    return {
        "name": "x", "data": {"source": "phantom"}, "networks": ["UNet_R18"], "mixtures": MIXTURES, **changes,
    }  # fmt: skip


def write_grid(
    values: Values | None = None,
    *,
    networks: Sequence[str] = ("UNet_R18",),
    mixtures: Sequence[Any] = ("ce", "dice"),
    folds: int = 2,
    seeds: Sequence[int] = (0,),
    groups: int = 4,
    frames: int = 1,
    states: Mapping[int, str] | None = None,
    **sections: Any,
) -> Plan:
    """Plan an experiment called ``grid`` and write what its runs would have left.

    Args:
        values: what is measured; default: drawn, the later a candidate stands in the plan, the better.
        states: position in the plan -> ``failed``, ``missing`` or ``unevaluated``; all others are completed.
        sections: of the experiment, e.g. ``scoring``.
    """
    experiment = Experiment.model_validate(
        {
            "name": "grid",
            "data": {"source": "phantom", "knee": {"subjects": max(groups, 4 * folds)}},
            "splits": {"folds": folds},
            "networks": list(networks),
            "mixtures": list(mixtures),
            "seeds": list(seeds),
            "evaluation": {"metrics": [*OVERLAP, *DISTANCE]},
            "scoring": {"bootstrap": 200},
        }
        | sections
    )
    plan = make_plan(experiment, [])
    plan.write()
    cases = [(f"p{group}", f"p{group}_{frame}") for group in range(groups) for frame in range(frames)]
    entries = [CaseEntry(case, group, 1, SHAPE, SHAPE, None, 0, 0, 0, 0, (), (1,), ()) for group, case in cases]
    write_text(DataFolder(plan.data_id).index, index_text(entries))
    quality = {key: i for i, key in enumerate(dict.fromkeys((r.network, r.loss) for r in plan.runs))}
    for position, run in enumerate(plan.runs):
        state = (states or {}).get(position, "completed")
        rng = np.random.default_rng(position)
        drawn = _drawn(rng, quality[run.network, run.loss] / len(quality))
        _write_run(run, state, _rows(run, cases, folds, values or drawn), experiment.evaluation.metrics)
    return plan


def _drawn(rng: np.random.Generator, quality: float) -> Values:
    def draw(*_: object) -> tuple[float, float]:
        return float(0.7 + 0.2 * quality + 0.05 * rng.random()), float(9 - 5 * quality + rng.random())

    return draw


def _rows(run: PlannedRun, cases: list[tuple[str, str]], folds: int, values: Values) -> list[dict[str, Any]]:
    rows = []
    for split, shift in (("val", 1), ("test", 0)):
        for group, case in cases:
            if int(group[1:]) % folds != (int(run.fold) + shift) % folds:
                continue
            for name in CLASSES:
                found = values(run, split, group, case, name)
                status = "both_empty" if found is None else "pred_empty" if found[0] == 0 else "ok"
                overlap, distance = found or (np.nan, np.nan)
                key = (run.run_id, run.network, run.loss, run.fold, run.seed, split, group, case, name, status)
                measured = {**dict.fromkeys(OVERLAP, overlap), **dict.fromkeys(DISTANCE, distance), "unit": "px"}
                rows.append({**dict(zip(KEYS, (*key, 1, 2, 3, 4), strict=True)), **measured})
    return rows


def _write_run(run: PlannedRun, state: str, rows: list[dict[str, Any]], metrics: Sequence[str]) -> None:
    folder = RunFolder(run.run_id)
    if state == "missing":
        return
    ended = "failed" if state == "failed" else "completed"
    status = RunStatus(
        run_id=run.run_id, state=ended, reason="loss is NaN in epoch 3" if state == "failed" else None,
        epochs=5, best_epoch=4, best_dice=0.5, parameters=1000, device="cpu", seconds=2.5, step_seconds=2.0,
    )  # fmt: skip
    write_json(folder.status, status.model_dump(mode="json"))
    if state == "unevaluated":
        return
    table = pd.DataFrame(rows if state == "completed" else [], columns=[*KEYS, *metrics, "unit"])
    path = folder.evaluation(run.eval_id).cases
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, lineterminator="\n", float_format="%.10g")


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty results folder."""
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    return tmp_path


@pytest.fixture
def grid(results: Path) -> WriteGrid:
    """``write_grid`` into an empty results folder."""
    return write_grid


def table(name: str) -> pd.DataFrame:
    folder = ExperimentFolder("grid")
    path = folder.latest_ranking if name == "ranking.csv" else folder.folder / name
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def scores() -> dict[str, Any]:
    return json.loads(ExperimentFolder("grid").scores.read_text())


def cases_of(run: PlannedRun) -> Path:
    return RunFolder(run.run_id).evaluation(run.eval_id).cases


def by_loss(**values: tuple[float, float]) -> Callable[..., tuple[float, float]]:
    """The same O and D for every case of a mixture."""
    return lambda run, *_: values[run.loss]


def planted(gain: float, noise: float = 0.0) -> Values:
    """A gain of the dual-level mixture that differs by group; networks, seeds and groups shift both sides."""

    def value(run: PlannedRun, split: str, group: str, case: str, name: str) -> tuple[float, float]:
        number = int(group[1:])
        base = 0.6 + 0.01 * number + 0.001 * run.seed + 0.05 * (run.network == "FPN_R18")
        own = gain + noise * (-1) ** number * (1 + number / 10)
        value = base + own * (run.loss == "dual_level_ce")
        return value, 20 * (1 - value)

    return value


def claimed(*claims: dict[str, Any]) -> dict[str, Any]:
    """The section of an experiment."""
    return {"claims": list(claims)}
