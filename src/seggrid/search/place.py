"""Where a step of a search stands: the one place that says which rounds, rungs, slots, folds and seeds there are."""

from __future__ import annotations

from collections.abc import Sequence

from seggrid.config import Experiment
from seggrid.config.search import Search
from seggrid.errors import UserError


def check_round(settled: Experiment, search: Search, number: int) -> None:
    """Refuse a round that the search does not have.

    Raises:
        UserError: names the rounds that there are.
    """
    _check(settled, "round", number, range(search.rounds), "; for more raise search.rounds")


def check_rung(settled: Experiment, search: Search, rung: int) -> None:
    """Refuse what is no rung at which trials are compared.

    Raises:
        UserError: the search has no such rung.
    """
    rungs = range(len(search.milestones))
    if rung not in rungs:
        raise UserError(f"{settled.name}: search.halving has no rung {rung}; known are {_listed(rungs) or 'none'}")


def check_slot(settled: Experiment, search: Search, rung: int, slot: int, fold: str, seed: int) -> None:
    """Refuse a run of a round for which the search has no place.

    Args:
        rung: to train up to; behind the last rung of halving, to the end.

    Raises:
        UserError: names what there is.
    """
    _check(settled, "rung", rung, range(len(search.slots())))
    _check(settled, "trial", slot, range(search.slots()[rung]), " of a round" + " at this rung" * bool(search.halving))
    _check(settled, "fold", fold, [str(known) for known in settled.all_folds()])
    _check(settled, "seed", seed, settled.seeds)


def _check(settled: Experiment, what: str, given: int | str, known: Sequence[int | str], more: str = "") -> None:
    if given not in known:
        raise UserError(f"{settled.name}: the search has no {what} {given}; known are {_listed(known)}{more}")


def _listed(known: Sequence[int | str]) -> str:
    if isinstance(known, range) and len(known) > 2:
        return f"{known[0]} to {known[-1]}"
    return ", ".join(map(str, known))
