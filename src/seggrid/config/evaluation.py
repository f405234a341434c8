"""How a trained run is measured, and how candidates are scored and compared."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, ValidationError, field_validator

from seggrid.catalogue import METRICS
from seggrid.config.base import Section
from seggrid.config.mixture import Mixture
from seggrid.config.postprocessing import Options
from seggrid.errors import check_known

DEFAULT_METRICS = (
    "iou", "dice", "precision", "recall", "hd95", "assd",
    "specificity", "accuracy", "volume_bias", "detected", "masd", "nsd@2",
)  # fmt: skip


def check_metric(name: str) -> str:
    """Return the canonical name of a metric of the catalogue; ``nsd@2`` carries its tolerance behind the ``@``.

    Raises:
        ValueError: the metric is unknown or its tolerance is missing, no number or out of range.
    """
    metric, at, tolerance = name.partition("@")
    check_known("metric", metric, METRICS)
    wants = "tolerance" in METRICS[metric].parameters
    if wants != bool(at):
        raise ValueError(
            f"{name!r}: write {metric}@2 for a tolerance of 2" if wants else f"{metric} takes no tolerance"
        )
    if not at:
        return name
    try:
        given = float(tolerance)
    except ValueError:
        given = math.nan
    if not given > 0:
        raise ValueError(f"{name!r}: the tolerance behind @ must be a positive number")
    value = METRICS[metric].parameters["tolerance"].parse(given, name)
    return f"{metric}@{value:.15g}"


class Evaluation(Section):
    """What is measured on every predicted mask, at the original resolution."""

    metrics: tuple[str, ...] = DEFAULT_METRICS
    """Metrics of the catalogue; nsd@2 is the surface Dice at a tolerance of 2 mm (px without spacing)."""
    both_empty: Literal["exclude", "perfect"] = "exclude"
    """A class absent from truth and prediction: left out of means, or counted as perfect."""
    postprocessing: Options = ()
    """Steps that each class may get on its predicted masks; every run takes what is best for the mean Dice of its
    validation cases, or none. A list among them is a chain, one step after the other."""

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        canonical = tuple(map(check_metric, names))
        for name in canonical:
            if canonical.count(name) > 1:
                raise ValueError(f"{name} stands twice")
        return canonical


class Mean(Section):
    """A comprehensive metric: the mean of some metrics."""

    mean: tuple[str, ...]

    @field_validator("mean")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names:
            raise ValueError("name at least one metric")
        return tuple(check_metric(name) for name in names)


class Scoring(Section):
    """The two comprehensive metrics and the criterion that ranks candidates."""

    overlap: Mean = Mean(mean=("iou", "dice", "precision", "recall"))
    """O: higher is better."""
    distance: Mean = Mean(mean=("hd95", "assd"))
    """D: lower is better."""
    criterion: Literal["minmax", "rank", "pareto", "absolute"] = "minmax"
    """The criterion that names the winner; the report shows all of them."""
    bootstrap: Annotated[int, Field(ge=100, le=100_000)] = 2000
    """Resamples of the groups behind intervals and rank stability."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the resampling."""
    baseline: str | None = None
    """Mixture that the others are compared with; default: the first one."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of O and of D, each once."""
        return tuple(dict.fromkeys((*self.overlap.mean, *self.distance.mean)))

    @field_validator("baseline")
    @classmethod
    def _canonical(cls, expression: str | None) -> str | None:
        try:
            return expression and Mixture.model_validate(expression).name
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


#: Keys of a query that hold who asks, or how that is proved; those of files (``passfile``, ``sslkey``) hold neither.
_SECRET = re.compile(
    r"pass(?!file|word_?file)|pwd|token|secret|credential|signature|^auth(orization|entication_string)?$"
    r"|^((api|access|account|private|shared)[._-]?)?key(_?id)?$"
    r"|^(user(_?name)?|uid|login|sig|sas|jwt|bearer)$",
    re.IGNORECASE,
)
#: The same inside of a value, as in the ``odbc_connect`` of SQL Server.
_SECRET_INSIDE = re.compile(r"(^|;)\s*(pwd|password|(access)?token|uid|user( id)?)\s*=\s*[^;\s]", re.IGNORECASE)
#: Where credentials go instead.
_CURES = {
    "http": "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the environment",
    "postgresql": "set PGUSER and PGPASSWORD in the environment",
    "mysql": "name an option file of MySQL that holds them by ?read_default_file=PATH",
}


def without_credentials(uri: str) -> str:
    """Return the address of a server or a database.

    Raises:
        ValueError: it holds a user, password or token, which would end up in files; the message does not repeat them.
    """
    parts = urlsplit(uri)
    query = parse_qsl(parts.query, keep_blank_values=True)
    found = any(_SECRET.search(key) or _SECRET_INSIDE.search(value) for key, value in query)
    kind = parts.scheme.partition("+")[0].replace("https", "http")
    # No server is asked for a fragment; in the path of a file it is part of a name.
    if parts.username or parts.password or found or (kind == "http" and parts.fragment):
        cure = _CURES.get(kind, "leave them to the configuration of its driver")
        raise ValueError(f"holds credentials; take them out and {cure}")
    return uri


def without_query(uri: str) -> str:
    """Return what of an address may be shown: its query may hold a secret under a key of which nobody here knows."""
    return uri.partition("?")[0]


def hide_query(message: str, uri: str) -> str:
    """Return a message in one line, without the query of an address that may stand in it."""
    query, text = uri.partition("?")[2], " ".join(message.split())
    return text.replace(query, "...") if query else text


class Tracking(Section):
    """Import of finished runs into MLflow."""

    uri: Annotated[str, AfterValidator(without_credentials)] | None = None
    """Tracking server; null: a local store under results/mlflow. Credentials come from the environment."""
    register_as: Literal["fold_ensemble", "refit", "best_fold"] = Field("fold_ensemble", alias="register")
    """What the champion in the model registry is: mean softmax over folds and seeds, a new training on all cases,
    or the run with the best validation Dice."""
