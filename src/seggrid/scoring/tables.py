"""The tables beside the ranking: a row per run, and a row per candidate, split and object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from seggrid.records import atomic
from seggrid.scoring.aggregate import Means, count, over_runs
from seggrid.scoring.cases import STATUSES
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.grid import Grid

#: What of a run's status is shown in ``runs.csv``.
_STATUS = ("epochs", "best_epoch", "best_dice", "parameters", "device", "seconds", "step_seconds")


def run_table(grid: Grid, means: Means) -> pd.DataFrame:
    """``runs.csv``: the plan, how each run ended, and its O and D on test and val."""
    rows = []
    for run in grid.runs:
        known = {name: getattr(run.status, name, None) for name in _STATUS}
        rows.append({**run.planned.model_dump(exclude={"stopped"}), "state": run.state, "reason": run.reason, **known})
    table = pd.DataFrame(rows).astype(dict.fromkeys(("epochs", "best_epoch", "parameters"), "Int64"))
    values = comprehensive(means.runs, grid.experiment.scoring)
    for split, end in (("test", ""), ("val", "_val")):
        chosen = values[values.index.get_level_values("split") == split].droplevel("split")
        table[[f"overlap{end}", f"distance{end}"]] = chosen.reindex(table.index).to_numpy()
    return table


def object_table(grid: Grid, cases: pd.DataFrame, means: Means, metrics: Sequence[str]) -> pd.DataFrame:
    """``objects.csv``: per candidate, split and class, every metric's mean and its spread over folds and seeds.

    Of an incomplete candidate it covers the runs there are. ``ok`` to ``both_empty`` count rows: a case has one
    per run that holds it in that split.
    """
    mean, spread = over_runs(means.objects, grid.candidate_of)
    counted = count(cases, grid.candidate_of)
    table = counted[["cases", "groups", *STATUSES, "unit"]].copy()
    for metric in metrics:
        table[metric], table[f"{metric}_sd"] = mean[metric], spread[metric]
    table = table.reset_index()
    candidates = pd.DataFrame(grid.candidates).loc[table.pop("candidate").to_numpy()].reset_index(drop=True)
    return pd.concat([candidates, table], axis=1)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write CSV in one step; 10 significant digits, beyond which only the order of summation speaks."""
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", float_format="%.10g")
