"""Losses that read maps or neighbourhoods."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from seggrid.losses import Loss, maps
from seggrid.losses.base import Batch
from seggrid.losses.boundary import Boundary
from seggrid.losses.distance_fields import DistanceFields
from seggrid.losses.fuzzy_rough import FuzzyRough, FuzzyRoughDual
from seggrid.losses.hausdorff import HausdorffDT, HausdorffER
from seggrid.losses.region_wise import RegionWise
from tests.oracles.counterparts.base import FLOAT32, Compute, Counterpart

FIELDS = ("distance_field", "predicted_distance_field")


def run(loss: type[Loss], *reads: str, by_scipy: bool = True, **parameters: Any) -> Compute:
    """Our loss with the maps that it reads, with ``by_scipy`` those of scipy for a class that fills its image."""

    def compute(logits: Tensor, target: Tensor) -> Tensor:
        classes = logits.shape[1]
        p = logits.detach().softmax(1)
        given = maps.compute(reads, target, classes, probabilities=p)
        for name in reads if by_scipy else ():
            fill_as_scipy(name, given[name], maps.predicted_labels(p) if name.startswith("predicted") else target)
        return loss(classes, **parameters)(logits, target, given)

    return compute


def fill_as_scipy(name: str, given: Tensor, labels: Tensor) -> None:
    """Write scipy's distances into the channel of a class that fills its image: to a pixel that does not exist."""
    distance = to_a_pixel_outside(labels)
    filling = {"signed_distance": 1 - distance, "rectified": -distance / distance.max()}.get(name, distance)
    for c in range(0 if name == "rectified" else 1, given.shape[1]):
        given[(labels == c).flatten(1).all(1), c] = filling


def to_a_pixel_outside(labels: Tensor) -> Tensor:
    return torch.from_numpy(ndimage.distance_transform_edt(np.ones(labels.shape[1:]))).float()


def of_class(c: int, compute: Compute) -> Compute:
    """The same for class ``c`` alone: two classes, the first of which joins all others."""

    def alone(logits: Tensor, target: Tensor) -> Tensor:
        others = [other for other in range(logits.shape[1]) if other != c]
        two = torch.stack([logits[:, others].logsumexp(1), logits[:, c]], 1)
        return compute(two, (target == c).long())

    return alone


def with_background(compute: Compute) -> Compute:
    """The mean over all classes, from the mean over the objects and that of the background."""

    def everything(logits: Tensor, target: Tensor) -> Tensor:
        classes = logits.shape[1]
        return ((classes - 1) * compute(logits, target) + of_class(0, compute)(logits, target)) / classes

    return everything


def hausdorff_inside(logits: Tensor, target: Tensor) -> Tensor:
    """Our loss as LIVIAETS weighs it: by the distances inside of the objects, those of the arg max in whole pixels.

    It also rounds the probabilities to float32.
    """

    def inside(labels: Tensor) -> Tensor:
        depth = DistanceFields(labels, logits.shape[1]).depth.unsqueeze(1)
        depth = torch.where(depth > 0, depth, to_a_pixel_outside(labels))
        field = depth.new_zeros(logits.shape).scatter_(1, labels.unsqueeze(1), depth)
        field[:, 0] = 0
        return field

    fields = (inside(target), inside(logits.argmax(1)).floor())
    batch = Batch(logits, target, dict(zip(FIELDS, fields, strict=True)))
    batch.probabilities = logits.detach().softmax(1).float().to(logits.dtype)
    return HausdorffDT(logits.shape[1]).value(batch)


def fuzzy_rough(loss: type[FuzzyRough], *reads: str, **parameters: Any) -> Compute:
    """Our loss of class 1, divided by the number of terms that are not 0, which may be none."""
    compute = of_class(1, run(loss, *reads, **parameters))

    def divided(logits: Tensor, target: Tensor) -> Tensor:
        p, given = logits.detach().softmax(1)[:, 1], (target == 1).long()
        fields = maps.compute(reads, given, 2, probabilities=torch.stack([1 - p, p], 1))
        counted = sum(fields.values())[:, 1] > 0
        exact = p == given
        return compute(logits, target) * (counted.sum() / (counted & ~exact).sum())

    return divided


boundary = run(Boundary, "signed_distance")
hausdorff = run(HausdorffDT, *FIELDS, by_scipy=False)

COUNTERPARTS = {
    "boundary_fg@liviaets": Counterpart(boundary, FLOAT32),
    "boundary_fg@segloss": Counterpart(boundary, FLOAT32),
    "boundary_all@liviaets": Counterpart(with_background(boundary), FLOAT32),
    "rrw@rwl": Counterpart(run(RegionWise, "rectified"), FLOAT32),
    "hddt_a2@monai": Counterpart(hausdorff, FLOAT32),
    "hddt_a2_bg@monai": Counterpart(with_background(hausdorff), FLOAT32),
    "hd_dt_a2_c1@patryg99": Counterpart(of_class(1, run(HausdorffDT, *FIELDS)), FLOAT32),
    "hd_dt_a2_fg@liviaets": Counterpart(hausdorff_inside, FLOAT32),
    "hd_er_a2_k10_c1@patryg99": Counterpart(of_class(1, run(HausdorffER, renormalise=True)), FLOAT32, axes=(2,)),
    "fuzzyrough_a1_c1@fuzzyrough": Counterpart(fuzzy_rough(FuzzyRough, FIELDS[0]), FLOAT32),
    "fuzzyrough_a100_c1@fuzzyrough": Counterpart(fuzzy_rough(FuzzyRough, FIELDS[0], alpha=100.0), FLOAT32),
    "fuzzyroughdual_a1_c1@fuzzyroughdual": Counterpart(fuzzy_rough(FuzzyRoughDual, *FIELDS), FLOAT32),
}
DEFINED_OTHERWISE = {
    "boundary_rwl@rwl": "-d inside instead of -(d-1), and the outer map of the class before for an absent one",
    "*@activecontour": "the length there joins two difference images at different places, each cropped by two pixels",
    "hd_er_a2_k10_c1@patryg99": "in 3-D its kernel of 1/7 lies in the plane: slices are eroded apart, by 5/7 of a mean",
}
