"""The ensembles of an experiment as runs: made of the runs of the grid, identified by them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from seggrid.catalogue import ENSEMBLE_VERSION
from seggrid.config import Experiment, Training
from seggrid.config.ensemble import ENSEMBLE, Ensemble
from seggrid.records import digest
from seggrid.specification import EnsembleSpec, PlannedRun


def planned_ensembles(experiment: Experiment, runs: Sequence[PlannedRun]) -> Iterator[tuple[EnsembleSpec, PlannedRun]]:
    """Yield the runs of every ensemble: one for each fold and seed, over seeds one for each fold.

    Args:
        runs: of the grid.
    """
    grid = experiment.grid_candidates()
    for ensemble in experiment.ensembles:
        chosen = set(ensemble.resolve(grid))
        name = ensemble.name(grid)
        members = [run for run in runs if (run.network, run.loss) in chosen]
        for fold in experiment.all_folds():
            for seeds in _joined(experiment.seeds, ensemble):
                of = [run for run in members if run.fold == str(fold) and run.seed in seeds]
                spec = join([run.run_id for run in of], ensemble.weights, name, experiment.training, of[0], fold)
                planned = of[0].model_copy(
                    update={
                        "run_id": spec.run_id, "network": ENSEMBLE, "loss": name, "label": ensemble.label or name,
                        "parent": "", "stopped": False,
                    }
                )  # fmt: skip
                yield spec, planned


def _joined(seeds: Sequence[int], ensemble: Ensemble) -> list[tuple[int, ...]]:
    return [tuple(seeds)] if ensemble.over_seeds else [(seed,) for seed in seeds]


def join(
    members: Sequence[str],
    weights: Literal["mean", "learned"],
    loss: str,
    training: Training,
    first: PlannedRun | EnsembleSpec,
    fold: int | Literal["all"],
) -> EnsembleSpec:
    """The specification of an ensemble of some runs.

    The order of the members is that of their names, so that the same members give the same numbers in every experiment.

    Args:
        loss: what stands for the mixture in tables.
        first: gives the data set and the seed.
    """
    ordered = tuple(sorted(members))
    defining: dict[str, Any] = {"version": ENSEMBLE_VERSION, "members": list(ordered), "weights": weights, "fold": fold}
    return EnsembleSpec(
        run_id=f"{ENSEMBLE}-{weights}-of-{len(ordered)}-f{fold}-s{first.seed}-{digest(defining)}",
        data_id=first.data_id,
        members=ordered,
        weights=weights,
        loss=loss,
        training=training,
        fold=fold,
        seed=first.seed,
        identity=defining,
    )
