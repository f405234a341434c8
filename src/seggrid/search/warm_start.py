"""What a search knows from the start: finished candidates of other experiments, known by what their runs hashed."""

from __future__ import annotations

from typing import Any

from seggrid.config import Experiment
from seggrid.config.search import Search
from seggrid.errors import UserError
from seggrid.identities import network_identity, training_identity
from seggrid.paths import SearchFolder
from seggrid.records import digest, read_model
from seggrid.scoring.grid import Grid, read_grid
from seggrid.search.objective import objectives, reached
from seggrid.search.space import Candidate, SearchSpace
from seggrid.search.study import Known
from seggrid.specification import RunSpec, is_ensemble, read_run
from seggrid.trials import SearchSpec


def warm_start(settled: Experiment, search: Search, space: SearchSpace) -> list[Known]:
    """Finished candidates of other experiments that lie in the space, in the order of their plans.

    A network is known by what defines it, whatever it is called there.

    Raises:
        UserError: an experiment was not planned, or its values do not compare: of other data, folds, seeds, training,
            initial weights, evaluation or scoring.
    """
    if not search.warm_start:
        return []
    spec = read_model(SearchFolder(settled.name).spec, SearchSpec)
    networks = {digest(network_identity(network)): network.name for network in settled.networks}
    known = []
    for name in search.warm_start:
        grid = read_grid(name)
        values = reached(grid)
        for position, candidate in enumerate(grid.candidates):
            planned = grid.runs[int((grid.candidate_of == position).argmax())].planned
            if is_ensemble(planned.run_id) or candidate not in values:
                continue
            run = read_run(planned.run_id)
            if not _compares(grid, run, settled, search, spec):
                raise UserError(
                    f"search.warm_start: {name} has other data, folds, seeds, training, initial weights, evaluation or "
                    "scoring, so its values do not compare; take it out"
                )
            drawn = _drawn(run, networks, search, space)
            if drawn is not None:
                known.append(Known(drawn, {}, objectives(search, *values[candidate])))
    return known


def _drawn(run: RunSpec, networks: dict[str, str], search: Search, space: SearchSpace) -> dict[str, Any] | None:
    """The numbers that stand for a run's candidate; ``None`` outside of the space, or of an earlier version."""
    network = networks.get(digest(run.identity["network"]))
    if network is None or digest(run.identity["mixture"]) != digest(run.mixture.identity()):
        return None
    rate = run.training.optimiser.learning_rate if search.space.learning_rate else None
    return space.values(Candidate(network, run.mixture, rate))


def _compares(grid: Grid, run: RunSpec, settled: Experiment, search: Search, spec: SearchSpec) -> bool:
    """Whether a run was trained and measured as the trials are, but for what the search varies."""
    other, searches_rate = grid.experiment, search.space.learning_rate is not None
    parents = {parent.digest for parent in spec.parents} or {None}
    return (
        (run.data_id, grid.runs[0].planned.eval_id) == (spec.data_id, spec.eval_id)
        and (other.all_folds(), other.seeds) == (settled.all_folds(), settled.seeds)
        and (other.scoring.overlap, other.scoring.distance) == (settled.scoring.overlap, settled.scoring.distance)
        and run.identity.get("parent") in parents
        and _training(run.identity["training"], searches_rate)
        == _training(training_identity(settled.training), searches_rate)
    )


def _training(hashed: dict[str, Any], searches_rate: bool) -> str:
    optimiser = dict(hashed.get("optimiser", {}))
    if searches_rate:
        optimiser.pop("learning_rate", None)
    return digest({**hashed, "optimiser": optimiser})
