"""Simplex grids: every mixture of some losses whose weights are multiples of a step and sum to 1."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue

from seggrid.config.base import Section, also_text
from seggrid.config.mixture import Mixture, Term, parse_expression
from seggrid.config.schedule import PLACES
from seggrid.errors import UserError

_MOST_MIXTURES = 100_000


def _items_also_text(schema: JsonSchemaValue) -> None:
    schema["items"] = also_text(schema["items"])


class WeighedTerms(Section):
    """Losses to which weights are given elsewhere."""

    terms: tuple[Term, ...] = Field(json_schema_extra=_items_also_text)
    """Losses, without weights."""

    @field_validator("terms", mode="before")
    @classmethod
    def _from_names(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple) or not value:
            raise ValueError("give a list of terms, e.g. [ce, dice]")
        parsed = [parse_expression(item) if isinstance(item, str) else [item] for item in value]
        if any(len(item) != 1 for item in parsed):
            raise ValueError("each term of a simplex is one loss, without a weight of its own")
        return [item[0] for item in parsed]

    @field_validator("terms")
    @classmethod
    def _distinct(cls, terms: tuple[Term, ...]) -> tuple[Term, ...]:
        if any(term.weight != 1 for term in terms):
            raise ValueError("the terms of a simplex carry no weights of their own")
        names = [term.name for term in terms]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} stands twice; leave one of them out")
        return terms

    def mixture(self, counts: Sequence[int], step: Decimal) -> Mixture:
        """Return the mixture whose weights are ``counts`` times ``step``; a term whose count is 0 drops out."""
        weights = ((term, (count * step).quantize(PLACES)) for term, count in zip(self.terms, counts, strict=True))
        return Mixture(terms=tuple(term.model_copy(update={"weight": weight}) for term, weight in weights if weight))


def _exact(value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _divides_one(step: Decimal) -> Decimal:
    if not Decimal("0.01") <= step <= 1 or 1 % step:
        raise ValueError(f"step {step} must lie in 0.01 to 1 and divide 1, as 0.25 or 0.1 do")
    return step


#: Distance between neighbouring weights.
WeightStep = Annotated[Decimal, BeforeValidator(_exact), AfterValidator(_divides_one)]


class Simplex(WeighedTerms):
    """All mixtures of some terms whose weights are multiples of a step and sum to 1."""

    step: WeightStep
    """Distance between neighbouring weights; 1 must be a multiple of it."""
    minimum: Annotated[Decimal, BeforeValidator(_exact)] = Decimal(0)
    """Smallest weight of each term; a term whose weight is 0 drops out."""

    @model_validator(mode="after")
    def _divides(self) -> Simplex:
        if len(self.terms) < 2:
            raise ValueError("a simplex needs a list of at least two terms")
        # The bounds first: the remainder of a huge number has more digits than a Decimal holds.
        if not 0 <= self.minimum <= 1 or self.minimum % self.step or self.minimum * len(self.terms) > 1:
            raise ValueError(f"minimum {self.minimum} must be a multiple of step that leaves every term its share")
        free = round((1 - self.minimum * len(self.terms)) / self.step)
        count = math.comb(free + len(self.terms) - 1, free)
        if count > _MOST_MIXTURES:
            raise ValueError(f"{count} mixtures are more than {_MOST_MIXTURES}; take a larger step or fewer terms")
        return self

    def mixtures(self) -> Iterator[Mixture]:
        """Yield every mixture, the first term's weight falling."""
        least = int(self.minimum / self.step)
        for counts in _compositions(int(1 / self.step) - least * len(self.terms), len(self.terms)):
            yield self.mixture([count + least for count in counts], self.step)


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (total,)
        return
    for first in range(total, -1, -1):
        for rest in _compositions(total - first, parts - 1):
            yield (first, *rest)


class SimplexEntry(Section):
    """An entry ``simplex:`` in the list of mixtures."""

    simplex: Simplex


def expand(entries: tuple[Mixture | SimplexEntry, ...]) -> tuple[Mixture, ...]:
    """Return every mixture that the entries name, each once, in order.

    Raises:
        UserError: one mixture has two labels, or two mixtures have one.
    """
    found: dict[str, Mixture] = {}
    for entry in entries:
        for mixture in entry.simplex.mixtures() if isinstance(entry, SimplexEntry) else (entry,):
            earlier = found.setdefault(mixture.name, mixture)
            if mixture.label and earlier.label != mixture.label:
                if earlier.label:
                    raise UserError(f"mixtures: {mixture.name} has two labels, {earlier.label} and {mixture.label}")
                found[mixture.name] = mixture
    labels: dict[str, str] = {}
    for mixture in found.values():
        other = labels.setdefault(mixture.label or mixture.name, mixture.name)
        if other != mixture.name:
            raise UserError(f"mixtures: {other} and {mixture.name} are both called {mixture.label or mixture.name}")
    return tuple(found.values())
