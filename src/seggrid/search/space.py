"""From the numbers that a sampler draws to a candidate, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from seggrid.catalogue import LOSSES
from seggrid.config import Experiment, Mixture, Term
from seggrid.config.search import Search, Space

#: Values of a loss' parameter that are tried lie a hundredth of its range apart.
_STEPS = 100
_RATE, _NETWORK = "learning_rate", "network"
_A, _B = "adaptive_region_specific.a", "b"


@dataclass(frozen=True)
class Candidate:
    """What a trial tries.

    Attributes:
        network: name of one of the experiment's networks.
        learning_rate: ``None`` where it is not searched.
    """

    network: str
    mixture: Mixture
    learning_rate: float | None

    @property
    def key(self) -> tuple[str, str, float | None]:
        """Equal for equal candidates."""
        return self.network, self.mixture.name, self.learning_rate


class SearchSpace:
    """The space of an experiment's search.

    Attributes:
        distributions: the numbers that a sampler draws, by name.
    """

    def __init__(self, experiment: Experiment, search: Search) -> None:
        self._networks = [network.name for network in experiment.networks]
        self._space = search.space
        #: Units that the terms share.
        self._units = int(1 / search.space.step)
        found: dict[str, BaseDistribution] = {
            _share(number): FloatDistribution(0.0, 1.0) for number in range(len(self._space.terms) - 1)
        }
        found |= {name: FloatDistribution(low, high) for name, (low, high) in self._space.parameters.items()}
        if self._space.learning_rate is not None:
            found[_RATE] = FloatDistribution(*self._space.learning_rate, log=True)
        if len(self._networks) > 1:
            found[_NETWORK] = CategoricalDistribution(self._networks)
        self.distributions = found

    def candidate(self, values: Mapping[str, Any]) -> Candidate:
        """Return what the drawn ``values`` stand for; many draws give one candidate."""
        shares = [float(values[_share(number)]) for number in range(len(self._space.terms) - 1)]
        mixture = self._with_parameters(values).mixture(_divide(self._units, shares), self._space.step)
        rate = None if self._space.learning_rate is None else float(f"{values[_RATE]:.3g}")
        return Candidate(str(values.get(_NETWORK, self._networks[0])), mixture, rate)

    def _with_parameters(self, values: Mapping[str, Any]) -> Space:
        given: dict[str, dict[str, float]] = {}
        for key, (low, high) in self._space.parameters.items():
            loss, _, name = key.partition(".")
            value = low + round((float(values[key]) - low) / (high - low) * _STEPS) * (high - low) / _STEPS
            given.setdefault(loss, {})[name] = round(value, 6)
            if self._space.tied and key == _A:
                given[loss][_B] = round(1 - 2 * value, 6)
        terms = [
            Term(loss=term.loss, parameters={**term.parameters, **given.get(term.loss, {})})
            for term in self._space.terms
        ]
        return self._space.model_copy(update={"terms": tuple(terms)})

    def values(self, candidate: Candidate) -> dict[str, Any] | None:
        """Return numbers that stand for a candidate; ``None`` where it lies outside of the space."""
        searches_rate = self._space.learning_rate is not None
        if candidate.mixture.scheduled or (candidate.learning_rate is not None) != searches_rate:
            return None
        # Of a term that dropped out its parameters say nothing.
        found: dict[str, Any] = {key: low for key, (low, _) in self._space.parameters.items()}
        counts = []
        for term in self._space.terms:
            same = next((k for k in candidate.mixture.terms if k.loss == term.loss and self._alike(k, term)), None)
            counts.append(round(float(same.weight) * self._units) if same else 0)  # type: ignore[arg-type]
            found |= self._parameters_of(same) if same else {}
        if sum(counts) != self._units:
            return None
        found |= {_share(number): share for number, share in enumerate(_shares(counts))}
        found |= {_RATE: candidate.learning_rate} if searches_rate else {}
        found |= {_NETWORK: candidate.network} if _NETWORK in self.distributions else {}
        ranges = {**self._space.parameters, _RATE: self._space.learning_rate or (0.0, 0.0)}
        inside = candidate.network in self._networks and all(
            ranges[name][0] <= value <= ranges[name][1] for name, value in found.items() if name in ranges
        )
        # The way back tells what was rounded away, or stands beside the space.
        return found if inside and self.candidate(found).key == candidate.key else None

    def _alike(self, known: Term, term: Term) -> bool:
        searched = {key.partition(".")[2] for key in self._space.parameters if key.partition(".")[0] == term.loss}
        searched |= {_B} if self._space.tied and term.loss == _A.partition(".")[0] else set()
        return {k: v for k, v in known.parameters.items() if k not in searched} == term.parameters

    def _parameters_of(self, term: Term) -> dict[str, float]:
        return {
            key: float(term.parameters.get(name, LOSSES[loss].parameters[name].default))
            for key in self._space.parameters
            for loss, _, name in [key.partition(".")]
            if loss == term.loss
        }


def _share(number: int) -> str:
    return f"share_{number + 1}"


def _divide(units: int, shares: Sequence[float]) -> list[int]:
    """Divide units among one term more than there are shares.

    Even draws give every division the same chance: of what is left, m terms behind it, a term takes 1 - (1-u)^(1/m).
    """
    counts, left = [], units
    for number, share in enumerate(shares):
        behind = len(shares) - number
        counts.append(round(left * (1 - (1 - share) ** (1 / behind))))
        left -= counts[-1]
    return [*counts, left]


def _shares(counts: Sequence[int]) -> list[float]:
    """The draws that ``_divide`` makes these counts of."""
    shares, left = [], sum(counts)
    for number, count in enumerate(counts[:-1]):
        behind = len(counts) - 1 - number
        shares.append(1 - (1 - count / left) ** behind if left else 0.0)
        left -= count
    return [min(max(share, 0.0), 1.0) for share in shares if math.isfinite(share)]
