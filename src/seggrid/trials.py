"""The trials that a search has asked for, as they lie under ``results/searches``: its plan is made of them."""

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


class SearchSpec(Section):
    """What the workflow needs to know of a search; the content of ``search.json``.

    Attributes:
        setting: see ``Round``.
        threads: of a training.
        baselines: planned runs that are no trials, as (run id, evaluation id).
    """

    data_id: str
    setting: str
    rounds: int
    trials: int
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
