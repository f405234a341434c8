"""The weight of a term: a constant, or a schedule over the planned epochs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import ValidationError, ValidationInfo, field_validator, model_serializer, model_validator

from seggrid.config.base import Section
from seggrid.errors import nearest

PLACES = Decimal("0.000001")
_CALL = re.compile(r"(?P<kind>[A-Za-z_]\w*)\s*\((?P<values>[^()]*)\)")


@dataclass(frozen=True)
class Number:
    """A number that stands in a weight.

    Attributes:
        name: what it is called in messages and documentation.
        fits: whether a finite value is allowed.
        wrong: what is said of a value that is not.
    """

    name: str
    fits: Callable[[Decimal], bool]
    wrong: str

    def parse(self, value: object) -> Decimal:
        """Return ``value`` as a decimal of exactly 6 places.

        Raises:
            ValueError: it is no number, not allowed here, or has more decimal places.
        """
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise ValueError(f"{self.name} {value!r} is not a number") from None
        if not number.is_finite() or not self.fits(number):
            raise ValueError(f"{self.name} {value} {self.wrong}")
        if number != number.quantize(PLACES):
            raise ValueError(f"{self.name} {value} has more than 6 decimal places")
        return number.quantize(PLACES)


def linear(epoch: int, epochs: int, start: Decimal, end: Decimal) -> Decimal:
    """start + (end - start) t / T.

    Radillah et al. eq 3 as printed: alpha(t) = a0 + (a1 - a0) t / T is ``linear(a0, a1)``, and
    beta(t) = b0 + (b1 - b0) (T - t) / T is ``linear(b1, b0)``. Where beta is read to begin at b0, it is
    ``linear(b0, b1)``.
    """
    return start + (end - start) * epoch / epochs


def rebalance(epoch: int, _epochs: int, start: Decimal, rate: Decimal) -> Decimal:
    """max(1 - rate t, rate) where ``start`` is 1, its complement to 1 where ``start`` is 0 (Kervadec et al. 2019)."""
    falling = max(1 - rate * epoch, rate)
    return falling if start else 1 - falling


def step(epoch: int, epochs: int, start: Decimal, end: Decimal, at: Decimal) -> Decimal:
    """``start`` while t < at T, ``end`` from there on."""
    return start if epoch < at * epochs else end


@dataclass(frozen=True)
class Kind:
    """A kind of schedule.

    Attributes:
        weight: ``(epoch, epochs, *values)`` to the weight, monotone in the epoch t = 0..T-1 of T = ``epochs``.
        numbers: the values that it takes, in order.
        version: bumped when its numbers change; part of identity.
    """

    weight: Callable[..., Decimal]
    numbers: tuple[Number, ...]
    version: int = 1

    @property
    def form(self) -> str:
        """How it is written, e.g. ``linear(start, end)``."""
        return f"{self.weight.__name__}({', '.join(number.name for number in self.numbers)})"


def _weight(name: str) -> Number:
    return Number(name, lambda value: 0 <= value <= 1000, "lies outside 0 to 1000")


#: A constant weight.
CONSTANT = Number(
    "weight",
    lambda value: 0 < value <= 1000,
    "lies outside 0 (excluded) to 1000; leave a term with weight 0 out",
)
_SIDE = Number("start", lambda value: value in (0, 1), "is neither 0, which rises, nor 1, which falls")
_RATE = Number("rate", lambda value: 0 < value <= 1, "lies outside 0 (excluded) to 1; it is the change an epoch")
_AT = Number("at", lambda value: 0 < value < 1, "lies outside 0 to 1 (both excluded); it is a share of the epochs")
KINDS = {
    "linear": Kind(linear, (_weight("start"), _weight("end"))),
    "rebalance": Kind(rebalance, (_SIDE, _RATE)),
    "step": Kind(step, (_weight("start"), _weight("end"), _AT)),
}
_FORMS = ", ".join(kind.form for kind in KINDS.values())


class WeightSchedule(Section):
    """A weight that follows the epochs; written as text, e.g. ``linear(0, 1)``, and dumped as such."""

    kind: str
    """Name of a kind."""
    values: tuple[Decimal, ...]
    """Its numbers, each with exactly 6 decimal places."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        return _split(given) if isinstance(given, str) else given

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"unknown schedule {kind!r}{nearest(kind, KINDS)}; known are {_FORMS}")
        return kind

    @field_validator("values", mode="before")
    @classmethod
    def _allowed(cls, values: Sequence[object], info: ValidationInfo) -> tuple[Decimal, ...]:
        if "kind" not in info.data:
            return ()  # of an unknown kind, which is told already
        kind, numbers = info.data["kind"], KINDS[info.data["kind"]].numbers
        if len(values) != len(numbers):
            raise ValueError(f"{kind} takes {len(numbers)} numbers, not {len(values)}; write {KINDS[kind].form}")
        try:
            parsed = tuple(number.parse(value) for number, value in zip(numbers, values, strict=True))
        except ValueError as error:
            raise ValueError(f"{kind}: {error}") from None
        # Every kind is monotone, so it is 0 throughout where it is 0 at both ends.
        if not any(KINDS[kind].weight(end, 1, *parsed) for end in (0, 1)):
            raise ValueError(f"{_written(kind, parsed)} is 0 in every epoch; leave the term out")
        return parsed

    @model_serializer
    def _text(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The canonical text, e.g. ``linear(0.00, 1.00)``."""
        return _written(self.kind, self.values)

    def at(self, epoch: int, epochs: int) -> float:
        """Return the weight in one epoch, counted from 0, of those that are planned."""
        # In decimals: 0.07 * 100 is 7 there and a little more in floats.
        return float(KINDS[self.kind].weight(epoch, epochs, *self.values))

    def identity(self) -> list[Any]:
        """What defines its numbers."""
        return [self.kind, KINDS[self.kind].version, *map(str, self.values)]


def parse_weight(value: object) -> Decimal | WeightSchedule:
    """Return the weight that a number or a text stands for.

    Raises:
        ValueError: it is neither, or not an allowed one.
    """
    if isinstance(value, WeightSchedule):
        return value
    if not isinstance(value, str) or "(" not in value:
        return CONSTANT.parse(value)
    try:
        return WeightSchedule.model_validate(value)
    except ValidationError as error:  # its sentence alone, for the message of the term that holds the weight
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


def format_weight(weight: Decimal | WeightSchedule) -> str:
    """Write a weight as in an expression; a number with at least two and at most six decimal places."""
    return weight.name if isinstance(weight, WeightSchedule) else _digits(weight)


def _digits(number: Decimal) -> str:
    whole, _, places = f"{number:.6f}".partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"


def _written(kind: str, values: tuple[Decimal, ...]) -> str:
    return f"{kind}({', '.join(map(_digits, values))})"


def _split(text: str) -> dict[str, Any]:
    found = _CALL.fullmatch(text.strip())
    if not found:
        raise ValueError(f"cannot read the schedule {text.strip()!r}; known are {_FORMS}")
    values = [value.strip() for value in found["values"].split(",")]
    return {"kind": found["kind"], "values": values if any(values) else []}
