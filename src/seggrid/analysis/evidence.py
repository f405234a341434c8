"""What every analysis starts from: each ranked candidate's O and D by group, and under resampled groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from seggrid.config import Mixture
from seggrid.scoring.aggregate import Means
from seggrid.scoring.criterion import LOWER_IS_BETTER, Floats, Name, absolute, score
from seggrid.scoring.grid import Candidate, Grid
from seggrid.scoring.ranking import contributions_on_test
from seggrid.scoring.statistics import MINIMUM_GROUPS, Bootstrap, expanded_percentiles
from seggrid.specification import is_ensemble, read_run

Measure = Literal["overlap", "distance"]
MEASURES: tuple[Measure, ...] = ("overlap", "distance")
_ALL = slice(None)


@dataclass(frozen=True)
class Evidence:
    """The ranked candidates, best first, on the test groups.

    Attributes:
        candidates: the rows of every array, C.
        mixtures: what each was trained with; ``None`` of an ensemble, whose members have their own.
        groups: names of the groups, G.
        overlap, distance: O and D, shape ``(C,)``.
        group_overlap, group_distance: means within each group, over its objects and runs; NaN where undefined;
            shape ``(C, G)``.
        bootstrap: the resamples of the ranking.
        criterion: that of the experiment.
        reference: d0 of ``absolute``.
    """

    candidates: tuple[Candidate, ...]
    mixtures: tuple[Mixture | None, ...]
    groups: tuple[str, ...]
    overlap: Floats
    distance: Floats
    group_overlap: Floats
    group_distance: Floats
    bootstrap: Bootstrap
    criterion: Name
    reference: float

    @property
    def enough(self) -> bool:
        """Whether there are groups enough for intervals and tests."""
        return len(self.groups) >= MINIMUM_GROUPS

    @property
    def percentiles(self) -> tuple[float, float]:
        """Between which of the resamples an interval of 95 % lies."""
        return expanded_percentiles(len(self.groups))

    def values(self, measure: Measure) -> Floats:
        """O or D of every candidate."""
        return self.overlap if measure == "overlap" else self.distance

    def by_group(self, measure: Measure) -> Floats:
        """O or D within every group, ``(C, G)``."""
        return self.group_overlap if measure == "overlap" else self.group_distance

    def resampled(self, measure: Measure) -> Floats:
        """O or D under every resample, ``(B, C)``."""
        return self._resampled[MEASURES.index(measure)]

    @cached_property
    def _resampled(self) -> tuple[Floats, Floats]:
        return self.bootstrap.values(_ALL, _ALL)

    @cached_property
    def absolute(self) -> Floats:
        """S of the criterion ``absolute`` under every resample, ``(B, C)``."""
        return absolute(*self._resampled, self.reference)

    @cached_property
    def scores(self) -> Floats:
        """Scores by the experiment's criterion under every resample, the higher the better; ``(B, C)``."""
        overlap, distance = self._resampled
        if self.criterion == "pareto":
            found = np.stack([score("pareto", o, d, self.reference) for o, d in zip(overlap, distance, strict=True)])
        else:
            found = score(self.criterion, overlap, distance, self.reference)
        return -found if self.criterion in LOWER_IS_BETTER else found

    def interval(self, resampled: Floats) -> tuple[Floats, Floats]:
        """95 % expanded percentile interval along the resamples, the first axis; NaN where groups are too few."""
        if not self.enough:
            blank = np.full(resampled.shape[1:], np.nan)
            return blank, blank
        low, high = np.percentile(resampled, self.percentiles, axis=0)
        return low, high

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """The network of each candidate, and whatever else it was trained with beside the mixture (a learning rate)."""
        pairs = zip(self.candidates, self.mixtures, strict=True)
        return tuple(f"{c.network} {c.loss.removesuffix(m.name if m else '')}".strip() for c, m in pairs)

    def position(self, network: str, loss: str) -> int | None:
        """Row of a candidate."""
        keys = [(candidate.network, candidate.loss) for candidate in self.candidates]
        return keys.index((network, loss)) if (network, loss) in keys else None


def gather(grid: Grid, means: Means, ranked: pd.DataFrame, reference: float) -> Evidence | None:
    """Gather the ranked candidates; ``None`` where there are none, or fewer than two groups.

    Args:
        ranked: rows of the ranking, best first, with ``network, loss, overlap, distance``.
        reference: d0 of ``absolute``, in the unit of D.
    """
    keys = {(candidate.network, candidate.loss): place for place, candidate in enumerate(grid.candidates)}
    rows = [keys[pair] for pair in zip(ranked["network"], ranked["loss"], strict=True)] if len(ranked) else []
    parts = contributions_on_test(grid, means, rows) if rows else None
    if parts is None or len(parts.groups) < 2:
        return None
    scoring = grid.experiment.scoring
    run_of = {int(row): run.planned.run_id for row, run in zip(grid.candidate_of, grid.runs, strict=True)}
    weight: npt.NDArray[np.float64] = np.where(parts.weight > 0, parts.weight, np.nan)
    return Evidence(
        candidates=tuple(grid.candidates[row] for row in rows),
        mixtures=tuple(None if is_ensemble(run_of[row]) else read_run(run_of[row]).mixture for row in rows),
        groups=parts.groups,
        overlap=ranked["overlap"].to_numpy(float),
        distance=ranked["distance"].to_numpy(float),
        group_overlap=parts.overlap / weight,
        group_distance=parts.distance / weight,
        bootstrap=Bootstrap(parts, scoring.bootstrap, scoring.seed),
        criterion=scoring.criterion,
        reference=reference,
    )
