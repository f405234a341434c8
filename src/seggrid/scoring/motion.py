"""Task-based metrics: how wrong a candidate's masks make the measures of a knee's motion.

They stand beside O and D and change no rank. A frame enters where the true mask can be measured. One that can be
measured on the true mask but not on the predicted one has no error to average: it is counted, and the count stands
beside every mean. A mean is over the frames that its candidate measured, so one that misses the hard frames has the
lower mean for it. Candidates are therefore compared on the frames that both of them measured.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from seggrid.errors import UserError
from seggrid.motion.measures import MEASURES
from seggrid.motion.stage import COLUMNS, measure_runs, motion_file
from seggrid.paths import ExperimentFolder
from seggrid.records import write_if_changed
from seggrid.scoring.aggregate import aggregate, over_runs
from seggrid.scoring.grid import Candidate, Grid
from seggrid.scoring.ranking import Ranking, on_split
from seggrid.scoring.statistics import group_intervals

_NUMBERS = ("predicted", "reference", "known", "projected")
_SHOWN = [
    "measure", "unit", "mae", "mae_sd", "low", "high", "difference", "difference_low", "difference_high", "compared",
    "bias", "frames", "missed", "known_mae", "known_bias",
]  # fmt: skip
#: What of a measure's errors stands in ``ranking.csv``, behind the measure's name: no mean error without the frames
#: that it is of, and the difference on the frames of two candidates, which is no better for what one of them missed.
_BESIDE = {
    "mae": "mae", "low": "mae_low", "high": "mae_high", "measured": "measured", "missed": "missed",
    "difference": "difference", "difference_low": "difference_low", "difference_high": "difference_high",
    "compared": "compared",
}  # fmt: skip


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
    metrics are. ``known_mae`` is against what the phantom knows of its pose, in 3-D. ``difference`` is that of the
    absolute errors from those of the baseline mixture in the same network, over the ``compared`` frames that both
    measured. Differences and intervals are those of the ranked candidates.
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
    ranked = table[np.isin(grid.candidate_of[table["run"].to_numpy(int)], ranking.ranked.index.to_numpy(int))]
    found = found.join([_intervals(grid, ranked, "mae"), *_against_baseline(grid, ranked)])
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


def _intervals(grid: Grid, table: pd.DataFrame, column: str) -> pd.DataFrame:
    """``low`` and ``high`` of the mean of a column by candidate and measure, by a bootstrap over the test groups."""
    scoring, groups = grid.experiment.scoring, on_split(aggregate(table, [column]).groups[column].to_frame(), "test")
    measures = groups.index.get_level_values("class")
    found = {
        measure: group_intervals(
            groups.loc[measures == measure, column], grid.candidate_of, scoring.bootstrap, scoring.seed
        )
        for measure in MEASURES
    }
    return pd.concat(found, names=["class"]).swaplevel()


def _against_baseline(grid: Grid, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """By candidate and measure ``difference`` and ``compared``, and the interval of the difference.

    A frame enters where the candidate and the baseline mixture in its network measured it with the same fold and seed.
    """
    place = ["network", "loss", "fold", "seed"]
    planned = pd.DataFrame([run.planned.model_dump(include=set(place)) for run in grid.runs], columns=place)
    measured = table[["run", "split", "class", "group", "case", "mae"]].dropna(subset="mae").join(planned, on="run")
    baseline = measured[measured["loss"] == grid.baseline]
    keys = ["network", "fold", "seed", "class", "case"]
    both = measured.merge(baseline[[*keys, "mae"]], on=keys, suffixes=("", "_baseline"), validate="many_to_one")
    both["difference"] = both["mae"] - both["mae_baseline"]
    mean, _ = over_runs(aggregate(both, ["difference"]).objects, grid.candidate_of)
    candidate = pd.Series(grid.candidate_of[both["run"].to_numpy(int)], both.index, name="candidate")
    compared = both.groupby([candidate, "class"], observed=True).size().rename("compared")
    found = mean.droplevel("split").join(compared)
    return found, _intervals(grid, both, "difference").add_prefix("difference_")


def beside(errors: pd.DataFrame) -> pd.DataFrame:
    """The columns that stand in ``ranking.csv``: ``flexion_mae``, ``flexion_mae_low``, ..., indexed by candidate.

    ``flexion_measured`` and ``flexion_missed`` count frames over all runs; ``flexion_difference`` is that of
    ``error_table``, from the baseline mixture in the same network on the ``flexion_compared`` frames of both.
    """
    errors = errors.assign(measured=errors["frames"] - errors["missed"])
    tables = []
    for measure in MEASURES:
        own = errors[errors["measure"] == measure].set_index("candidate")[list(_BESIDE)]
        tables.append(own.rename(columns={name: f"{measure}_{end}" for name, end in _BESIDE.items()}))
    return pd.concat(tables, axis=1).rename_axis(index="candidate")
