"""What a search saves beside the whole grid: ``python benchmarks/search.py [--seeds 20] [--table]``.

``simplex.csv`` holds a whole ratio simplex of the phantom: 66 mixtures of LCE2, Dice and boundary loss in steps of 0.1,
each trained with 3 seeds, with the validation Dice of every third epoch and O, D and S on validation at the end. The
searches are replayed on it by the code that draws and halves real rounds, nothing is trained. Counted are the epochs
until a search has finished a candidate whose S is within one seed-SD of the best of the grid, and until it has finished
the best itself, in rounds of nine trials. The seed-SD is the root mean square, over the best quarter of the grid, of
the SD of S over seeds. What a candidate was trained for before costs nothing.

The table was made by ``snakemake -c2 --config experiment=benchmarks/simplex.yaml`` and ``--table``.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from seggrid.config import Experiment, find_experiment, load_experiment
from seggrid.config.search import Search
from seggrid.paths import RunFolder
from seggrid.scoring import criterion
from seggrid.scoring.aggregate import aggregate
from seggrid.scoring.cases import collect_cases
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.grid import read_grid
from seggrid.scoring.stage import reference_distance
from seggrid.search.rungs import best_of
from seggrid.search.space import SearchSpace
from seggrid.search.study import Known, draw_round

FOLDER = Path(__file__).parent
TABLE = FOLDER / "simplex.csv"
TERMS = ("dual_level_ce", "dice", "boundary")
HALVING = {"rungs": [3, 9], "reduction": 3}
WAYS: dict[str, dict[str, object]] = {
    "random": {"sampler": "random"},
    "random, halving": {"sampler": "random", "halving": HALVING},
    "TPE": {"sampler": "tpe"},
    "TPE, halving": {"sampler": "tpe", "halving": HALVING},
    "GP": {"sampler": "gp"},
    "CMA-ES": {"sampler": "cmaes"},
    "NSGA-II": {"sampler": "nsga2"},
}


def columns(table: pd.DataFrame) -> tuple[criterion.Floats, criterion.Floats]:
    """Overlaps and distances."""
    return table["overlap"].to_numpy(), table["distance"].to_numpy()


def write_table(path: Path) -> None:
    """Collect the finished grid of ``simplex.yaml`` from the results folder into ``path``."""
    grid = read_grid("simplex")
    metrics = grid.experiment.evaluation.metrics
    cases = collect_cases(grid.runs, metrics)
    values = comprehensive(aggregate(cases[cases["split"] == "val"], metrics).runs, grid.experiment.scoring)
    values = values.droplevel("split")
    mixtures = {mixture.name: mixture for mixture in grid.experiment.all_mixtures()}
    rows = []
    for number, run in enumerate(grid.runs):
        weights = {term.loss: term.weight for term in mixtures[run.planned.loss].terms}
        history = pd.read_csv(RunFolder(run.planned.run_id).history).dropna(subset="val_dice")
        rows.append(
            {
                "loss": run.planned.loss,
                **{loss: weights.get(loss, 0) for loss in TERMS},
                "seed": run.planned.seed,
                **{f"dice_{row.epoch:.0f}": row.val_dice for row in history.itertuples()},
                "overlap": values["overlap"].get(number),
                "distance": values["distance"].get(number),
                "reference_distance": reference_distance(grid),
            }
        )
    pd.DataFrame(rows).to_csv(path, index=False, lineterminator="\n", float_format="%.6g")


@dataclass(frozen=True)
class Grid:
    """The table, by candidate.

    Attributes:
        dice: validation Dice up to an epoch, the mean over seeds of the best so far; a column per measured epoch.
        score: S on validation, ``NaN`` where D is undefined.
        target: the least S that is within one seed-SD of the best.
        seeds: runs of a candidate.
    """

    dice: pd.DataFrame
    score: pd.Series[float]
    target: float
    seeds: int

    @property
    def epochs(self) -> int:
        """Epochs of the whole grid."""
        return len(self.score) * self.seeds * int(self.dice.columns[-1])


def read_table(path: Path) -> Grid:
    """Read the table."""
    runs = pd.read_csv(path)
    reference = float(runs["reference_distance"].iloc[0])
    curves = runs.filter(regex=r"^dice_\d+$").rename(columns=lambda name: int(name.removeprefix("dice_")))
    of_seed = pd.Series(criterion.absolute(*columns(runs), reference), index=runs.index)
    mean = runs.groupby("loss", sort=False)[["overlap", "distance"]].mean()
    score = pd.Series(criterion.absolute(*columns(mean), reference), index=mean.index)
    score[runs.groupby("loss", sort=False)["distance"].count() < runs["seed"].nunique()] = np.nan
    quarter = score.sort_values(ascending=False).index[: len(score) // 4]
    variance = of_seed.groupby(runs["loss"]).var().loc[quarter].mean()
    dice = curves.cummax(axis=1).groupby(runs["loss"], sort=False).mean()
    return Grid(dice, score, float(score.max() - variance**0.5), runs["seed"].nunique())


def epochs_to_target(grid: Grid, experiment: Experiment, search: Search) -> Iterator[tuple[int, float]]:
    """Yield, after every round of a replayed search, the epochs trained so far and the best S finished so far."""
    space = SearchSpace(experiment, search)
    horizon = int(grid.dice.columns[-1])
    milestones = [*(search.halving.rungs if search.halving else ()), horizon]
    known: list[Known] = []
    trained: dict[str, int] = {}
    best = -np.inf
    for number in range(search.rounds):
        draws = draw_round(space, search, number, known)
        names = [draw.candidate.mixture.name for draw in draws]
        ends: dict[int, Known] = {}
        racing = tuple(range(len(draws)))
        for rung, milestone in enumerate(milestones):
            for position in racing:
                trained[names[position]] = max(trained.get(names[position], 0), milestone)
            if milestone == horizon:
                break
            dice = [float(grid.dice[milestone][n]) if p in racing else None for p, n in enumerate(names)]
            kept = best_of(dice, search.slots()[rung + 1])
            for position in set(racing) - set(kept):
                stopped = (milestone, float(grid.dice[milestone][names[position]]))
                ends[position] = Known(draws[position].values, draws[position].attributes, None, stopped)
            racing = kept
        for position in racing:
            score = float(grid.score[names[position]])
            best = max(best, score) if score == score else best
            objectives = (score,) if score == score else None
            ends[position] = Known(draws[position].values, draws[position].attributes, objectives)
        known += [ends[position] for position in range(len(draws))]
        yield grid.seeds * sum(trained.values()), best


def main() -> None:
    """Print a row per way to search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--table", action="store_true", help="make the table from the results of simplex.yaml")
    options = parser.parse_args()
    if options.table:
        write_table(TABLE)
    grid = read_table(TABLE)
    raw = load_experiment(find_experiment(str(FOLDER / "simplex.yaml"), []), None)
    near = int((grid.score >= grid.target).sum())
    size = f"{len(grid.score)} candidates x {grid.seeds} seeds, {grid.epochs} epochs"
    best = f"best S {grid.score.max():.4f} ({grid.score.idxmax()})"
    print(f"grid: {size}; {best}; {near} candidates reach {grid.target:.4f}")
    targets = {"within one seed-SD": grid.target, "the best itself": float(grid.score.max())}
    print(f"epochs as a share of the grid's, median (quartiles) of {options.seeds} search seeds")
    print(f"{'search':>16} " + " ".join(f"{name:>22}" for name in targets))
    for name, settings in WAYS.items():
        found: dict[str, list[float]] = {target: [] for target in targets}
        for seed in range(options.seeds):
            space = {"terms": list(TERMS), "step": 0.1}
            own: dict[str, object] = {"rounds": 60, "trials": 9, "seed": seed, "space": space}
            search = Search.model_validate(own | settings)
            reached = dict.fromkeys(targets, 1.0)
            for epochs, reached_score in epochs_to_target(grid, raw, search):
                for target, score in targets.items():
                    if reached_score >= score:
                        reached[target] = min(reached[target], epochs / grid.epochs)
                if reached_score >= max(targets.values()):
                    break
            for target, share in reached.items():
                found[target].append(share)
        cells = []
        for shares in found.values():
            low, median, high = statistics.quantiles(shares, n=4)
            cells.append(f"{median:.2f} ({low:.2f} to {high:.2f})")
        print(f"{name:>16} " + " ".join(f"{cell:>22}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
