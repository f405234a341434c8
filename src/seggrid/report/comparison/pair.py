"""Two experiments under one measure: the same O and D, the criterion ``absolute``, one d0."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from seggrid.config import Experiment
from seggrid.config.evaluation import Scoring
from seggrid.errors import UserError
from seggrid.paths import DataFolder
from seggrid.records import read_json
from seggrid.scoring.aggregate import Means, aggregate
from seggrid.scoring.cases import collect_cases
from seggrid.scoring.grid import DEMONSTRATION, Candidate, Grid, read_grid
from seggrid.scoring.ranking import Ranking, rank_candidates
from seggrid.scoring.stage import reference_distance
from seggrid.scoring.summary import validation_winner, winner
from seggrid.specification import read_data

Key = tuple[str, str]


@dataclass(frozen=True)
class Side:
    """One of the two experiments.

    Attributes:
        letter: ``A`` or ``B``.
        experiment: as it was planned.
        grid: the same with the scoring of the comparison in place of its own.
        cases: the rows of its completed runs.
        ranking: under the common d0.
    """

    letter: str
    experiment: Experiment
    grid: Grid
    cases: pd.DataFrame
    means: Means
    ranking: Ranking

    @property
    def name(self) -> str:
        """The name of the experiment."""
        return self.experiment.name

    @property
    def groups(self) -> int:
        """Number of test groups with rows."""
        return int(self.cases.loc[self.cases["split"] == "test", "group"].nunique())

    @cached_property
    def winner(self) -> int | None:
        """The candidate that comes first on test."""
        return winner(self.ranking, "absolute")

    @cached_property
    def chosen(self) -> int | None:
        """The candidate that comes first on the validation cases."""
        return validation_winner(self.ranking, "absolute")

    @cached_property
    def positions(self) -> dict[Key, int]:
        """Network and mixture -> position of the candidate."""
        return {key(candidate): position for position, candidate in enumerate(self.grid.candidates)}

    @cached_property
    def runs(self) -> list[set[tuple[str, str]]]:
        """The runs of every candidate, each with how it is measured."""
        found: list[set[tuple[str, str]]] = [set() for _ in self.grid.candidates]
        for run, position in zip(self.grid.runs, self.grid.candidate_of, strict=True):
            found[position].add((run.planned.run_id, run.planned.eval_id))
        return found


@dataclass(frozen=True)
class Pair:
    """Two experiments, and what stands between them.

    Attributes:
        units: of the distances of A and of B.
        references: d0 of A and of B: the same, but where their units differ.
        obstacles: why no difference between them is given, a sentence each; none where their numbers are paired.
        notes: what else a reader should know.
    """

    first: Side
    second: Side
    units: tuple[str, str]
    references: tuple[float, float]
    obstacles: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def sides(self) -> tuple[Side, Side]:
        """A and B."""
        return self.first, self.second

    @property
    def one_unit(self) -> bool:
        """Whether distances, and so scores, of the two can stand in one ranking."""
        return self.units[0] == self.units[1]

    @cached_property
    def shared(self) -> tuple[Key, ...]:
        """Candidates of both, in the order of A."""
        return tuple(key for key in self.first.positions if key in self.second.positions)

    @cached_property
    def identical(self) -> frozenset[Key]:
        """Candidates of both that are the same runs, measured in the same way."""
        return frozenset(
            key
            for key in self.shared
            if self.first.runs[self.first.positions[key]] == self.second.runs[self.second.positions[key]]
        )


def key(candidate: Candidate) -> Key:
    """What names a candidate in both experiments."""
    return candidate.network, candidate.loss


def read_pair(first: str, second: str) -> Pair:
    """Read two planned experiments as far as they have come.

    Raises:
        UserError: one was never planned, a file is damaged, or the two measure nothing in common.
    """
    if first == second:
        raise UserError(f"{first}: an experiment is compared with another one; name two")
    grids = [read_grid(name) for name in (first, second)]
    for grid in grids:
        if not grid.runs:
            raise UserError(f"{grid.experiment.name}: no run is planned; the first round of its search plans some")
    scoring, notes = _common_scoring(*grids)
    cases = [collect_cases(grid.runs, grid.experiment.evaluation.metrics) for grid in grids]
    units = (_unit(cases[0]), _unit(cases[1]))
    own = [reference_distance(grid) if len(rows) else math.nan for grid, rows in zip(grids, cases, strict=True)]
    # d0 is that of A; of B where A has nothing yet.
    common = own[1] if math.isnan(own[0]) else own[0]
    known = [unit for unit in units if unit]
    references = (own[0], own[1]) if len(set(known)) > 1 else (common, common)
    a, b = (
        _side(letter, grid, rows, scoring, reference)
        for letter, grid, rows, reference in zip("AB", grids, cases, references, strict=True)
    )
    if len(set(known)) <= 1:
        units = (known[0], known[0]) if known else ("", "")
    return Pair(a, b, units, references, tuple(_obstacles(grids[0], grids[1], units)), (*notes, *_notes(*grids)))


def _side(letter: str, grid: Grid, cases: pd.DataFrame, scoring: Scoring, reference: float) -> Side:
    experiment = grid.experiment.model_copy(update={"scoring": scoring})
    scored = dataclasses.replace(grid, experiment=experiment)
    means = aggregate(cases, grid.experiment.evaluation.metrics)
    return Side(letter, grid.experiment, scored, cases, means, rank_candidates(scored, means, reference))


def _common_scoring(first: Grid, second: Grid) -> tuple[Scoring, list[str]]:
    """O and D as A has them where B measures what they are made of, else as B has them."""
    measured = [set(grid.experiment.evaluation.metrics) for grid in (first, second)]
    for grid, others in ((first, measured[1]), (second, measured[0])):
        own = grid.experiment.scoring
        if set(own.metrics) <= others:
            same = {(g.experiment.scoring.overlap, g.experiment.scoring.distance) for g in (first, second)}
            notes = [] if len(same) == 1 else [f"O and D are made of what {grid.experiment.name} makes them of"]
            # No mixture need be in both, so there is no common baseline.
            return own.model_copy(update={"criterion": "absolute", "baseline": None}), notes
    lacking = sorted(set(first.experiment.scoring.metrics) - measured[1])
    name = second.experiment.name
    raise UserError(
        f"{name}: evaluation.metrics lacks {', '.join(lacking)}, of which O and D of {first.experiment.name} are made; "
        "add them and run the workflow again"
    )


def _unit(cases: pd.DataFrame) -> str:
    units = cases["unit"].unique().tolist()
    return str(units[0]) if len(units) == 1 else "mixed" if units else ""


def _obstacles(first: Grid, second: Grid, units: tuple[str, str]) -> Iterator[str]:
    """Why numbers of the two are of different things."""
    yield from _data_differ(first, second)
    folds = [grid.experiment.all_folds() for grid in (first, second)]
    if folds[0] != folds[1]:
        told = (f"{grid.experiment.name} runs {_folds(own)}" for grid, own in zip((first, second), folds, strict=True))
        yield f"the folds differ: {', '.join(told)}"
    empty = [grid.experiment.evaluation.both_empty for grid in (first, second)]
    if empty[0] != empty[1]:
        yield f"objects absent from truth and prediction count differently: {empty[0]} and {empty[1]}"
    if units[0] != units[1]:
        yield f"distances are in {units[0]} and in {units[1]}"


def _folds(folds: tuple[int, ...]) -> str:
    return f"fold{'s' * (len(folds) > 1)} {', '.join(map(str, folds))}"


def _data_differ(first: Grid, second: Grid) -> Iterator[str]:
    ids = [grid.runs[0].planned.data_id for grid in (first, second)]
    if ids[0] == ids[1]:
        return
    raw, splits = zip(*(_defined(data_id) for data_id in ids), strict=True)
    if raw[0] != raw[1]:
        yield f"the data differ: {ids[0]} and {ids[1]}"
    elif splits[0] != splits[1]:
        yield f"the splits differ: {ids[0]} and {ids[1]} hold the same cases in other folds"
    elif not _same_folds(ids[0], ids[1]):
        yield f"the folds of {ids[0]} and {ids[1]} hold other cases, or one of the two was deleted"


def _defined(data_id: str) -> tuple[object, object]:
    """What defines the raw cases of a data set, and what defines its splits."""
    identity = dict(read_data(data_id).identity)
    splits = identity.pop("splits", None)
    identity.pop("preprocessing", None)
    return identity, splits


def _same_folds(first: str, second: str) -> bool:
    paths = [DataFolder(data_id).splits for data_id in (first, second)]
    return all(path.is_file() for path in paths) and read_json(paths[0])["folds"] == read_json(paths[1])["folds"]


def _notes(first: Grid, second: Grid) -> Iterator[str]:
    ids = [grid.runs[0].planned.data_id for grid in (first, second)]
    if ids[0] != ids[1] and not list(_data_differ(first, second)):
        yield "the two preprocess the same cases differently; both are measured at the original resolution"
    for grid in (first, second):
        if grid.one_patient:
            yield f"{grid.experiment.name}: {DEMONSTRATION}, so there are no intervals"
        states = grid.states()
        if states["completed"] < len(grid.runs):
            yield f"{grid.experiment.name} has {states['completed']} of {len(grid.runs)} runs completed"
