"""What a row of the catalogue is, and how the parameters that a user gives are checked against it."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from seggrid.errors import UserError, nearest

_TYPE_NAMES = {float: "a number", int: "a whole number", bool: "true or false", str: "a word"}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a loss, metric or step; its type is that of ``default``.

    Attributes:
        default: value where the user gives none; never part of a run's identity.
        doc: what it does, in a few words, with the unit where it has one.
        minimum, maximum: closed range of a number.
        choices: the words allowed.
        only_with: another parameter and its value, without which this one has no meaning.
    """

    default: float | int | bool | str | tuple[int, ...] | tuple[float, ...]
    doc: str
    minimum: float = -math.inf
    maximum: float = math.inf
    choices: tuple[str, ...] = ()
    only_with: tuple[str, str] | None = None

    def parse(self, value: object, key: str) -> float | int | bool | str | tuple[int, ...] | tuple[float, ...]:
        """Return ``value`` in the parameter's own type.

        Raises:
            UserError: the value has another type or lies outside the range; names ``key``.
        """
        if isinstance(self.default, tuple):
            return self._parse_sides(value, key)
        expected = type(self.default)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if expected is float and number:
            value = float(value)  # type: ignore[arg-type]
        if type(value) is not expected:
            raise UserError(f"{key}: {value!r} should be {_TYPE_NAMES[expected]}")
        if self.choices and value not in self.choices:
            raise UserError(
                f"{key}: {value!r} is not one of {', '.join(self.choices)}{nearest(str(value), self.choices)}"
            )
        if isinstance(value, int | float) and not self.minimum <= value <= self.maximum:
            raise UserError(f"{key}: {value} lies outside {self.minimum:g} to {self.maximum:g}")
        return value

    def _parse_sides(self, value: object, key: str) -> tuple[int, ...] | tuple[float, ...]:
        fractions = isinstance(self.default, tuple) and isinstance(self.default[0], float)
        sides = list(value) if isinstance(value, list | tuple) else []
        if fractions:
            sides = [float(side) if type(side) is int else side for side in sides]
        known = sides and all(type(side) is (float if fractions else int) for side in sides)
        if not known or not all(self.minimum <= side <= self.maximum for side in sides):
            kind = "numbers" if fractions else "whole numbers"
            raise UserError(f"{key}: {value!r} should be a list of {kind} from {self.minimum:g} to {self.maximum:g}")
        return tuple(sides)


@dataclass(frozen=True)
class Row:
    """What every row has.

    Attributes:
        target: ``module:attribute`` of the implementation, imported only where it is used.
        doc: one line for tables and messages.
        version: bumped when the numbers change; part of identity.
        references: keys of the publications that it is of, see ``seggrid.catalogue.references``.
    """

    target: str
    doc: str
    version: int = 1
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    references: tuple[str, ...] = ()

    def load(self) -> Any:
        """Import and return the implementation."""
        module, attribute = self.target.split(":")
        return getattr(importlib.import_module(module), attribute)

    def parse(self, given: Mapping[str, object], key: str) -> dict[str, Any]:
        """Check ``given`` parameters; return those that differ from their defaults.

        Raises:
            UserError: a parameter is unknown, of another type or out of range; names ``key.parameter``.
        """
        parsed: dict[str, Any] = {}
        for name, value in given.items():
            if name not in self.parameters:
                known = tuple(self.parameters)
                raise UserError(
                    f"{key}.{name}: unknown parameter{nearest(name, known)}; known are {', '.join(known) or 'none'}"
                )
            result = self.parameters[name].parse(value, f"{key}.{name}")
            if result != self.parameters[name].default:
                parsed[name] = result
        for name in parsed:
            other, needed = self.parameters[name].only_with or ("", "")
            if other and (chosen := parsed.get(other, self.parameters[other].default)) != needed:
                raise UserError(f"{key}.{name}: has no meaning with {other}={chosen}; leave it out")
        return dict(sorted(parsed.items()))


@dataclass(frozen=True)
class LossRow(Row):
    """A loss.

    Attributes:
        maps: names of the maps that it reads (see ``seggrid.losses.maps``).
        map_parameter: name of the parameter, if any, whose value is the name of a further map.
        areas: whether it is built with the class areas of the training cases.
        auxiliary: name of the output of the network, besides the logits, that it is of; empty: of the logits.
        range: lower and upper bound of its value.
        source: paper and equation.
        minimum_with: parameters with which a perfect prediction is the minimum, where it is not so with all.
        gradient_with: parameters with which the gradient is that of the value, where others hold parts of it constant.
    """

    maps: tuple[str, ...] = ()
    map_parameter: str = ""
    areas: bool = False
    auxiliary: str = ""
    range: tuple[float, float] = (0.0, math.inf)
    source: str = ""
    minimum_with: Mapping[str, object] = field(default_factory=dict)
    gradient_with: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class MetricRow(Row):
    """A metric of one case and class.

    Attributes:
        kind: what it is computed from: pixel ``counts`` or surface ``distances``.
        better: the direction that is better.
        unit: ``1`` (a ratio), ``length`` (mm where the spacing is known, else px).
    """

    kind: Literal["counts", "distances"] = "counts"
    better: Literal["higher", "lower", "zero"] = "higher"
    unit: Literal["1", "length"] = "1"


@dataclass(frozen=True)
class StepRow(Row):
    """A preprocessing step.

    Attributes:
        geometric: whether it moves pixels, and so acts on the mask as well.
        normalises: whether it brings images of any scale of intensities to one, each by its own values.
        normalises_with: a parameter; where that is true it brings all images to one scale, by fixed values.
    """

    geometric: bool = False
    normalises: bool = False
    normalises_with: str = ""


@dataclass(frozen=True)
class ArchitectureRow(Row):
    """An architecture that is none of segmentation-models-pytorch: of MONAI, or our own.

    ``target`` is a function ``(in_channels, num_classes, **parameters) -> SegmentationNetwork``, which is also given
    ``size`` where that is fixed.

    Attributes:
        axes: the numbers of axes of the images that it takes.
        outputs: names of what it gives besides the logits, for losses that read it.
        fixed_size: whether it is built for one size of images, which is then ``training.patch_size``.
    """

    axes: tuple[int, ...] = (3,)
    outputs: tuple[str, ...] = ()
    fixed_size: bool = False


@dataclass(frozen=True)
class NetworkRow:
    """A named network: an architecture, with an encoder of segmentation-models-pytorch or of timm (``tu-``).

    Attributes:
        encoder: ``None`` for an architecture of ``ARCHITECTURES``, which has no encoder to choose.
        version: of an architecture of segmentation-models-pytorch; the others have one in their row.
    """

    architecture: str
    encoder: str | None = None
    version: int = 1
