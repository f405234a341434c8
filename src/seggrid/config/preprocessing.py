"""The ordered list of preprocessing steps."""

from __future__ import annotations

from typing import Any

from pydantic import GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from seggrid.catalogue import STEPS
from seggrid.config.base import Section
from seggrid.errors import check_known


class Step(Section):
    """One step: its name, or ``{name: {parameter: value}}``."""

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
        named = {name: {"type": ["object", "null"]} for name in STEPS}
        short = {"type": "object", "properties": named, "additionalProperties": False, "maxProperties": 1}
        return {"anyOf": [{"enum": list(STEPS)}, short, handler(core)]}

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        check_known("step", name, STEPS)
        return name

    @model_validator(mode="after")
    def _parameters(self) -> Step:
        parsed = STEPS[self.name].parse(self.parameters, self.name)
        object.__setattr__(self, "parameters", parsed)
        settings = {name: parameter.default for name, parameter in STEPS[self.name].parameters.items()} | parsed
        if "low" in settings and settings["low"] >= settings["high"]:
            raise ValueError(f"{self.name}.low ({settings['low']:g}) must lie below high ({settings['high']:g})")
        return self

    def identity(self) -> list[Any]:
        """What defines the step's numbers."""
        return [self.name, STEPS[self.name].version, self.parameters]
