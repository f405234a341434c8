"""How far a ranking would hold for other patients: a bootstrap over groups.

Groups (patients) are drawn with replacement, never cases, for the images of a patient are alike. A candidate's O
is a sum over groups: each group enters with the weight that it has in the mean of ``seggrid.scoring.aggregate``,
1 / (runs x objects of the run x groups of the object). A resample takes each group as often as it was drawn and
divides by the weight drawn. With every group drawn once this is the reported value exactly. It differs from
aggregating anew only where a resample unbalances folds or objects: the balance then follows the groups drawn
instead of being restored. All candidates see the same resamples, so differences between them are paired.

The networks are not trained again: intervals speak about patients, the spread over folds and seeds about training.

A bootstrap of n groups spreads too little, by sqrt((n-1)/n), and its percentiles are those of a normal distribution
where Student's is due: of normal values they hold the mean in 86 % of the cases with 6 groups, in 91 % with 10. So
they are taken farther out (Hesterberg 2015, What teachers should know about the bootstrap, expanded percentile
interval), which makes it 93 % and 95 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from seggrid.scoring.criterion import CRITERIA, Floats, Name, first_places

#: Below this number of groups a percentile interval says nothing: 5 groups have only 126 distinct resamples.
MINIMUM_GROUPS = 6
_TAIL = 0.025
#: Numbers held at a time, so that memory does not grow with resamples x candidates.
_BLOCK = 4_000_000


@dataclass(frozen=True)
class Contributions:
    """What each group adds to each candidate's O and D; every array is ``(candidates, groups)``.

    Attributes:
        groups: names of the groups, sorted.
        overlap, distance: weighted sums over the runs and objects of the group.
        weight: the weights themselves; each row sums to 1.
    """

    groups: tuple[str, ...]

    overlap: Floats
    distance: Floats
    weight: Floats

    def means(self, draws: Floats, candidates: slice | npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """O and D of some candidates where each group counts so often; NaN where none with a value counts.

        Args:
            draws: how often each group is taken, shape ``(resamples, groups)``.

        Returns:
            Two arrays of shape ``(resamples, candidates)``.
        """
        weight = draws @ self.weight[candidates].T
        weight[weight == 0] = np.nan
        return draws @ self.overlap[candidates].T / weight, draws @ self.distance[candidates].T / weight


def contributions(groups: pd.DataFrame, candidate_of: npt.NDArray[np.int64], ranked: list[int]) -> Contributions:
    """Reduce the group means of one split to a matrix.

    Args:
        groups: ``overlap`` and ``distance`` by ``run, class, group``.
        candidate_of: candidate of each run, shape ``(runs,)``.
        ranked: the candidates that become the rows, in this order.
    """
    table = groups.dropna().reset_index()
    table["candidate"] = candidate_of[table["run"].to_numpy()]
    table = table[table["candidate"].isin(ranked)]
    runs = table.groupby("candidate")["run"].transform("nunique")
    objects = table.groupby("run")["class"].transform("nunique")
    members = table.groupby(["run", "class"], observed=True)["group"].transform("size")
    weight = 1.0 / (runs * objects * members).to_numpy()
    row = pd.Index(ranked).get_indexer(pd.Index(table["candidate"]))
    names, column = np.unique(table["group"].to_numpy(str), return_inverse=True)
    shape = (len(ranked), len(names))

    def spread(values: Floats) -> Floats:
        found = np.zeros(shape)
        np.add.at(found, (row, column), values)
        return found

    overlap, distance = (spread(weight * table[name].to_numpy()) for name in ("overlap", "distance"))
    return Contributions(tuple(names.tolist()), overlap, distance, spread(weight))


def expanded_percentiles(groups: int) -> tuple[float, float]:
    """Percentiles of the resamples between which an interval of 95 % lies; 2.5 and 97.5 for very many groups."""
    low = 100 * float(stats.norm.cdf(stats.t.ppf(_TAIL, groups - 1) * math.sqrt(groups / (groups - 1))))
    return low, 100 - low


class Bootstrap:
    """Resamples of the groups, shared by all candidates.

    Attributes:
        resamples: how many are used; one in which some candidate has no defined value at all is left out.
    """

    def __init__(self, parts: Contributions, resamples: int, seed: int) -> None:
        groups = parts.weight.shape[1]
        draws = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=resamples)
        patterns = np.unique(parts.weight > 0, axis=0).astype(np.float64)
        self._draws = draws[(draws @ patterns.T > 0).all(axis=1)].astype(np.float64)
        self._parts = parts
        self.resamples = len(self._draws)

    def values(self, rows: slice, candidates: slice | npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """O and D of some candidates in some resamples, each ``(resamples, candidates)``."""
        return self._parts.means(self._draws[rows], candidates)

    def left_out(self) -> tuple[Floats, Floats]:
        """O and D on the groups that a resample did not draw, each ``(resamples, candidates)``; NaN without any."""
        return self._parts.means((self._draws == 0).astype(np.float64), slice(None))

    def intervals(self, baseline: npt.NDArray[np.int64]) -> pd.DataFrame:
        """95 % expanded percentile intervals of O, of D, and of their paired differences from the baseline.

        Args:
            baseline: row of each candidate's baseline, -1 for none; shape ``(candidates,)``.

        Returns:
            A row per candidate: ``overlap_low``, ``overlap_high``, ``overlap_difference_low`` ... and the same
            for distance; NaN for differences without a baseline.
        """
        blocks = []
        percentiles = expanded_percentiles(self._draws.shape[1])
        step = max(1, _BLOCK // max(1, self.resamples))
        for start in range(0, len(baseline), step):
            chosen = baseline[start : start + step]
            own = self.values(slice(None), slice(start, start + step))
            other = self.values(slice(None), chosen)
            columns = {}
            for name, values, base in zip(("overlap", "distance"), own, other, strict=True):
                columns[f"{name}_low"], columns[f"{name}_high"] = np.percentile(values, percentiles, axis=0)
                low, high = np.percentile(values - base, percentiles, axis=0)
                columns[f"{name}_difference_low"] = np.where(chosen >= 0, low, np.nan)
                columns[f"{name}_difference_high"] = np.where(chosen >= 0, high, np.nan)
            blocks.append(pd.DataFrame(columns))
        return pd.concat(blocks, ignore_index=True)

    def first_shares(self, reference: float) -> dict[Name, Floats]:
        """Share of the resamples in which each candidate comes first, per criterion; sums to 1.

        Args:
            reference: d0 of the criterion ``absolute``.
        """
        candidates = len(self._parts.weight)
        places = {name: np.zeros(candidates) for name in CRITERIA}
        step = max(1, _BLOCK // candidates)
        for start in range(0, self.resamples, step):
            overlap, distance = self.values(slice(start, start + step), slice(None))
            for name, counts in places.items():
                counts += np.bincount(first_places(name, overlap, distance, reference), minlength=candidates)
        return {name: counts / self.resamples for name, counts in places.items()}


def group_intervals(values: pd.Series, candidate_of: npt.NDArray[np.int64], resamples: int, seed: int) -> pd.DataFrame:
    """95 % expanded percentile intervals of one mean of each candidate, over its own groups.

    Args:
        values: means within a group by ``run, class, group``; of one class, undefined ones left out.

    Returns:
        ``low`` and ``high``, indexed by candidate; a candidate with a value in fewer than 6 groups has no row.
    """
    defined = values.dropna()
    levels = defined.index.get_level_values
    own = pd.Index(candidate_of[levels("run").to_numpy(int)], name="candidate")
    groups = pd.Series(levels("group").to_numpy(str)).groupby(own).nunique()
    groups = groups[groups >= MINIMUM_GROUPS]
    ends = np.empty((len(groups), 2))
    if len(groups):
        chosen = groups.index.tolist()
        parts = contributions(pd.DataFrame({"overlap": defined, "distance": defined}), candidate_of, chosen)
        bootstrap = Bootstrap(parts, resamples, seed)
        for row, number in enumerate(groups):
            resampled, _ = bootstrap.values(slice(None), slice(row, row + 1))
            ends[row] = np.percentile(resampled, expanded_percentiles(int(number)))
    return pd.DataFrame(ends, index=groups.index, columns=["low", "high"])
