"""The trials of a search as they lie under ``results/searches``: its plan is made of them."""

from __future__ import annotations

from typing import Any

from seggrid.config import Mixture
from seggrid.config.base import Section
from seggrid.paths import SearchFolder
from seggrid.records import read_model


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
        baselines: planned runs that are no trials, as (run id, evaluation id).
    """

    data_id: str
    setting: str
    rounds: int
    slots: tuple[int, ...]
    folds: tuple[str, ...]
    seeds: tuple[int, ...]
    threads: int
    baselines: tuple[tuple[str, str], ...]


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
