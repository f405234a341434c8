"""The Optuna study of a search: never kept, made anew for every round from what earlier rounds told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

from seggrid.config.search import Search
from seggrid.search.space import Candidate, SearchSpace

optuna.logging.set_verbosity(optuna.logging.WARNING)
#: Draws of candidates that are known or in the round already, after which the rest of the round is drawn at random.
_REPEATS = 20
#: Draws at random after which the space is taken to hold no more candidates.
_RANDOM_REPEATS = 1000
DIRECTIONS = {
    "absolute": [StudyDirection.MAXIMIZE],
    "pareto": [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE],
}


@dataclass(frozen=True)
class Known:
    """A trial of which the end is known.

    Attributes:
        values: the numbers that were drawn.
        attributes: what the sampler keeps with a trial.
        objectives: ``(S,)`` or ``(O, D)`` on validation; ``None`` for a trial that failed or was stopped.
        stopped: epochs after which a rung stopped it, and the validation Dice that it had reached.
    """

    values: dict[str, Any]
    attributes: dict[str, Any]
    objectives: tuple[float, ...] | None
    stopped: tuple[int, float] | None = None

    @property
    def state(self) -> TrialState:
        """How it ended, for Optuna."""
        if self.stopped is not None:
            return TrialState.PRUNED
        return TrialState.FAIL if self.objectives is None else TrialState.COMPLETE


@dataclass(frozen=True)
class Draw:
    """A trial that is asked for."""

    candidate: Candidate
    values: dict[str, Any]
    attributes: dict[str, Any]


def draw_round(space: SearchSpace, search: Search, number: int, known: Iterable[Known]) -> list[Draw]:
    """Draw the trials of one round; the same for the same seed and the same known trials.

    No candidate is drawn that is in the round or whose end is known; one that a rung has stopped may come again, and
    be trained on. There are fewer than asked for only where the space holds no more candidates.

    Args:
        number: of the round, from 0.
        known: all trials of the earlier rounds, in their order, behind those of the warm start.
    """
    study = optuna.create_study(sampler=_sampler(search, number), directions=DIRECTIONS[search.objective])
    ended: dict[tuple[str, str, float | None], tuple[float, ...] | None] = {}
    for earlier in known:
        study.add_trial(frozen(space, earlier))
        if earlier.stopped is None:
            ended[space.candidate(earlier.values).key] = earlier.objectives
    drawn: dict[tuple[str, str, float | None], Draw] = {}
    repeats = 0
    while len(drawn) < search.trials and repeats < _REPEATS + _RANDOM_REPEATS:
        if repeats == _REPEATS:
            study.sampler = RandomSampler(seed=_seed(search, number))
        trial = study.ask(space.distributions)
        candidate = space.candidate(trial.params)
        if candidate.key in drawn or candidate.key in ended:
            # Told what is known of it, the sampler looks elsewhere.
            objectives = ended.get(candidate.key)
            study.tell(trial, objectives, state=TrialState.COMPLETE if objectives else TrialState.FAIL)
            repeats += 1
            continue
        attributes = study.get_trials(deepcopy=False)[trial.number].system_attrs
        drawn[candidate.key] = Draw(candidate, trial.params, dict(attributes))
    return list(drawn.values())


def _seed(search: Search, number: int) -> int:
    return int(np.random.SeedSequence([search.seed, number]).generate_state(1)[0])


def _sampler(search: Search, number: int) -> BaseSampler:
    seed = _seed(search, number)
    # The first round is drawn at random, unless a warm start knows as many trials already.
    if search.sampler == "tpe":
        # The liar keeps the trials of a round, whose ends are not known, apart from each other.
        return TPESampler(seed=seed, n_startup_trials=search.trials, multivariate=True, constant_liar=True)
    if search.sampler == "gp":
        return GPSampler(seed=seed, n_startup_trials=search.trials, warn_independent_sampling=False)
    if search.sampler == "nsga2":
        return NSGAIISampler(seed=seed, population_size=max(2, search.trials))
    if search.sampler == "cmaes":
        return CmaEsSampler(seed=seed, popsize=max(2, search.trials), warn_independent_sampling=False)
    return RandomSampler(seed=seed)


def frozen(space: SearchSpace, known: Known) -> optuna.trial.FrozenTrial:
    """A known trial as Optuna keeps it."""
    return optuna.trial.create_trial(
        params=known.values,
        distributions=space.distributions,
        system_attrs=known.attributes,
        values=known.objectives,
        # Samplers put stopped trials behind the others, those of a later rung first, so Dice meets only Dice.
        intermediate_values=dict([known.stopped]) if known.stopped else None,
        state=known.state,
    )
