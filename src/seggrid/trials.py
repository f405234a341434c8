"""The trials of a search as they lie under ``results/searches``: its plan is made of them."""

from __future__ import annotations

from typing import Any

from seggrid.config import Experiment, Mixture
from seggrid.config.base import Section
from seggrid.config.search import Search
from seggrid.errors import UserError
from seggrid.identities import network_identity, training_identity
from seggrid.parents import Parents
from seggrid.paths import SearchFolder
from seggrid.records import digest, read_model
from seggrid.specification import Parent


class Trial(Section):
    """A candidate that a round of a search tries.

    Attributes:
        learning_rate: ``None`` where it is not searched.
        values: the numbers that the sampler drew.
        attributes: what the sampler keeps with the trial.
    """

    network: str
    mixture: Mixture
    learning_rate: float | None
    values: dict[str, Any]
    attributes: dict[str, Any]

    @property
    def loss(self) -> str:
        """Its name in tables: the mixture, behind the learning rate where that is searched."""
        return self.mixture.name if self.learning_rate is None else f"lr {self.learning_rate:g}: {self.mixture.name}"


class Round(Section):
    """The content of ``ask.json``: the trials of one round, in their order.

    Attributes:
        setting: stands for all that a value of a trial depends on besides the trial.
    """

    round: int
    setting: str
    trials: tuple[Trial, ...]


class Rung(Section):
    """The content of ``rung-0.json``: which trials of a round are trained on.

    Attributes:
        epochs: that the trials were trained for.
        dice: of each trial of the round its best validation Dice so far, the mean over folds and seeds; ``None`` for
            one that failed, or that an earlier rung has stopped.
        kept: positions of the trials that go on, in the order of the round.
    """

    epochs: int
    dice: tuple[float | None, ...]
    kept: tuple[int, ...]


class SearchSpec(Section):
    """What the workflow needs to know of a search; the content of ``search.json``.

    Attributes:
        setting: see ``Round``.
        slots: trials of a round that are trained up to each rung, and at last to the end.
        threads: of a training.
        parents: where trials may start from; which of them a trial starts from is known when it is asked for.
        baselines: planned runs that are no trials, as (run id, evaluation id).
    """

    data_id: str
    eval_id: str
    setting: str
    rounds: int
    slots: tuple[int, ...]
    folds: tuple[str, ...]
    seeds: tuple[int, ...]
    threads: int
    parents: tuple[Parent, ...]
    baselines: tuple[tuple[str, str], ...] = ()


def plan_search(experiment: Experiment, data_id: str, eval_id: str, parents: Parents) -> SearchSpec | None:
    """Return what the workflow needs to know of an experiment's search, but its baselines; ``None`` without a search.

    Raises:
        UserError: a trial might start from weights that have seen its test cases, or that are not planned.
    """
    search = experiment.search
    if search is None:
        return None
    initial = parents.all_possible(experiment.networks, experiment.all_folds(), experiment.seeds)
    return SearchSpec(
        data_id=data_id,
        eval_id=eval_id,
        setting=_setting(experiment, search, data_id, eval_id, initial),
        rounds=search.rounds,
        slots=search.slots(),
        folds=tuple(map(str, experiment.all_folds())),
        seeds=experiment.seeds,
        threads=experiment.training.threads,
        parents=initial,
    )


def _setting(experiment: Experiment, search: Search, data_id: str, eval_id: str, initial: tuple[Parent, ...]) -> str:
    """Stands for all that the values of trials depend on besides the trial; more rounds change nothing.

    Trials name networks and losses, so names stand beside what they stand for; parents stand for ``init_from``.
    """
    return digest(
        [
            data_id,
            eval_id,
            search.model_dump(mode="json", exclude={"rounds"}),
            [term.identity() for term in search.space.terms],
            [[network.name, network_identity(network)] for network in experiment.networks],
            training_identity(experiment.training),
            [parent.digest for parent in initial],
            experiment.scoring.model_dump(mode="json", include={"overlap", "distance"}),
            list(experiment.all_folds()),
            list(experiment.seeds),
        ]
    )


def asked_trials(experiment: str, search: SearchSpec) -> list[tuple[Trial, bool]]:
    """The trials of all rounds so far, each candidate once, and whether it was stopped wherever it was tried.

    Rounds beyond those of the search are left out, for nothing trains them.

    Raises:
        UserError: the experiment was changed after its first round, or a file is damaged.
    """
    found: dict[tuple[str, str], tuple[Trial, bool]] = {}
    for asked in asked_rounds(experiment)[: search.rounds]:
        if asked.setting != search.setting:
            raise UserError(
                f"{SearchFolder(experiment).folder}: holds rounds of this search as it was before its space, "
                "sampler, data, networks, losses, training, initial weights, evaluation or scoring were changed; undo "
                "that, delete the folder, or give the experiment another name"
            )
        goes_on = {position for position, _ in trained_on(experiment, asked)}
        for position, trial in enumerate(asked.trials):
            first, stopped = found.get((trial.network, trial.loss), (trial, True))
            found[trial.network, trial.loss] = (first, stopped and position not in goes_on)
    return list(found.values())


def asked_rounds(experiment: str) -> list[Round]:
    """Read the rounds that were asked for so far, in their order.

    Raises:
        UserError: a file is damaged.
    """
    folder = SearchFolder(experiment)
    found: list[Round] = []
    while folder.ask(len(found)).is_file():
        found.append(read_model(folder.ask(len(found)), Round))
    return found


def rungs_of(experiment: str, number: int) -> list[Rung]:
    """Read the rungs that a round has passed so far, in their order.

    Raises:
        UserError: a file is damaged.
    """
    folder = SearchFolder(experiment)
    found: list[Rung] = []
    while folder.rung(number, len(found)).is_file():
        found.append(read_model(folder.rung(number, len(found)), Rung))
    return found


def trained_on(experiment: str, asked: Round, rung: int | None = None) -> list[tuple[int, Trial]]:
    """The trials of a round, with their positions, that no rung has stopped.

    Args:
        rung: look at the rungs before this one only.
    """
    passed = rungs_of(experiment, asked.round)[:rung]
    kept = passed[-1].kept if passed else range(len(asked.trials))
    return [(position, asked.trials[position]) for position in kept]
