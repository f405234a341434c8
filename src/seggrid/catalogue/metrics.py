"""The metrics of one case and class."""

from __future__ import annotations

from seggrid.catalogue.rows import MetricRow, Parameter

METRICS: dict[str, MetricRow] = {
    "iou": MetricRow(
        "seggrid.metrics.overlap:iou", "intersection over union, TP / (TP + FP + FN)", references=("crum2006",)
    ),
    "dice": MetricRow(
        "seggrid.metrics.overlap:dice", "Dice coefficient, 2 TP / (2 TP + FP + FN)", references=("crum2006",)
    ),
    "precision": MetricRow("seggrid.metrics.overlap:precision", "TP / (TP + FP)"),
    "recall": MetricRow("seggrid.metrics.overlap:recall", "TP / (TP + FN)"),
    "specificity": MetricRow("seggrid.metrics.overlap:specificity", "TN / (TN + FP)"),
    "accuracy": MetricRow("seggrid.metrics.overlap:accuracy", "(TP + TN) / all"),
    "volume_bias": MetricRow("seggrid.metrics.overlap:volume_bias", "(FP - FN) / (TP + FN)", better="zero"),
    "detected": MetricRow("seggrid.metrics.overlap:detected", "1 where any of the object is found, else 0"),
    "hd": MetricRow(
        "seggrid.metrics.boundary:hd", "Hausdorff distance", kind="distances", better="lower", unit="length"
    ),
    "hd95": MetricRow(
        "seggrid.metrics.boundary:hd95",
        "larger of the two directed 95th percentiles",
        references=("maierhein2024",),
        kind="distances",
        better="lower",
        unit="length",
    ),
    "hd95_pooled": MetricRow(
        "seggrid.metrics.boundary:hd95_pooled",
        "95th percentile of both directed distances together",
        kind="distances",
        better="lower",
        unit="length",
    ),
    "hd95_mean": MetricRow(
        "seggrid.metrics.boundary:hd95_mean",
        "mean of the two directed 95th percentiles (Chen et al. 2023, eq 13)",
        references=("chen2023",),
        kind="distances",
        better="lower",
        unit="length",
    ),
    "asd": MetricRow(
        "seggrid.metrics.boundary:asd",
        "mean distance from the predicted to the true surface",
        kind="distances",
        better="lower",
        unit="length",
    ),
    "assd": MetricRow(
        "seggrid.metrics.boundary:assd",
        "mean of both directed distances together",
        kind="distances",
        better="lower",
        unit="length",
    ),
    "masd": MetricRow(
        "seggrid.metrics.boundary:masd",
        "mean of the two directed means (Chen et al. 2023, eq 12)",
        references=("chen2023",),
        kind="distances",
        better="lower",
        unit="length",
    ),
    "nsd": MetricRow(
        "seggrid.metrics.boundary:nsd",
        "share of both surfaces within a tolerance (surface Dice), written nsd@2",
        parameters={"tolerance": Parameter(2.0, "in mm, in px without spacing", 0, 1e6)},
        references=("nikolov2021",),
        kind="distances",
    ),
}
