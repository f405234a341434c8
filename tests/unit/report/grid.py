"""A finished grid made up in seconds: a real plan and data set, masks that are shifted truths, real scores.

Every name that a user can choose freely holds HTML.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from seggrid.config import Experiment
from seggrid.data.preprocess import preprocess
from seggrid.data.store import Store
from seggrid.inference.masks import write_mask
from seggrid.metrics import measure
from seggrid.paths import DataFolder, RunFolder
from seggrid.plan import Plan, make_plan
from seggrid.records import CASE_KEYS, RunStatus, write_json
from seggrid.specification import PlannedRun, read_data

NAME = "made-up"
#: What must stay text, each in another place.
DESCRIPTION = "<script>document.title = 'broken'</script>"
CLASSES = ("<img src=x onerror=alert(1)>", "tendon</script><!--")
NETWORK = "<b>net</b> & <a href='https://example.org'>co</a>"
LABEL = "LCE2 <i>+</i> %{x} ${y}"
TERMS = [
    {"loss": "dual_level_ce", "weight": 0.5},
    {"loss": "dice", "weight": 0.25},
    {"loss": "boundary", "weight": 0.25},
]
CASES = [f"<em>p{number}" for number in range(8)]


def make_experiment(folder: Path) -> Experiment:
    """Two networks x two mixtures x two folds on eight small images in ``folder``."""
    rng = np.random.default_rng(0)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    rows, columns = np.mgrid[:40, :48]
    for number, case in enumerate(CASES):
        mask = np.zeros((40, 48), np.uint8)
        mask[(rows - 16) ** 2 + (columns - 16 - number) ** 2 < 80] = 1
        mask[26:34, 24 : 34 + number] = 2
        image = (60 * mask + rng.integers(0, 40, mask.shape)).astype(np.uint8)
        for part, content in (("images", image), ("masks", mask)):
            cv2.imwrite(str(folder / part / f"{case}.png"), content)
    return Experiment.model_validate(
        {
            "name": NAME,
            "description": DESCRIPTION,
            "data": {"source": "folder", "path": str(folder), "classes": list(CLASSES)},
            "preprocessing": ["z_score"],
            "splits": {"folds": 2},
            "networks": [{"name": NETWORK, "architecture": "FPN", "encoder": "resnet18"}, "UNet_R18"],
            "mixtures": ["ce", {"label": LABEL, "terms": TERMS}],
            "scoring": {"bootstrap": 100},
        }
    )


def write_grid(folder: Path, states: Mapping[int, str] | None = None) -> Plan:
    """Plan, preprocess and make up runs; the later a candidate stands in the plan, the better it is.

    Args:
        states: position in the plan -> ``failed``, ``missing`` or ``unevaluated``; all others are completed.
    """
    return fill(make_experiment(folder / "raw"), states)


def fill(experiment: Experiment, states: Mapping[int, str] | None = None, worse: int = 0) -> Plan:
    """Do the same for any experiment on such images; runs and data that are there stay.

    Args:
        worse: pixels by which its masks are shifted farther.
    """
    plan = make_plan(experiment, [])
    plan.write()
    data = DataFolder(plan.data_id)
    if not data.index.is_file():
        preprocess(read_data(plan.data_id), data, 1)
    store = Store.open(data)
    for position, run in enumerate(plan.runs):
        state = (states or {}).get(position, "completed")
        if state != "missing" and not RunFolder(run.run_id).status.is_file():
            _write_run(plan, run, state, store, shift=max(0, 4 + worse - position // 2))
    return plan


def _write_run(plan: Plan, run: PlannedRun, state: str, store: Store, shift: int) -> None:
    folder = RunFolder(run.run_id)
    failed = state == "failed"
    status = RunStatus(
        run_id=run.run_id, state="failed" if failed else "completed",
        reason="the loss became <nan> in epoch 2" if failed else None, diverged=failed,
        epochs=4, best_epoch=3, best_dice=0.8, parameters=1_234_567, device="cpu", seconds=75.0, step_seconds=60.0,
    )  # fmt: skip
    write_json(folder.status, status.model_dump(mode="json"))
    if failed:
        return
    mixture = next((m for m in plan.experiment.all_mixtures() if m.name == run.loss), None)
    _history([term.name for term in mixture.terms] if mixture else [], shift).to_csv(folder.history, index=False)
    environment = {"commit": "abc", "versions": {"torch": "2"}, "processor": "<cpu>", "cores": 2, "precision": "fp32"}
    write_json(folder.environment, environment)
    if state == "completed":
        _write_evaluation(plan, run, store, shift)


def _history(terms: list[str], shift: int) -> pd.DataFrame:
    epochs = np.arange(1, 5)
    table = pd.DataFrame({"epoch": epochs, "learning_rate": 0.1, "loss": shift / epochs, "val_dice": 1 - 0.5 / epochs})
    for position, term in enumerate(terms):
        table[f"loss:{term}"] = (position + 1) / epochs
        table[f"ratio:{term}"] = 1 / len(terms)
    return table.assign(seconds=1.0, step_seconds=0.8)


def _write_evaluation(plan: Plan, run: PlannedRun, store: Store, shift: int) -> None:
    folder = RunFolder(run.run_id).evaluation(run.eval_id)
    metrics = plan.experiment.evaluation.metrics
    fold = store.fold(int(run.fold))
    rows = []
    folder.folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder.predictions, "w") as archive:
        for split, cases in (("val", fold.val), ("test", fold.test)):
            for case in cases:
                entry, truth = store.cases[case], store.truth(case)
                mask = np.roll(truth, shift + case % 2, axis=1)
                write_mask(archive, f"{split}/{entry.case}", mask, entry.grid)
                place = (run.run_id, run.network, run.loss, run.fold, run.seed, split, entry.group, entry.case)
                for name, found in zip(CLASSES, measure(mask, truth, [1, 2], metrics), strict=True):
                    counts = (found.status, found.tp, found.fp, found.fn, found.tn)
                    rows.append([*place, name, *counts, *found.values.values(), store.unit])
    pd.DataFrame(rows, columns=[*CASE_KEYS, *metrics, "unit"]).to_csv(folder.cases, index=False, lineterminator="\n")
