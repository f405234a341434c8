"""A copy of a search for Optuna's own tools: its dashboard, its plots, a study of one's own."""

from __future__ import annotations

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from seggrid.config.search import Search
from seggrid.errors import UserError
from seggrid.search.rounds import Outcome, known_trial, read_search, told_trials
from seggrid.search.space import SearchSpace
from seggrid.search.study import DIRECTIONS, frozen
from seggrid.search.warm_start import warm_start
from seggrid.trials import Trial

#: Marks a study as a copy, which the next export replaces.
_MARK = "seggrid"
_OBJECTIVES = {"absolute": "criterion absolute on validation", "pareto": "O and D on validation"}


def export_study(experiment: str, storage: str) -> int:
    """Write the told rounds of a search as a study of Optuna, named as the experiment; return its number of trials.

    The files under ``results/searches`` remain the truth: the copy is written anew each time, and what is changed in it
    changes no search.

    Args:
        storage: a journal file, or the address of a database such as ``sqlite:///study.db`` or ``postgresql://host/db``.

    Raises:
        UserError: the experiment has no search, the storage cannot be written to, or it holds another's study of that
            name.
    """
    settled, search = read_search(experiment)
    space = SearchSpace(settled, search)
    trials = [frozen(space, known) for known in warm_start(settled, search, space)]
    trials += [_described(space, search, *told) for told in told_trials(experiment)]
    shown = _without_password(storage)
    try:
        opened = _open(storage)
        _remove_copy(opened, experiment, shown)
        study = optuna.create_study(storage=opened, study_name=experiment, directions=DIRECTIONS[search.objective])
        study.set_user_attr(_MARK, "a copy: the search itself lies under results/searches")
        study.set_user_attr("objective", _OBJECTIVES[search.objective])
        study.add_trials(trials)
    except (SQLAlchemyError, StorageInternalError, ImportError, OSError) as error:
        # What the driver says names host and reason; the address may hold a password and is not repeated.
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        reason = str(getattr(cause, "orig", None) or cause).strip().splitlines()[0]
        raise UserError(f"{shown}: cannot be written to ({reason}); give a journal file or a database") from None
    return len(trials)


def _described(space: SearchSpace, search: Search, number: int, trial: Trial, outcome: Outcome) -> FrozenTrial:
    frozen_trial = frozen(space, known_trial(search, trial, outcome))
    weights = {f"weight:{term.loss}": float(term.weight) for term in trial.mixture.terms}  # type: ignore[arg-type]
    told = {"round": number, "network": trial.network, "loss": trial.loss, **weights, "runs": list(outcome.runs)}
    for name, value in {**told, **({"reason": outcome.reason} if outcome.reason else {})}.items():
        frozen_trial.set_user_attr(name, value)
    return frozen_trial


def _open(storage: str) -> BaseStorage:
    return RDBStorage(storage) if "://" in storage else JournalStorage(JournalFileBackend(storage))


def _without_password(storage: str) -> str:
    if "://" not in storage:
        return storage
    try:
        # A query may hold a password as well.
        return make_url(storage).set(query={}).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        raise UserError(
            "the address of the database cannot be read; write it as sqlite:///study.db or postgresql://host/name"
        ) from None


def _remove_copy(storage: BaseStorage, name: str, shown: str) -> None:
    if name not in optuna.get_all_study_names(storage):
        return
    if _MARK not in optuna.load_study(study_name=name, storage=storage).user_attrs:
        raise UserError(f"{shown}: holds a study {name} that is no copy of a search; give another file or database")
    optuna.delete_study(study_name=name, storage=storage)
