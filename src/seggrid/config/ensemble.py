"""Ensembles of trained networks, which compete with their members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from seggrid.config.base import NOT_IDENTITY, Section
from seggrid.config.claims import Named, canonical
from seggrid.errors import nearest

#: What stands for the network of an ensemble in every table.
ENSEMBLE = "ensemble"
ALL = "all"
#: A network and a mixture, by their names.
Member = tuple[str, str]


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Ensemble(Section):
    """Several candidates as one: the softmax of their networks is averaged, for every fold and seed."""

    members: Annotated[
        tuple[str, ...],
        BeforeValidator(_several),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
    ] = (ALL,)
    """all, or names of networks and labels or expressions of mixtures: the candidates that have one of the networks,
    of any where none is named, and one of the mixtures."""
    weights: Literal["mean", "learned"] = "mean"
    """mean: every member counts the same; learned: a weight for each member and class, fitted on the validation
    cases."""
    over_seeds: bool = False
    """Join the seeds as well: an ensemble for each fold, of the members of all seeds."""
    label: str | None = Field(None, json_schema_extra=NOT_IDENTITY)
    """Name for tables."""

    @model_validator(mode="after")
    def _some(self) -> Ensemble:
        if not self.members:
            raise ValueError("name at least one network or mixture, or all")
        return self

    def resolve(self, candidates: Sequence[Named]) -> tuple[Member, ...]:
        """The members among the candidates of a grid, in their order.

        Raises:
            ValueError: a name is neither that of a network nor that of a mixture, or no candidate has both.
        """
        networks, mixtures = self._sorted(candidates)
        found = tuple((network, loss) for network, loss, _ in candidates if network in networks and loss in mixtures)
        if not found:
            raise ValueError(f"no candidate has one of {', '.join(networks)} and one of {', '.join(mixtures)}")
        return found

    def name(self, candidates: Sequence[Named]) -> str:
        """What stands for the mixture in every table, e.g. ``mean(all)`` or ``learned(ce; dice)``."""
        named = [
            name
            for position, kept in enumerate(self._sorted(candidates))
            if len(kept) < len({candidate[position] for candidate in candidates})
            for name in kept
        ]
        return f"{self.weights}({'; '.join(named) or ALL}{', over seeds' if self.over_seeds else ''})"

    def _sorted(self, candidates: Sequence[Named]) -> tuple[list[str], list[str]]:
        """The networks and the mixtures that may take part."""
        networks = list(dict.fromkeys(network for network, _, _ in candidates))
        losses = list(dict.fromkeys(loss for _, loss, _ in candidates))
        known = {label: loss for _, loss, label in candidates} | {loss: loss for loss in losses}
        found: tuple[list[str], list[str]] = ([], [])
        for text in self.members if self.members != (ALL,) else ():
            if text in networks:
                found[0].append(text)
            elif (loss := known.get(text) or known.get(canonical(text) or "")) is not None:
                found[1].append(loss)
            else:
                raise ValueError(f"{text} is neither a network nor a mixture{nearest(text, [*networks, *known])}")
        return (
            [network for network in networks if network in found[0] or not found[0]],
            [loss for loss in losses if loss in found[1] or not found[1]],
        )


def check_ensembles(ensembles: Sequence[Ensemble], candidates: Sequence[Named], seeds: int) -> None:
    """Check that every ensemble has members of its own.

    Args:
        candidates: of the grid.
        seeds: number of seeds.

    Raises:
        ValueError: one has none or those of another, or a network is called like them.
    """
    if ensembles and not candidates:
        raise ValueError("ensembles: are made of mixtures of the grid; name some under mixtures")
    if ensembles and any(network == ENSEMBLE for network, _, _ in candidates):
        raise ValueError(f"networks: {ENSEMBLE} stands for the ensembles in all tables; give the network another name")
    seen: list[object] = []
    for position, ensemble in enumerate(ensembles):
        try:
            kind = (ensemble.resolve(candidates), ensemble.weights, ensemble.over_seeds)
        except ValueError as error:
            raise ValueError(f"ensembles.{position}.members: {error}") from None
        if kind in seen:
            raise ValueError(f"ensembles.{position}: has the members and weights of another one; leave one of them out")
        if ensemble.over_seeds and seeds < 2:
            raise ValueError(f"ensembles.{position}.over_seeds: there is one seed; name several under seeds")
        seen.append(kind)
