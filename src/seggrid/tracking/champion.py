"""Which candidate is the champion, and which networks it consists of.

The candidate is the one that wins on the validation splits: the test folds choose nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from seggrid.config.postprocessing import Chain, chain_title
from seggrid.inference.choice import Choice, pool
from seggrid.paths import RunFolder
from seggrid.records import digest, read_json, read_model
from seggrid.refit import refitted
from seggrid.scoring.criterion import absolute
from seggrid.scoring.grid import Grid
from seggrid.scoring.scores import read_scores
from seggrid.specification import EnsembleSpec, RunSpec
from seggrid.tracking.finished import FinishedRun

Mode = Literal["fold_ensemble", "refit", "best_fold"]
#: Tags that two champions share whose scores can be compared.
MEASURE = ("data_id", "split", "folds", "overlap", "distance", "both_empty")


@dataclass(frozen=True)
class Champion:
    """The networks whose mean softmax is the champion.

    Attributes:
        members: their specifications.
        class_names: of the objects, in the order of their labels.
        tags: how it was chosen and what it reached.
        postprocessing: steps of the objects, chosen on the validation cases of its runs.
    """

    members: tuple[RunSpec | EnsembleSpec, ...]
    class_names: tuple[str, ...]
    tags: dict[str, str]
    postprocessing: tuple[Chain, ...] = ()

    @property
    def digest(self) -> str:
        """Stands for the mode, the runs, the names of the objects and the post-processing."""
        parts = [self.tags["seggrid.register"], sorted(spec.run_id for spec in self.members), self.class_names]
        chains = [[step.identity() for step in chain] for chain in self.postprocessing]
        return digest([*parts, chains] if any(chains) else parts)


def winner_tags(grid: Grid) -> dict[str, str]:
    """The winners on validation and on test, as tags; empty while no candidate is complete.

    Raises:
        UserError: the experiment was not scored since it was planned or since its last run.
    """
    scores = read_scores(grid)
    chosen, best = scores["validation_winner"], scores["winners"][scores["criterion"]]
    if chosen is None:
        return {}
    return {
        "seggrid.criterion": scores["criterion"],
        "seggrid.winner_val": f"{chosen['network']}, {chosen['loss']}",
        "seggrid.winner_test": f"{best['network']}, {best['loss']}",
    }


def choose_champion(grid: Grid, finished: Sequence[FinishedRun]) -> Champion | None:
    """Return the winner on validation as the experiment wants it registered.

    Returns:
        ``None`` while no candidate is complete.

    Raises:
        UserError: the experiment was not scored since it was planned or since its last run, or its winner is to
            be registered as trained on all cases, and is not.
    """
    mode = grid.experiment.tracking.register_as
    scores = read_scores(grid)
    row = scores["validation_winner"]
    if row is None:
        return None
    planned = {
        run.planned for run in grid.runs if (run.planned.network, run.planned.loss) == (row["network"], row["loss"])
    }
    runs = [run for run in finished if run.planned in planned and run.status.state == "completed"]
    chosen = _members(mode, runs)
    members = (refitted(grid, row),) if mode == "refit" else tuple(run.spec for run in chosen)
    chains = _postprocessing(grid, chosen)
    tags = {
        **winner_tags(grid),
        **_measure_tags(grid, scores),
        **_postprocessing_tags(grid.class_names, chains),
        "seggrid.register": mode,
        "seggrid.network": row["network"],
        "seggrid.mixture": row["loss"],
        "seggrid.runs": ", ".join(spec.run_id for spec in members),
        "seggrid.commit": ", ".join(sorted({_commit(spec.run_id) for spec in members})),
        # Of the candidate over all folds and seeds: nothing is held out from an ensemble or a refit.
        "seggrid.val_overlap": f"{row['overlap_val']:.6g}",
        "seggrid.val_distance": f"{row['distance_val']:.6g}",
        "seggrid.candidate_test_overlap": f"{row['overlap']:.6g}",
        "seggrid.candidate_test_distance": f"{row['distance']:.6g}",
    }
    return Champion(members, grid.class_names, tags, chains)


def _measure_tags(grid: Grid, scores: dict[str, Any]) -> dict[str, str]:
    """What the champion reached, and all that another one's score must share to be compared with it."""
    row, settings = scores["validation_winner"], grid.experiment
    overlap, distance = np.array(row["overlap_val"]), np.array(row["distance_val"])
    score = absolute(overlap, distance, scores["reference_distance"])
    return {
        "seggrid.score": f"{score:.6g}",
        "seggrid.data_id": grid.runs[0].planned.data_id,
        "seggrid.split": "val",
        "seggrid.folds": ", ".join(sorted({run.planned.fold for run in grid.runs}, key=int)),
        "seggrid.overlap": ", ".join(settings.scoring.overlap.mean),
        "seggrid.distance": ", ".join(settings.scoring.distance.mean),
        "seggrid.both_empty": str(settings.evaluation.both_empty),
    }


def _members(mode: Mode, runs: Sequence[FinishedRun]) -> tuple[FinishedRun, ...]:
    """The runs that the champion is made of; for a refit those that it stands for."""
    if mode != "best_fold":
        return tuple(runs)
    # Dice at the original resolution where it is measured, else O.
    return (max(runs, key=lambda run: run.measured.get("val/dice", run.measured.get("val/overlap", 0.0))),)


def _postprocessing(grid: Grid, runs: Sequence[FinishedRun]) -> tuple[Chain, ...]:
    """What the runs choose together on their validation cases."""
    options = grid.experiment.evaluation.postprocessing
    if not options:
        return ()
    folders = (RunFolder(run.planned.run_id).evaluation(run.planned.eval_id) for run in runs)
    return pool([read_model(folder.choice, Choice) for folder in folders], options)


def _postprocessing_tags(names: Sequence[str], chains: Sequence[Chain]) -> dict[str, str]:
    told = ", ".join(f"{name}: {chain_title(chain)}" for name, chain in zip(names, chains, strict=False) if chain)
    return {"seggrid.postprocessing": told} if told else {}


def _commit(run_id: str) -> str:
    path = RunFolder(run_id).environment
    return str((read_json(path).get("commit") if path.is_file() else None) or "unknown")


def why_not(challenger: dict[str, str], holder: dict[str, str]) -> str | None:
    """Why a version does not take the alias from the one that holds it, by their tags; ``None`` where it does.

    Both are compared by S of the criterion ``absolute`` on val, which depends on no other candidate. Equal scores
    are no hindrance: the same winner may be registered another way.
    """
    for name in MEASURE:
        new, old = (tags.get(f"seggrid.{name}", "unknown") for tags in (challenger, holder))
        if new != old:
            return f"their scores cannot be compared ({name}: {new}, the champion's {old})"
    new, old = (tags["seggrid.score"] for tags in (challenger, holder))
    return f"its S on val is {new}, the champion's {old}" if float(new) < float(old) else None
