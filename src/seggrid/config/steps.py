"""A step that is named in a table of the catalogue: what steps of preprocessing and of post-processing share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from seggrid.catalogue import Row
from seggrid.config.base import Section
from seggrid.errors import check_known


class NamedStep(Section):
    """One step: its name, or ``{name: {parameter: value}}``."""

    rows: ClassVar[Mapping[str, Row]]
    """The table that it is named in."""

    name: str
    parameters: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and len(value) == 1 and "name" not in value:
            ((name, parameters),) = value.items()
            return {"name": name, "parameters": parameters or {}}
        if isinstance(value, dict) and "name" not in value:
            raise ValueError("a step is its name, or {name: {parameter: value}}; write each step as an item of its own")
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        named = {name: {"type": ["object", "null"]} for name in cls.rows}
        short = {"type": "object", "properties": named, "additionalProperties": False, "maxProperties": 1}
        return {"anyOf": [{"enum": list(cls.rows)}, short, handler(core)]}

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        check_known("step", name, cls.rows)
        return name

    @model_validator(mode="after")
    def _parameters(self) -> NamedStep:
        parsed = self.rows[self.name].parse(self.parameters, self.name)
        object.__setattr__(self, "parameters", parsed)
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """Every parameter with its value, defaults too."""
        row = self.rows[self.name]
        return {name: parameter.default for name, parameter in row.parameters.items()} | self.parameters

    def identity(self) -> list[Any]:
        """What defines the step's numbers."""
        return [self.name, self.rows[self.name].version, self.parameters]
