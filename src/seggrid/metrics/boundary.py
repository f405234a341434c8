"""Boundary metrics: functions of the pair of surface-distance arrays of one case and class.

D1 holds the distances of the prediction's border pixels to the truth's border, D2 those the other way.
Percentiles interpolate linearly. The unit is that of the spacing the distances were made with.
"""

from __future__ import annotations

import numpy as np

from seggrid.metrics.distances import SurfaceDistances

#: Distances are multiples of the spacing up to rounding: 3 * 0.1 must lie within a tolerance of 0.3.
_ROUNDING = 1 + 1e-9


def hd(distances: SurfaceDistances) -> float:
    """Hausdorff distance, ``max(max D1, max D2)``."""
    return float(max(distances.to_truth.max(), distances.to_prediction.max()))


def hd95(distances: SurfaceDistances) -> float:
    """95 % Hausdorff distance, ``max(P95 D1, P95 D2)``: that of MONAI and MetricsReloaded."""
    return float(max(_p95(distances)))


def hd95_mean(distances: SurfaceDistances) -> float:
    """95 % Hausdorff distance, ``(P95 D1 + P95 D2) / 2`` (Chen et al. 2023, eq 13)."""
    return float(sum(_p95(distances)) / 2)


def hd95_pooled(distances: SurfaceDistances) -> float:
    """95 % Hausdorff distance of both arrays pooled, ``P95(D1 and D2)``: that of medpy."""
    return float(np.percentile(np.concatenate((distances.to_truth, distances.to_prediction)), 95))


def asd(distances: SurfaceDistances) -> float:
    """Directed average surface distance from prediction to truth, ``mean D1``."""
    return float(distances.to_truth.mean())


def assd(distances: SurfaceDistances) -> float:
    """Average symmetric surface distance, ``mean(D1 and D2)``: the longer border weighs more."""
    total = distances.to_truth.sum() + distances.to_prediction.sum()
    return float(total / (distances.to_truth.size + distances.to_prediction.size))


def masd(distances: SurfaceDistances) -> float:
    """Mean of the two directed average surface distances (Chen et al. 2023, eq 12, there called ASD)."""
    return float((distances.to_truth.mean() + distances.to_prediction.mean()) / 2)


def nsd(distances: SurfaceDistances, tolerance: float) -> float:
    """Normalised surface Dice: share of both borders within ``tolerance`` of the other (Nikolov et al. 2018).

    Counts border pixels, as MONAI's default and MetricsReloaded do, not elements of a meshed surface.

    Args:
        distances: the pair of arrays.
        tolerance: in the unit of the distances; a distance equal to it is within.
    """
    limit = tolerance * _ROUNDING
    within = np.count_nonzero(distances.to_truth <= limit) + np.count_nonzero(distances.to_prediction <= limit)
    return float(within / (distances.to_truth.size + distances.to_prediction.size))


def _p95(distances: SurfaceDistances) -> tuple[float, float]:
    return float(np.percentile(distances.to_truth, 95)), float(np.percentile(distances.to_prediction, 95))
