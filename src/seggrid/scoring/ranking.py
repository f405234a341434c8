"""The ranking of the candidates: their means, scores, intervals and places."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from seggrid.scoring import criterion
from seggrid.scoring.aggregate import Means, over_runs
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.grid import Grid, GridRun
from seggrid.scoring.statistics import MINIMUM_GROUPS, Bootstrap, Contributions, contributions

Floats = npt.NDArray[np.float64]
#: Criterion -> its column in ``ranking.csv``.
SCORE_COLUMNS: dict[criterion.Name, str] = {
    "minmax": "minmax", "rank": "rank_score", "pareto": "pareto_front", "absolute": "absolute",
}  # fmt: skip
_INTERVALS = [
    f"{name}{kind}_{end}" for name in ("overlap", "distance") for kind in ("", "_difference") for end in ("low", "high")
]


@dataclass(frozen=True)
class Ranking:
    """The candidates, best first; those without a complete set of runs below, unranked.

    Attributes:
        table: the columns of ``ranking.csv``, indexed by candidate.
        shares: per criterion, the share of resamples in which each candidate comes first; indexed by candidate,
            empty with fewer than two groups.
        groups: groups in the test splits of the ranked candidates.
        resamples: resamples used.
    """

    table: pd.DataFrame
    shares: pd.DataFrame
    groups: int
    resamples: int

    @property
    def ranked(self) -> pd.DataFrame:
        """The ranked candidates."""
        return self.table[self.table["rank"].notna()]


def rank_candidates(grid: Grid, means: Means, reference: float) -> Ranking:
    """Rank the candidates on the test splits by the configured criterion.

    Only candidates of which every planned run is completed are ranked and scored: means over fewer folds are not
    comparable.

    Args:
        reference: d0 of the criterion ``absolute``, in the unit of the distances.
    """
    scoring = grid.experiment.scoring
    table = _describe(grid)
    shown = list(scoring.metrics)
    values = means.runs[shown].join(comprehensive(means.runs, scoring))
    mean, spread = over_runs(values, grid.candidate_of)
    test, val = on_split(mean, "test"), on_split(mean, "val")
    deviation = on_split(spread, "test")
    for name in ("overlap", "distance"):
        table[name], table[f"{name}_sd"] = test[name], deviation[name]
        table[f"{name}_val"] = val[name]
    table[shown] = test[shown]
    defined = table[["overlap", "distance"]].notna().all(axis=1)
    table.loc[table["complete"] & ~defined, "note"] = "no test case with a defined value"
    ranked = table.index[table["complete"] & defined]
    _score(table, ranked, scoring.criterion, reference)
    groups, bootstrap = _bootstrap(grid, means, ranked.to_list())
    shares = _uncertainty(table, ranked, grid, bootstrap, groups, reference)
    table["first_share"] = shares[scoring.criterion]
    table = table.sort_values("rank", kind="stable", na_position="last")
    return Ranking(table[_columns(shown)], shares, groups, bootstrap.resamples if bootstrap else 0)


def _columns(shown: list[str]) -> list[str]:
    spread = [f"{name}{end}" for name in ("overlap", "distance") for end in ("", "_sd", "_low", "_high")]
    differences = [f"{n}_difference{end}" for n in ("overlap", "distance") for end in ("", "_low", "_high")]
    return [
        "rank", "network", "loss", "label", "runs_planned", "runs_completed", "complete", "note",
        *spread, *SCORE_COLUMNS.values(), "first_share", *differences, *shown,
        "overlap_val", "distance_val", "score_val", "parameters", "seconds",
    ]  # fmt: skip


def on_split(means: pd.DataFrame, split: str) -> pd.DataFrame:
    """The rows of one split, without that level."""
    return means[means.index.get_level_values("split") == split].droplevel("split")


def _describe(grid: Grid) -> pd.DataFrame:
    members: list[list[GridRun]] = [[] for _ in grid.candidates]
    for run, candidate in zip(grid.runs, grid.candidate_of.tolist(), strict=True):
        members[candidate].append(run)
    rows = []
    for candidate, runs in zip(grid.candidates, members, strict=True):
        done = [run.status for run in runs if run.state == "completed" and run.status]
        absent = Counter(run.state for run in runs if run.state != "completed")
        counts = ", ".join(f"{number} {state}" for state, number in sorted(absent.items()))
        rows.append(
            {
                **candidate._asdict(),
                "runs_planned": len(runs),
                "runs_completed": len(done),
                "complete": not absent,
                "note": f"{counts}: means over fewer runs are not comparable" if absent else "",
                "parameters": next((status.parameters for status in done), None),
                "seconds": np.mean([status.seconds for status in done]) if done else np.nan,
            }
        )
    return pd.DataFrame(rows, index=pd.RangeIndex(len(rows), name="candidate")).astype({"parameters": "Int64"})


def _score(table: pd.DataFrame, ranked: pd.Index, chosen: criterion.Name, reference: float) -> None:
    overlap, distance = (table.loc[ranked, name].to_numpy(float) for name in ("overlap", "distance"))
    table["rank"] = pd.array([pd.NA] * len(table), dtype="Int64")
    table["score_val"] = np.nan
    for name, column in SCORE_COLUMNS.items():
        scores = criterion.score(name, overlap, distance, reference)
        table[column] = pd.Series(scores, index=ranked)
        if name == chosen:
            table.loc[ranked, "rank"] = criterion.ranks(name, scores, overlap, distance)
    validated = ranked[table.loc[ranked, ["overlap_val", "distance_val"]].notna().all(axis=1)]
    overlap, distance = (table.loc[validated, f"{name}_val"].to_numpy(float) for name in ("overlap", "distance"))
    table.loc[validated, "score_val"] = criterion.score(chosen, overlap, distance, reference)


def contributions_on_test(grid: Grid, means: Means, ranked: list[int]) -> Contributions:
    """What each test group adds to O and D of the ranked candidates, in their order."""
    groups = comprehensive(on_split(means.groups, "test"), grid.experiment.scoring)
    return contributions(groups, grid.candidate_of, ranked)


def _bootstrap(grid: Grid, means: Means, ranked: list[int]) -> tuple[int, Bootstrap | None]:
    """Return the number of groups, and resamples of them where there are at least two."""
    scoring, parts = grid.experiment.scoring, contributions_on_test(grid, means, ranked)
    number = len(parts.groups)
    return number, Bootstrap(parts, scoring.bootstrap, scoring.seed) if number > 1 else None


def _uncertainty(
    table: pd.DataFrame, ranked: pd.Index, grid: Grid, bootstrap: Bootstrap | None, groups: int, reference: float
) -> pd.DataFrame:
    """Add differences from the baseline and intervals; return the shares of first places."""
    position = {grid.candidates[candidate]: row for row, candidate in enumerate(ranked)}
    same = {(candidate.network, candidate.loss): row for candidate, row in position.items()}
    own = [grid.candidates[candidate] for candidate in ranked]
    baseline = np.array([same.get((c.network, grid.baseline), -1) for c in own], dtype=np.int64)
    for name in ("overlap", "distance"):
        values = table.loc[ranked, name].to_numpy(float)
        differences = np.where(baseline >= 0, values - values[baseline], np.nan) if len(values) else values
        table[f"{name}_difference"] = pd.Series(differences, index=ranked)
    table[_INTERVALS] = np.nan
    if bootstrap is None:
        return pd.DataFrame(np.nan, index=table.index, columns=list(criterion.CRITERIA))
    if groups >= MINIMUM_GROUPS:
        table.loc[ranked, _INTERVALS] = bootstrap.intervals(baseline)[_INTERVALS].to_numpy()
    return pd.DataFrame(bootstrap.first_shares(reference), index=ranked).reindex(table.index)
