"""Means of the metrics: over cases within a group, groups, objects, then folds and seeds, in that order.

Every mean skips undefined values (a class that neither mask holds, under ``both_empty: exclude``), and only those.

1. **group**: mean over the cases of a group (patient), per run, split and class. A patient with many images counts
   once.
2. **object**: mean over the groups of the split, per run and class.
3. **run**: mean over the objects. This is the value of a run, that is of one network, mixture, fold and seed.
4. **candidate**: mean over the runs of a network x mixture, so every fold and every seed counts the same. Each group
   is in the test split of exactly one fold per seed; as folds may differ by a group in size, the mean of fold means
   may differ slightly from the mean over all groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from seggrid.scoring.cases import STATUSES


@dataclass(frozen=True)
class Means:
    """The metrics of a grid on three levels; a column per metric.

    Attributes:
        groups: by ``run, split, class, group``.
        objects: by ``run, split, class``.
        runs: by ``run, split``.
    """

    groups: pd.DataFrame
    objects: pd.DataFrame
    runs: pd.DataFrame


def aggregate(cases: pd.DataFrame, metrics: Sequence[str]) -> Means:
    """Aggregate the rows of ``read_cases`` up to the runs."""
    by_group = cases.groupby(["run", "split", "class", "group"], observed=True, sort=True)
    groups = by_group[list(metrics)].mean()
    objects = groups.groupby(["run", "split", "class"], observed=True, sort=True).mean()
    runs = objects.groupby(["run", "split"], observed=True, sort=True).mean()
    return Means(groups, objects, runs)


def over_runs(table: pd.DataFrame, candidate_of: npt.NDArray[np.int64]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean and standard deviation (n - 1; NaN for one run) over folds and seeds.

    Args:
        table: index with a level ``run`` and any others, e.g. ``split``.
        candidate_of: candidate of each run, shape ``(runs,)``.

    Returns:
        Two tables in which the level ``candidate`` has taken the place of ``run``.
    """
    candidate = pd.Index(candidate_of[table.index.get_level_values("run").to_numpy()], name="candidate")
    others = [table.index.get_level_values(str(name)) for name in table.index.names if name != "run"]
    grouped = table.groupby([candidate, *others], observed=True, sort=True)
    return grouped.mean(), grouped.std(ddof=1)


def count(cases: pd.DataFrame, candidate_of: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Count what stands behind the means, by ``candidate, split, class``.

    Returns:
        ``cases`` and ``groups`` (distinct ones), ``unit`` (``mixed`` where there are several), and the number of
        rows of each status: a case has a row per run that holds it in that split.
    """
    key = ["candidate", "split", "class"]
    table = cases.assign(candidate=candidate_of[cases["run"].to_numpy()])
    grouped = table.groupby(key, observed=True, sort=True)
    counted = grouped.agg(cases=("case", "nunique"), groups=("group", "nunique"), units=("unit", "nunique"))
    counted["unit"] = grouped["unit"].first().astype(str).where(counted.pop("units") == 1, "mixed")
    for status in STATUSES:
        counted[status] = (table["status"] == status).groupby([table[name] for name in key], observed=True).sum()
    return counted
