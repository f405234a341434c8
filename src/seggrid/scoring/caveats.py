"""What a reader of the ranking should be wary of, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from seggrid.config.ensemble import ENSEMBLE
from seggrid.scoring.grid import DEMONSTRATION, Grid
from seggrid.scoring.ranking import Ranking
from seggrid.scoring.statistics import MINIMUM_GROUPS


def find_warnings(grid: Grid, cases: pd.DataFrame, objects: pd.DataFrame, ranking: Ranking) -> list[str]:
    """Return the warnings in a fixed order."""
    found = [*_about_candidates(grid, ranking), *_about_groups(grid, ranking)]
    if not cases.empty:
        found += [*_about_classes(objects), *_about_rows(grid, cases)]
    return found


def _names(names: Sequence[str], shown: int = 3) -> str:
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")


def _about_candidates(grid: Grid, ranking: Ranking) -> Iterator[str]:
    ranked = ranking.ranked
    total = len(grid.candidates)
    if len(ranked) < total:
        yield f"{total - len(ranked)} of {total} candidates are unranked: means over fewer runs are not comparable"
    if len(ranked) == 1:
        yield "only one candidate is ranked: minmax and rank compare it with nothing"
    trained = ranked[ranked["network"] != ENSEMBLE]
    without = trained[trained["overlap_difference"].isna()]["network"].unique().tolist()
    if without:
        yield f"no difference from the baseline {grid.baseline} for {_names(sorted(without))}: it is not ranked there"
    if ranked["score_val"].isna().any():
        yield "some ranked candidates have no validation cases: val cannot choose among all"


def _about_groups(grid: Grid, ranking: Ranking) -> Iterator[str]:
    if grid.one_patient:
        yield (
            f"{DEMONSTRATION}; its blocks are no independent groups, so there are no intervals, tests or claims, and "
            "the order says nothing of other patients"
        )
    elif not ranking.ranked.empty and ranking.groups < MINIMUM_GROUPS:
        yield (
            f"{ranking.groups} test group{'s' * (ranking.groups > 1)}: too few for intervals (at least "
            f"{MINIMUM_GROUPS} are needed); shares of first places say little"
        )
    asked = grid.experiment.scoring.bootstrap
    if 0 < ranking.resamples < asked:
        yield f"{asked - ranking.resamples} of {asked} resamples are left out: a candidate had no defined value in them"
    splits, folds = grid.experiment.splits.folds, len(grid.experiment.all_folds())
    if folds < splits:
        yield f"{folds} of {splits} folds are run: the groups of the others are never tested"


def _about_classes(objects: pd.DataFrame) -> Iterator[str]:
    test = objects[objects["split"] == "test"]
    for name, rows in test.groupby("class", observed=True, sort=False):
        if rows[["ok", "pred_empty"]].to_numpy().sum() == 0:
            yield f"{name} is in no test case: it counts only where it is predicted nevertheless"
            continue
        missed = rows[(rows["ok"] == 0) & (rows["pred_empty"] > 0)]
        if len(missed):
            labels = [f"{row.network} {row.label}" for row in missed.itertuples()]
            yield f"{name} is never found by {_names(labels)}: its overlap is 0, its distances the image diagonal"


def _about_rows(grid: Grid, cases: pd.DataFrame) -> Iterator[str]:
    units = cases["unit"].unique().tolist()
    if len(units) > 1:
        yield f"distances are in {' and '.join(units)}: their means have no unit, give every case a spacing"
    place = pd.DataFrame([(run.planned.fold, run.planned.seed) for run in grid.runs], columns=["fold", "seed"])
    rows = cases.groupby(["run", "split"], observed=True).size().reset_index(name="rows")
    rows["fold"] = place["fold"].to_numpy()[rows["run"].to_numpy()]
    sizes = rows.groupby(["fold", "split"], observed=True)["rows"].agg(["min", "max"])
    if (sizes["min"] < sizes["max"]).any():
        yield "runs of one fold were measured on different cases: evaluate them again"
