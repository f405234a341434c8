"""Measure one predicted mask against one truth: every class, every metric, with a status."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seggrid.catalogue import METRICS, MetricRow
from seggrid.config.evaluation import check_metric
from seggrid.errors import UserError
from seggrid.metrics.distances import SurfaceDistances, surface_distances
from seggrid.metrics.empties import BothEmpty, Status, status_of, when_both_empty, when_one_empty
from seggrid.metrics.overlap import Counts, count
from seggrid.metrics.surface import LabelImage, LabelSurfaces, check_spacing, label_surfaces


@dataclass(frozen=True)
class Measurement:
    """One class of one case.

    Attributes:
        label: value of the class.
        status: ``ok``, or which of the masks holds no pixel of the class.
        tp, fp, fn, tn: pixels (voxels) by agreement.
        values: metric as it was asked for (``nsd@2``) to its value; lengths in the unit of the spacing.
    """

    label: int
    status: Status
    tp: int
    fp: int
    fn: int
    tn: int
    values: dict[str, float]


@dataclass(frozen=True)
class _Metric:
    name: str
    row: MetricRow
    function: Callable[..., float]


def measure(
    prediction: LabelImage,
    truth: LabelImage,
    classes: Sequence[int],
    metrics: Sequence[str],
    spacing: Sequence[float] | None = None,
    both_empty: BothEmpty = "exclude",
    prepared: LabelSurfaces | None = None,
) -> list[Measurement]:
    """Measure a predicted label image against the true one.

    Where exactly one of the two holds a class, overlap is 0 and a distance is the image diagonal; where
    neither does, every value is NaN under ``exclude`` and the best one under ``perfect``. The status says so.

    Args:
        prediction: labels, shape ``(*S)``, 2-D or 3-D.
        truth: labels, shape ``(*S)``.
        classes: label values to measure; the background is a class like any other if named.
        metrics: names of the catalogue, a tolerance behind ``@`` in the unit of the spacing.
        spacing: per axis of the array, in mm; None: lengths in pixels.
        both_empty: ``exclude`` or ``perfect``.
        prepared: ``label_surfaces(truth, classes, spacing)``, to be made once where many predictions of a
            case are measured; default: made here.

    Returns:
        One measurement per class, in the order of ``classes``.

    Raises:
        UserError: shapes, types, spacing or prepared borders do not fit each other, or a metric is unknown.
    """
    chosen = [_resolve(name) for name in metrics]
    _check_images(prediction, truth, classes)
    steps = check_spacing(spacing, truth.ndim)
    diagonal = math.hypot(*(side * step for side, step in zip(truth.shape, steps, strict=True)))
    counted = count(prediction, truth, classes)
    statuses = [status_of(counts) for counts in counted]
    pairs: dict[int, SurfaceDistances] = {}
    if any(metric.row.kind == "distances" for metric in chosen):
        bordered = [label for label, status in zip(classes, statuses, strict=True) if status == "ok"]
        pairs = _distances(prediction, truth, bordered, steps, prepared)
    measured = []
    for label, status, counts in zip(classes, statuses, counted, strict=True):
        values = {
            metric.name: _value(metric, status, counts, pairs.get(label), both_empty, diagonal) for metric in chosen
        }
        measured.append(Measurement(label, status, counts.tp, counts.fp, counts.fn, counts.tn, values))
    return measured


def _value(
    metric: _Metric,
    status: Status,
    counts: Counts,
    distances: SurfaceDistances | None,
    both_empty: BothEmpty,
    diagonal: float,
) -> float:
    if status == "both_empty":
        return when_both_empty(metric.row, both_empty)
    if metric.row.kind == "counts":
        return metric.function(counts)
    return when_one_empty(metric.row, diagonal) if distances is None else metric.function(distances)


def _distances(
    prediction: LabelImage,
    truth: LabelImage,
    classes: Sequence[int],
    spacing: tuple[float, ...],
    prepared: LabelSurfaces | None,
) -> dict[int, SurfaceDistances]:
    """Return the distance arrays of the classes that both images hold."""
    present = label_surfaces(truth, classes, spacing) if prepared is None else prepared
    if (present.shape, present.spacing) != (truth.shape, spacing) or not present.surfaces.keys() >= set(classes):
        raise UserError(
            f"prepared truth of shape {present.shape}, spacing {present.spacing} and classes "
            f"{sorted(present.surfaces)} does not fit shape {truth.shape}, spacing {spacing} and classes "
            f"{sorted(classes)}; prepare it from the same truth"
        )
    predicted = label_surfaces(prediction, classes, spacing)
    return {label: surface_distances(predicted, present, label) for label in classes}


@functools.cache
def _resolve(name: str) -> _Metric:
    """Return the catalogue's function for a metric, with its tolerance filled in."""
    try:
        check_metric(name)
    except ValueError as error:
        raise UserError(f"metrics: {error}") from error
    metric, at, tolerance = name.partition("@")
    row = METRICS[metric]
    function = functools.partial(row.load(), tolerance=float(tolerance)) if at else row.load()
    return _Metric(name, row, function)


def _check_images(prediction: LabelImage, truth: LabelImage, classes: Sequence[int]) -> None:
    if prediction.shape != truth.shape:
        raise UserError(
            f"prediction of shape {prediction.shape} does not fit truth of shape {truth.shape}; "
            "map it back to the original resolution first"
        )
    if truth.ndim not in (2, 3) or truth.size == 0:
        raise UserError(f"masks of shape {truth.shape} cannot be measured; give images with 2 or 3 axes and pixels")
    for name, image in (("prediction", prediction), ("truth", truth)):
        if image.dtype != np.uint8:
            raise UserError(f"{name} holds {image.dtype}; give labels as uint8")
    unknown = [label for label in classes if not 0 <= label <= 255]
    if unknown:
        raise UserError(f"classes {unknown} lie outside 0 to 255; labels are uint8")
