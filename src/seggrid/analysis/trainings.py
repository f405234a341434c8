"""How often one candidate is better than another when both are trained on the same fold with the same seed."""

from __future__ import annotations

from typing import NamedTuple

from seggrid.analysis.evidence import MEASURES
from seggrid.scoring.aggregate import Means
from seggrid.scoring.grid import Candidate, Grid
from seggrid.scoring.paired import ALPHA, sign_test
from seggrid.scoring.tables import run_table


class Sides(NamedTuple):
    """On which side the pairs of runs are by one measure.

    Attributes:
        wins: pairs in which the first candidate is the better one; ties count for neither.
        losses: those in which the second one is.
        p: of the exact sign test.
    """

    wins: int
    losses: int
    p: float

    @property
    def shown(self) -> bool:
        """Whether the first candidate is the better one more often than by chance."""
        return self.p < ALPHA and self.wins > self.losses


class Trainings(NamedTuple):
    """Pairs of runs of two candidates.

    Attributes:
        pairs: how many share a fold and a seed, and have an O and a D on test.
        overlap: by O.
        distance: by D.
    """

    pairs: int
    overlap: Sides
    distance: Sides

    @property
    def enough(self) -> bool:
        """Whether all of them on one side would be more than chance."""
        return sign_test(self.pairs, 0) < ALPHA


def compare_trainings(grid: Grid, means: Means, first: Candidate, second: Candidate) -> Trainings:
    """Compare two candidates run by run; unlike groups, runs speak of what another training would give."""
    table = run_table(grid, means)
    own, other = (
        table[grid.candidate_of == grid.candidates.index(candidate)].set_index(["fold", "seed"])[list(MEASURES)]
        for candidate in (first, second)
    )
    differences = (own - other).dropna()
    sides = []
    for measure, sign in zip(MEASURES, (1, -1), strict=True):
        wins, losses = (int((way * sign * differences[measure] > 0).sum()) for way in (1, -1))
        sides.append(Sides(wins, losses, sign_test(wins, losses)))
    return Trainings(len(differences), *sides)
