"""Maps that losses read: of the truth, and of the mask that a network predicts at the moment.

The mixture computes each once a batch, on the augmented label and on the probabilities, without gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from seggrid.losses.distance_fields import DistanceFields


class Map(NamedTuple):
    """How a map is made: by a function from distances to (N, C, *S) float32, of the truth or of the prediction."""

    make: Callable[[DistanceFields], Tensor]
    of: Literal["truth", "prediction"] = "truth"


def signed_distance(fields: DistanceFields) -> Tensor:
    """Return the level-set map of each object: d outside it, -(d-1) inside.

    An object without a boundary in the image, because it is absent or fills the image, gets 0 everywhere, and so
    does the background channel, which no loss reads.

    Source: Kervadec et al. 2019, eq 5, with the inner -1 of its public code, which puts 0 on the object's rim.
    """
    return fields.signed


def rectified(fields: DistanceFields) -> Tensor:
    """Return the rectified region-wise map of each class, background included: -d / max d inside, 1 outside.

    The maximum is that of the class in its image. An absent class gets 1 everywhere, one that fills the image -1.

    Source: Valverde & Tohka (Region-wise loss for biomedical image segmentation), rectified map.
    """
    labels, depth = fields.labels.unsqueeze(1), fields.depth.unsqueeze(1)
    shape = (len(labels), fields.num_classes, *fields.labels.shape[1:])
    deepest = depth.new_zeros(shape[:2]).scatter_reduce_(1, labels.flatten(1), depth.flatten(1), "amax")
    at_own = deepest.gather(1, labels.flatten(1)).view_as(depth)
    inside = torch.where(at_own > 0, depth / at_own.clamp_min(1), torch.ones_like(depth))
    return depth.new_ones(shape).scatter_(1, labels, inside.neg_())


def active_contour(fields: DistanceFields) -> Tensor:
    """Return 1 outside of each object and -1 inside, with an absent object as with any other; 0 for the background.

    Source: Chen et al. 2019, the slope of the region term by the probability.
    """
    labels = fields.labels.unsqueeze(1)
    shape = (len(labels), fields.num_classes, *fields.labels.shape[1:])
    region = torch.ones(shape, device=labels.device).scatter_(1, labels, -1)
    region[:, 0] = 0
    return region


def distance_field(fields: DistanceFields) -> Tensor:
    """Return the distance of every pixel to the border of each object, at least 1, from either side.

    An object without a boundary in the image gets 0 everywhere, and so does the background.

    Source: Karimi & Salcudean 2019, eq 7 and 8: the sum of the distance transforms of the object and its complement.
    """
    signed = fields.signed
    field = torch.where(signed > 0, signed, 1 - signed)
    bounded = signed.flatten(2).amax(2) > 0  # outside of an object that has an outside, d is at least 1
    return field.mul_(bounded.view(*bounded.shape, *(1 for _ in signed.shape[2:])))


MAPS: dict[str, Map] = {
    "signed_distance": Map(signed_distance),
    "rectified": Map(rectified),
    "active_contour": Map(active_contour),
    "distance_field": Map(distance_field),
    "predicted_distance_field": Map(distance_field, of="prediction"),
}


def compute(
    names: Iterable[str],
    target: Tensor,
    num_classes: int,
    spacing: Sequence[float] | None = None,
    probabilities: Tensor | None = None,
) -> dict[str, Tensor]:
    """Return the named maps, each (N, C, *S) float32 on the target's device.

    Args:
        names: of ``MAPS``.
        target: (N, *S) int64, labels 0 to C-1.
        num_classes: C, background included.
        spacing: one positive number per axis of S, in any unit; None where isotropic.
        probabilities: (N, C, *S); needed by the maps of the prediction.

    Raises:
        ValueError: the spacing has another number of axes, or probabilities are needed and missing.
    """
    with torch.no_grad():
        fields = {"truth": DistanceFields(target, num_classes, spacing)}
        found = {}
        for name in names:
            of = MAPS[name].of
            if of not in fields:
                if probabilities is None:
                    raise ValueError(f"the map {name!r} is made of the prediction; give the probabilities")
                fields[of] = DistanceFields(predicted_labels(probabilities), num_classes, spacing)
            found[name] = MAPS[name].make(fields[of])
        return found


def read_prediction(names: Iterable[str]) -> bool:
    """Whether any of the maps is made of the prediction."""
    return any(MAPS[name].of == "prediction" for name in names)


def predicted_labels(probabilities: Tensor) -> Tensor:
    """Return the class (N, *S) whose probability exceeds one half, C where there is none."""
    num_classes = probabilities.shape[1]
    labels = torch.full_like(probabilities[:, 0], num_classes, dtype=torch.int64)
    for c in range(num_classes):  # several times faster on a CPU than the maximum over the classes
        labels.masked_fill_(probabilities[:, c] > 0.5, c)
    return labels
