"""The ordered list of preprocessing steps."""

from __future__ import annotations

from pydantic import model_validator

from seggrid.catalogue import STEPS
from seggrid.config.steps import NamedStep


class Step(NamedStep):
    """One step of preprocessing."""

    rows = STEPS

    @property
    def normalises(self) -> bool:
        """Whether it brings images to one scale of intensities."""
        row = STEPS[self.name]
        return row.normalises or bool(self.settings.get(row.normalises_with))

    @model_validator(mode="after")
    def _ordered(self) -> Step:
        settings = self.settings
        if "low" in settings and settings["low"] >= settings["high"]:
            raise ValueError(f"{self.name}.low ({settings['low']:g}) must lie below high ({settings['high']:g})")
        return self
