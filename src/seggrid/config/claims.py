"""What a paper claims, as data: some candidates are better than others by a metric."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema, field_validator, model_validator

from seggrid.catalogue import METRICS
from seggrid.config.base import PublicationKey, Section
from seggrid.config.evaluation import check_metric
from seggrid.config.mixture import Mixture
from seggrid.errors import nearest

#: What is compared beside the metrics: O, D, and the score of the criterion absolute.
COMPREHENSIVE = ("overlap", "distance", "absolute")
#: Network, canonical expression and label of a candidate.
Named = tuple[str, str, str]


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_TEXT = {"type": "string"}
_Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_several),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}),
]


def canonical(text: str) -> str | None:
    """The canonical expression of a mixture; ``None`` where the text is no expression."""
    try:
        return Mixture.model_validate(text).name
    except ValidationError:
        return None


class Selection(Section):
    """Candidates by their names; what is left out is that of the other side."""

    network: _Names = ()
    """Names of networks."""
    loss: _Names = ()
    """Labels or expressions of mixtures."""

    @model_validator(mode="after")
    def _not_empty(self) -> Selection:
        if not self.network and not self.loss:
            raise ValueError("name a network or a loss")
        return self

    def selects(self, candidate: Named) -> bool:
        """Whether a candidate is one of these."""
        network, loss, label = candidate
        named = not self.loss or any(text == label or canonical(text) == loss for text in self.loss)
        return named and (not self.network or network in self.network)

    @property
    def words(self) -> str:
        """Its names in one line."""
        return ", ".join((*self.network, *self.loss))


class Claim(Section):
    """One sentence of a paper that the experiment can test."""

    text: Annotated[str, Field(min_length=1)]
    """The claim in a few words of your own."""
    better: Selection
    """Candidates that the paper calls better."""
    worse: Selection
    """Candidates that it compares them with, within each network and mixture that neither side names."""
    metric: str = "dice"
    """A metric of evaluation.metrics, overlap (O), distance (D) or absolute (the score S of that criterion)."""
    source: PublicationKey | None = None
    """Key of the paper in the catalogue of references."""

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, name: str) -> str:
        if name in COMPREHENSIVE:
            return name
        known = check_metric(name)
        if METRICS[known.partition("@")[0]].better == "zero":
            raise ValueError(f"{known} is best at 0, so neither more nor less of it is better; name another metric")
        return known

    def pairs(self, candidates: Sequence[Named]) -> list[tuple[int, int]]:
        """Positions of the candidates that are compared, the better one first.

        Two are compared that have in common what one of the sides leaves open: the network, the mixture.
        """
        networks = bool(self.better.network and self.worse.network)
        losses = bool(self.better.loss and self.worse.loss)
        better, worse = (
            [place for place, candidate in enumerate(candidates) if side.selects(candidate)]
            for side in (self.better, self.worse)
        )
        return [
            (own, other)
            for own in better
            for other in worse
            if own != other
            and (networks or candidates[own][0] == candidates[other][0])
            and (losses or candidates[own][1] == candidates[other][1])
        ]


def check_claims(
    claims: Sequence[Claim],
    candidates: Sequence[Named],
    metrics: Collection[str],
    searched: bool,
    over_seeds: Collection[str],
) -> None:
    """Check claims against what an experiment trains and measures.

    Args:
        candidates: every network with every mixture.
        metrics: what is measured.
        searched: whether a search adds mixtures that are not known yet.
        over_seeds: names of the ensembles that join all seeds, of which no seed has a partner.

    Raises:
        ValueError: a name is unknown, a metric is not measured, nothing is compared, or there is no partner.
    """
    networks = list(dict.fromkeys(candidate[0] for candidate in candidates))
    losses = list(dict.fromkeys(name for _, loss, label in candidates for name in (label, loss)))
    for number, claim in enumerate(claims):
        key = f"claims[{number}]"
        if claim.metric not in (*COMPREHENSIVE, *metrics):
            raise ValueError(f"{key}.metric: {claim.metric} is not measured; add it to evaluation.metrics")
        _check_names(key, claim, networks, losses, searched)
        compared = claim.pairs(candidates)
        if not searched and not compared:
            raise ValueError(f"{key}: nothing is compared; let better and worse select different candidates")
        for place in sorted({place for pair in compared for place in pair}):
            if candidates[place][1] in over_seeds:
                raise ValueError(
                    f"{key}: {candidates[place][2]} joins all seeds, and claims pair runs of the same seed; name an "
                    "ensemble without over_seeds"
                )


def _check_names(key: str, claim: Claim, networks: Sequence[str], losses: Sequence[str], searched: bool) -> None:
    for side in ("better", "worse"):
        selection: Selection = getattr(claim, side)
        for name in selection.network:
            if name not in networks:
                raise ValueError(f"{key}.{side}.network: {name} is not one of the networks{nearest(name, networks)}")
        for text in selection.loss:
            expression = canonical(text)
            if text not in losses and expression not in losses and not (searched and expression):
                raise ValueError(
                    f"{key}.{side}.loss: {text} is no label or expression of a mixture{nearest(text, losses)}"
                )
