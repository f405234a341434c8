"""Figures of publications, a file each in ``config/published``, to be set beside an experiment's own."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from seggrid.catalogue import METRICS
from seggrid.config.base import PublicationKey, Section
from seggrid.config.evaluation import check_metric
from seggrid.config.library import load_entry
from seggrid.errors import nearest


class PublishedResult(Section):
    """What one method reached on one object."""

    label: str
    """The method: network and loss."""
    object: str
    """The object, or what the mean is over."""
    values: Annotated[dict[str, float], Field(min_length=1)]
    """Metric of the catalogue -> value as printed, shares from 0 to 1."""

    @field_validator("values")
    @classmethod
    def _possible(cls, values: dict[str, float]) -> dict[str, float]:
        for name, value in values.items():
            metric = METRICS[check_metric(name).partition("@")[0]]
            if metric.better == "zero":
                continue
            if not 0 <= value < float("inf") or (metric.unit == "1" and value > 1):
                raise ValueError(
                    f"{name}: {value:g} lies outside {'0 to 1' if metric.unit == '1' else 'what is possible'}"
                )
        return values


class Publication(Section):
    """A publication with its results."""

    name: str
    """Name of the file."""
    reference: PublicationKey
    """Key of the publication in the catalogue."""
    task: str
    """What was segmented, in which images."""
    data: str
    """How much data."""
    unit: Literal["mm", "px"] | None
    """Unit of its distances; null where it is not stated."""
    readings: dict[str, str]
    """Metric -> how its definition may differ from ours."""
    results: Annotated[tuple[PublishedResult, ...], Field(min_length=1)]
    """Its rows, in their order."""

    @model_validator(mode="after")
    def _of_a_metric(self) -> Publication:
        for name in self.readings:
            if name not in self.metrics:
                raise ValueError(f"readings: no result holds {name}{nearest(name, self.metrics)}")
        return self

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of all its results, each once."""
        return tuple(dict.fromkeys(name for result in self.results for name in result.values))


def load_published(name: str) -> Publication:
    """Read and check a publication by its name.

    Raises:
        UserError: there is no such file, with the names that exist; or every mistake in it, a line each.
    """
    otherwise = "a publication is a mapping of keys (reference, task, results ...)"
    return load_entry(Publication, name, "published", "publication", otherwise)
