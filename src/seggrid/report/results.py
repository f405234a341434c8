"""What the report reads: the files that scoring left, as far as there are any."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from seggrid.analysis import instability
from seggrid.analysis.evidence import Evidence, gather
from seggrid.errors import UserError
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder
from seggrid.records import read_json
from seggrid.scoring.aggregate import Means, aggregate
from seggrid.scoring.cases import STATUSES, read_cases
from seggrid.scoring.claims import claim_table
from seggrid.scoring.grid import Candidate, Grid, GridRun, read_grid
from seggrid.scoring.ranking import SCORE_COLUMNS


@dataclass(frozen=True)
class Results:
    """An experiment as far as it has come; tables are empty and dictionaries ``None`` where a stage has not run.

    Attributes:
        folder: where the scores lie.
        ranking: ``ranking.csv``, best first, unranked candidates last.
        objects: ``objects.csv``.
        scores: ``scores.json``.
        card: ``card.json`` of the data set.
        replanned: whether there are scores, but of another plan or of other settings of the scoring. They are left out.
    """

    grid: Grid
    folder: ExperimentFolder
    ranking: pd.DataFrame
    objects: pd.DataFrame
    scores: dict[str, Any] | None
    card: dict[str, Any] | None
    replanned: bool = False

    @property
    def data(self) -> DataFolder:
        """The folder of the data set."""
        return DataFolder(self.grid.runs[0].planned.data_id)

    @property
    def unit(self) -> str:
        """Unit of all distances, as scoring found it."""
        return (self.scores or {}).get("unit") or ""

    @property
    def slices(self) -> bool:
        """Whether a case is a single slice of a volume."""
        return getattr(self.grid.experiment.data, "slices", None) is not None

    @functools.cached_property
    def ranked(self) -> pd.DataFrame:
        """The ranked candidates, best first."""
        return self.ranking[self.ranking["rank"].notna()] if len(self.ranking) else self.ranking

    @functools.cached_property
    def candidates(self) -> list[Candidate]:
        """Every candidate: in the order of the ranking where there is one, else of the plan."""
        if self.ranking.empty:
            return list(self.grid.candidates)
        return [Candidate(*map(str, row)) for row in self.ranking[list(Candidate._fields)].to_numpy()]

    @functools.cached_property
    def cases(self) -> pd.DataFrame:
        """The rows of all runs that were scored, as ``read_cases`` gives them; empty before scoring."""
        if self.scores is None or not self.folder.cases.is_file():
            return pd.DataFrame()
        return read_cases(self.folder.cases, self.grid.runs, self.grid.experiment.evaluation.metrics)

    @functools.cached_property
    def means(self) -> Means | None:
        """The metrics by group, object and run; ``None`` before anything was measured."""
        return aggregate(self.cases, self.grid.experiment.evaluation.metrics) if len(self.cases) else None

    @functools.cached_property
    def evidence(self) -> Evidence | None:
        """The ranked candidates group by group; ``None`` while nobody is ranked, or with fewer than two groups."""
        if self.means is None or self.scores is None:
            return None
        return gather(self.grid, self.means, self.ranked, self.scores["reference_distance"])

    @functools.cached_property
    def claims(self) -> pd.DataFrame:
        """The claims of the experiment as ``claims.csv`` has them; empty where it names none, and before scoring."""
        if not self.grid.experiment.claims or self.means is None or self.scores is None:
            return pd.DataFrame()
        return claim_table(self.grid, self.means, self.scores["reference_distance"])

    @functools.cached_property
    def instability(self) -> pd.DataFrame:
        """Optimisation instability of every candidate; empty before anything was measured."""
        if self.means is None:
            return pd.DataFrame()
        paths = {number: RunFolder(run.planned.run_id).history for number, run in enumerate(self.grid.runs)}
        histories = {
            number: pd.read_csv(path, usecols=lambda name: name == instability.COLUMN)
            for number, path in paths.items()
            if path.is_file()
        }
        return instability.instability(self.grid, self.means, histories)

    def runs_of(self, candidate: Candidate) -> list[GridRun]:
        """The runs of a candidate, in the order of the plan."""
        position = self.grid.candidates.index(candidate)
        return [run for run, of in zip(self.grid.runs, self.grid.candidate_of, strict=True) if of == position]


def place(run: GridRun) -> str:
    """``fold 0, seed 1``."""
    return f"fold {run.planned.fold}, seed {run.planned.seed}"


def read_results(experiment: str) -> Results:
    """Read the files of a planned experiment.

    Raises:
        UserError: it was never planned, or one of its files is damaged.
    """
    return results_of(read_grid(experiment), ExperimentFolder(experiment))


def results_of(grid: Grid, folder: ExperimentFolder) -> Results:
    """Read what scoring left of a grid in a folder.

    Raises:
        UserError: no run is planned yet, or a file is damaged.
    """
    if not grid.runs:
        raise UserError(f"{grid.experiment.name}: no run is planned; the first round of its search plans some")
    card_file = DataFolder(grid.runs[0].planned.data_id).card
    card = read_json(card_file) if card_file.is_file() else None
    scores = read_json(folder.scores) if folder.scores.is_file() else None
    if scores is not None and scores.get("plan") != grid.plan_digest:
        return Results(grid, folder, pd.DataFrame(), pd.DataFrame(), None, card, replanned=True)
    return Results(
        grid=grid,
        folder=folder,
        ranking=_read_table(folder.latest_ranking, ("rank", "overlap", "distance", *SCORE_COLUMNS.values())),
        objects=_read_table(folder.objects, ("split", "class", *STATUSES)),
        scores=scores,
        card=card,
    )


#: Columns that hold names or sentences, in which "NA" is a word.
_WORDS = ("network", "loss", "label", "note", "split", "class", "unit")


def _read_table(path: Path, required: tuple[str, ...]) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame()
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(_WORDS, "str"), keep_default_na=False, na_values=[""])
    except ValueError as error:
        raise UserError(f"{path}: damaged ({error}); delete it and run `seggrid score` again") from error
    if absent := [name for name in (*Candidate._fields, *required) if name not in table]:
        raise UserError(f"{path}: damaged (no column {absent[0]}); delete it and run `seggrid score` again")
    words = [name for name in _WORDS if name in table]
    table[words] = table[words].fillna("")
    return table
