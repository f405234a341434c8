"""Task-based metrics: how wrong a candidate's masks make the measures of a knee's motion.

They stand beside O and D and change no rank. A frame enters where the true mask can be measured. One that can be
measured on the true mask but not on the predicted one has no error to average: it is counted, and the count stands
beside every mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from seggrid.errors import UserError
from seggrid.motion.measures import MEASURES
from seggrid.motion.stage import COLUMNS, measure_runs, motion_file
from seggrid.paths import ExperimentFolder
from seggrid.records import write_if_changed
from seggrid.scoring.aggregate import Means, aggregate, over_runs
from seggrid.scoring.grid import Candidate, Grid
from seggrid.scoring.ranking import Ranking
from seggrid.scoring.statistics import MINIMUM_GROUPS, Bootstrap, contributions

_NUMBERS = ("predicted", "reference", "known", "projected")
_INTERVAL = ("low", "high", "difference_low", "difference_high")
_SHOWN = [
    "measure", "unit", "mae", "mae_sd", *_INTERVAL[:2], "difference", *_INTERVAL[2:], "bias", "frames", "missed",
    "known_mae", "known_bias",
]  # fmt: skip
#: What of a measure's errors stands in ``ranking.csv``, behind the measure's name.
_BESIDE = {"mae": "mae", "low": "mae_low", "high": "mae_high", "missed": "missed"}


def motion_rows(grid: Grid, folder: ExperimentFolder, processes: int = 1) -> pd.DataFrame:
    """Measure the knees of all completed runs, as far as they are not measured yet, and write ``motion.csv``.

    Returns:
        A row per run, case and measure: the columns of ``COLUMNS``, and ``run``, its position in the grid.

    Raises:
        UserError: the experiment has no section ``motion``, or masks are damaged or none of a knee.
    """
    motion = grid.experiment.motion
    if motion is None:
        raise UserError(f"{grid.experiment.name}: has no section motion; add `motion: {{}}` to its file and plan again")
    done = [(number, run.planned) for number, run in enumerate(grid.runs) if run.state == "completed"]
    measure_runs([run for _, run in done], motion, grid.class_names, processes)
    labels = motion.labels(grid.class_names)
    tables = [_read(number, motion_file(run, labels)) for number, run in done]
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["run", *COLUMNS])
    names = pd.DataFrame([run.planned.model_dump(include=set(_PLACE)) for run in grid.runs], columns=list(_PLACE))
    placed = pd.concat([names.loc[rows["run"]].reset_index(drop=True), rows.drop(columns="run")], axis=1)
    write_if_changed(folder.motion, placed.to_csv(index=False, lineterminator="\n", float_format="%.8g"))
    return rows


_PLACE = ("run_id", "network", "loss", "fold", "seed")


def _read(number: int, path: Path) -> pd.DataFrame:
    words = {name: "str" for name in COLUMNS if name not in (*_NUMBERS, "frame")}
    table = pd.read_csv(
        path, dtype={**words, **dict.fromkeys(_NUMBERS, "float64")}, keep_default_na=False,
        na_values={name: [""] for name in _NUMBERS},
    )  # fmt: skip
    if tuple(table.columns) != COLUMNS:
        raise UserError(f"{path}: damaged or of another version of seggrid; delete it and score again")
    table.insert(0, "run", number)
    return table


def error_table(grid: Grid, rows: pd.DataFrame, ranking: Ranking) -> pd.DataFrame:
    """``motion_errors.csv``: a row per candidate and measure on the test splits, in the order of the ranking.

    ``mae`` and ``bias`` are means of predicted minus reference over frames within a group, groups, then runs, as all
    metrics are. ``known_mae`` is against what the phantom knows of its pose, in 3-D. ``difference`` is that of ``mae``
    from the baseline mixture in the same network.
    """
    test = rows[(rows["split"] == "test") & (rows["reference_status"] == "ok")]
    wrong = test["predicted"] - test["reference"]
    table = test.assign(
        bias=wrong, mae=wrong.abs(), known_mae=(test["predicted"] - test["known"]).abs(),
        known_bias=test["predicted"] - test["known"],
    ).rename(columns={"measure": "class"})  # fmt: skip
    if table.empty:
        return pd.DataFrame(columns=["candidate", *Candidate._fields, *_SHOWN])
    columns = ["mae", "bias", "known_mae", "known_bias"]
    means = aggregate(table, columns)
    mean, spread = (part.droplevel("split") for part in over_runs(means.objects, grid.candidate_of))
    found = mean.assign(mae_sd=spread["mae"]).join(_counts(table, grid.candidate_of))
    parts = [_intervals(grid, means, measure, ranking.ranked.index.to_list()) for measure in MEASURES]
    found = found.join(pd.concat(parts))
    order = {candidate: place for place, candidate in enumerate(ranking.table.index)}
    found = found.reset_index().rename(columns={"class": "measure"})
    found["place"] = found["candidate"].map(order)
    found["number"] = found["measure"].map(list(MEASURES).index)
    found = found.sort_values(["place", "number"], kind="stable").reset_index(drop=True)
    units = rows.drop_duplicates("measure").set_index("measure")["unit"]
    found["unit"] = found["measure"].map(units)
    names = pd.DataFrame(list(grid.candidates), columns=list(Candidate._fields)).loc[found["candidate"]]
    return pd.concat([names.reset_index(drop=True), found[["candidate", *_SHOWN]]], axis=1)


def _counts(table: pd.DataFrame, candidate_of: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Frames, over all runs, that the true masks give, and those of them that the predicted ones do not."""
    keys = [pd.Series(candidate_of[table["run"].to_numpy()], index=table.index, name="candidate"), table["class"]]
    missed = (table["status"] != "ok").groupby(keys, sort=True)
    return pd.DataFrame({"frames": missed.size(), "missed": missed.sum()})


def _intervals(grid: Grid, means: Means, measure: str, ranked: Sequence[int]) -> pd.DataFrame:
    """Intervals of the mean absolute error of one measure, by a bootstrap over the test groups."""
    groups = means.groups["mae"]
    groups = groups[groups.index.get_level_values("split") == "test"].droplevel("split")
    groups = groups[groups.index.get_level_values("class") == measure].dropna()
    present = set(grid.candidate_of[groups.index.get_level_values("run").to_numpy()].tolist())
    chosen = [candidate for candidate in ranked if candidate in present]
    index = pd.MultiIndex.from_product([chosen, [measure]], names=["candidate", "class"])
    columns = ["difference", *_INTERVAL]
    if not chosen:
        return pd.DataFrame(columns=columns, index=index, dtype=float)
    parts = contributions(pd.DataFrame({"overlap": groups, "distance": groups}), grid.candidate_of, list(chosen))
    own = [grid.candidates[candidate] for candidate in chosen]
    same = {(candidate.network, candidate.loss): row for row, candidate in enumerate(own)}
    baseline = np.array([same.get((candidate.network, grid.baseline), -1) for candidate in own], dtype=np.int64)
    value = parts.distance.sum(axis=1) / parts.weight.sum(axis=1)
    found = pd.DataFrame(np.nan, index=index, columns=columns)
    found["difference"] = np.where(baseline >= 0, value - value[baseline], np.nan)
    if len(parts.groups) >= MINIMUM_GROUPS:
        scoring = grid.experiment.scoring
        ends = Bootstrap(parts, scoring.bootstrap, scoring.seed).intervals(baseline)
        found[list(_INTERVAL)] = ends[[f"distance_{name}" for name in _INTERVAL]].to_numpy()
    return found


def beside(errors: pd.DataFrame) -> pd.DataFrame:
    """The columns that stand in ``ranking.csv``: ``flexion_mae``, ``flexion_mae_low``, ..., indexed by candidate."""
    tables = []
    for measure in MEASURES:
        own = errors[errors["measure"] == measure].set_index("candidate")[list(_BESIDE)]
        tables.append(own.rename(columns={name: f"{measure}_{end}" for name, end in _BESIDE.items()}))
    return pd.concat(tables, axis=1).rename_axis(index="candidate")
