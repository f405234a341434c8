"""Mixtures of losses: expressions and mappings, both of which become one typed object."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, WithJsonSchema, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from seggrid.catalogue import LOSSES
from seggrid.config.base import NOT_IDENTITY, Section, also_text
from seggrid.config.schedule import WeightSchedule, format_weight, parse_weight
from seggrid.errors import check_known

#: A plus between terms: neither inside of parentheses nor in an exponent such as 1e+2.
_PLUS = re.compile(r"(?<![\d.][eE])\+(?![^(]*\))")
_TERM = re.compile(
    r"^(?:(?P<weight>[0-9.eE+-]+|[A-Za-z_]\w*\s*\([^()]*\))\s*\*\s*)?"
    r"(?P<loss>[A-Za-z_]\w*)\s*(?:\((?P<given>[^()]*)\))?$"
)
#: A number, or a text: a number as well, or a schedule.
_Weight = Annotated[Decimal | WeightSchedule, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})]


class Term(Section):
    """One loss with its weight."""

    loss: str
    """Name of a loss in the catalogue."""
    weight: _Weight = Field(Decimal(1), validate_default=True)
    """Positive weight (tau), at most 6 decimal places, or a schedule such as linear(0, 1)."""
    parameters: dict[str, Any] = {}
    """Parameters of the loss that differ from their defaults."""

    @field_validator("loss")
    @classmethod
    def _known(cls, name: str) -> str:
        check_known("loss", name, LOSSES)
        return name

    @field_validator("weight", mode="before")
    @classmethod
    def _exact(cls, value: object) -> Decimal | WeightSchedule:
        return parse_weight(value)

    @model_validator(mode="after")
    def _parameters(self) -> Term:
        parsed = LOSSES[self.loss].parse(self.parameters, self.loss)
        object.__setattr__(self, "parameters", parsed)
        return self

    @property
    def name(self) -> str:
        """The loss with its parameters, as it is written in an expression."""
        given = ", ".join(f"{key}={_word(value)}" for key, value in self.parameters.items())
        return f"{self.loss}({given})" if given else self.loss

    @property
    def maps(self) -> tuple[str, ...]:
        """Names of the maps that the loss reads."""
        row = LOSSES[self.loss]
        chosen = row.map_parameter
        return (*row.maps, self.parameters.get(chosen, row.parameters[chosen].default)) if chosen else row.maps

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs of the network, besides the logits, that the loss reads."""
        output = LOSSES[self.loss].auxiliary
        return (output,) if output else ()

    def identity(self) -> list[Any]:
        """What defines the term's numbers."""
        weight = self.weight.identity() if isinstance(self.weight, WeightSchedule) else str(self.weight)
        return [self.loss, LOSSES[self.loss].version, weight, self.parameters]


class Mixture(Section):
    """A weighted sum of losses, in the order of the catalogue."""

    terms: tuple[Term, ...]
    label: str | None = Field(None, json_schema_extra=NOT_IDENTITY)
    """Name for tables."""

    @field_validator("terms")
    @classmethod
    def _ordered(cls, terms: tuple[Term, ...]) -> tuple[Term, ...]:
        if not terms:
            raise ValueError("a mixture needs at least one term")
        names = [term.name for term in terms]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} stands twice; add the two weights")
        order = list(LOSSES)
        return tuple(sorted(terms, key=lambda term: (order.index(term.loss), term.name)))

    @model_validator(mode="before")
    @classmethod
    def _from_expression(cls, value: Any) -> Any:
        return {"terms": parse_expression(value)} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return also_text(handler(core))

    @cached_property
    def name(self) -> str:
        """The canonical expression, e.g. ``0.50*dual_level_ce + 0.25*dice + 0.25*boundary``."""
        if len(self.terms) == 1 and self.terms[0].weight == 1:
            return self.terms[0].name
        return " + ".join(f"{format_weight(term.weight)}*{term.name}" for term in self.terms)

    @property
    def maps(self) -> tuple[str, ...]:
        """Names of the maps that the terms read, each once."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.maps))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs of the network, besides the logits, that the terms read, each once."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.outputs))

    @property
    def scheduled(self) -> bool:
        """Whether the weight of any term follows a schedule."""
        return any(isinstance(term.weight, WeightSchedule) for term in self.terms)

    def weights_at(self, epoch: int, epochs: int) -> list[float]:
        """Return each term's weight in one epoch, counted from 0, of those that are planned."""
        weights = (term.weight for term in self.terms)
        return [w.at(epoch, epochs) if isinstance(w, WeightSchedule) else float(w) for w in weights]

    def identity(self) -> list[Any]:
        """What defines the mixture's numbers."""
        return [term.identity() for term in self.terms]


def parse_expression(text: str) -> list[dict[str, Any]]:
    """Split ``0.50*dual_level_ce(gamma1=0.5) + linear(0, 1)*dice`` into terms.

    Raises:
        ValueError: the text is not a sum of ``weight*loss`` terms.
    """
    terms = []
    for part in _PLUS.split(text) if text.strip() else []:
        found = _TERM.match(part.strip())
        if not found:
            raise ValueError(f"cannot read {part.strip()!r} in {text!r}; write weight*loss + weight*loss")
        given = [_parse_parameter(item, text) for item in (found["given"] or "").split(",") if item.strip()]
        if len(dict(given)) < len(given):
            raise ValueError(f"a parameter stands twice in {part.strip()!r}; leave one of them out")
        terms.append({"loss": found["loss"], "weight": found["weight"] or "1", "parameters": dict(given)})
    if not terms:
        raise ValueError("an empty mixture; write weight*loss + weight*loss")
    return terms


def _parse_parameter(item: str, text: str) -> tuple[str, Any]:
    name, equals, value = (part.strip() for part in item.partition("="))
    if not equals or not value:
        raise ValueError(f"cannot read parameter {item.strip()!r} in {text!r}; write name=value")
    if value in ("true", "false"):
        return name, value == "true"
    for number in (int, float):
        try:
            return name, number(value)
        except ValueError:
            continue
    return name, value


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)
