"""The tables of publications as forms, a file each in ``config/tables``, that any experiment can be written in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from seggrid.config.base import PublicationKey, Section
from seggrid.config.evaluation import check_metric
from seggrid.config.library import load_entry

#: The figures of optimisation instability: how unsteady the gradient is; the share of collapsed runs, of how many runs
#: of how many seeds; and runs that ended without weights.
INSTABILITY = ("gradient_cv", "collapsed_share", "runs", "seeds", "failed")
#: What a column shows beside the metrics: O, D and the score of the criterion; images whose truth shows an object (with
#: several objects an image counts for each), those in which a part of it is found, and their share.
OTHER_VALUES = (
    "overlap", "distance", "score", "objects_true", "objects_found", "objects_found_share", *INSTABILITY,
)  # fmt: skip
#: Metrics that pixel counts of all images together have, too.
POOLED = ("iou", "dice", "precision", "recall", "specificity", "accuracy")


class FormColumn(Section):
    """One column, or one per object."""

    value: str
    """A metric of the catalogue, or one of the other values: overlap, distance, score, objects_found ..."""
    heading: Annotated[str, Field(min_length=1)]
    """As the paper calls it."""
    of: Literal["mean", "each", "images", "pooled"] = "mean"
    """The mean over objects as in the ranking; each object, a column each; the mean over images; or from the pixel
    counts of all images together."""
    sd: bool = False
    """Whether a standard deviation stands behind: over folds and seeds, of images over images."""

    @field_validator("value")
    @classmethod
    def _known(cls, name: str) -> str:
        return name if name in OTHER_VALUES else check_metric(name)

    @model_validator(mode="after")
    def _possible(self) -> FormColumn:
        if self.value in OTHER_VALUES and self.of != "mean":
            raise ValueError(f"{self.value} is a value of the candidate; leave out of: {self.of}")
        if self.of == "pooled" and self.value not in POOLED:
            raise ValueError(f"{self.value} has no pooled value; those that have are {', '.join(POOLED)}")
        if self.sd and (self.of == "pooled" or self.value in OTHER_VALUES[2:]):
            raise ValueError(f"{self.value} has no standard deviation here; leave out sd")
        return self

    @property
    def key(self) -> str:
        """Name of the column in CSV; that of ``each`` is followed by the object."""
        return self.value if self.of == "mean" else f"{self.value}_{self.of}"


class FormPart(Section):
    """One table."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    """Of its files, behind the name of the paper."""
    caption: Annotated[str, Field(min_length=1)]
    """What it shows, in a sentence or two."""
    rows: Literal["candidate", "object", "image"] = "candidate"
    """A row per candidate; per object and candidate; or per test image of one candidate."""
    order: Literal["ranking", "plan"] = "ranking"
    """Candidates best first, or as the experiment names them."""
    loss: str | None = None
    """Label or expression of the mixture whose images are shown, with the network that is best with it; null, or where
    the experiment has no such mixture: those of the winner."""
    columns: Annotated[tuple[FormColumn, ...], Field(min_length=1)]
    """In their order."""

    @model_validator(mode="after")
    def _fitting(self) -> FormPart:
        if self.loss is not None and self.rows != "image":
            raise ValueError("loss: only a table of images shows one candidate; leave it out")
        keys = [column.key for column in self.columns]
        for column in self.columns:
            if keys.count(column.key) > 1:
                raise ValueError(f"columns: {column.key} stands twice")
            if self.rows != "candidate" and (column.of != "mean" or column.value in OTHER_VALUES):
                raise ValueError(f"columns: {column.key} needs rows of candidates")
            if self.rows == "image" and column.sd:
                raise ValueError(f"columns: one image has no standard deviation; leave out sd of {column.key}")
        return self


class Form(Section):
    """The tables of a publication."""

    name: str
    """Name of the file."""
    reference: PublicationKey
    """Key of the publication in the catalogue."""
    parts: Annotated[tuple[FormPart, ...], Field(min_length=1)]
    """Its tables, in their order."""

    @field_validator("parts")
    @classmethod
    def _distinct(cls, parts: tuple[FormPart, ...]) -> tuple[FormPart, ...]:
        names = [part.name for part in parts]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two parts are called {name}")
        return parts


def load_form(name: str) -> Form:
    """Read and check a form by its name.

    Raises:
        UserError: there is no such file, with the names that exist; or every mistake in it, a line each.
    """
    return load_entry(Form, name, "tables", "table", "a form of tables is a mapping of keys (reference, parts)")
