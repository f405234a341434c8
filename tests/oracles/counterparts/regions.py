"""Region-specific losses, their weights, and the public averages over regions."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from seggrid.losses.base import Batch
from seggrid.losses.region_specific import AdaptiveRegionSpecific, RegionLoss, RegionSpecific
from seggrid.losses.region_sums import region_errors
from tests.oracles.counterparts.base import Compute, Counterpart

GRIDS = (2, 4, 16)


def pairs(kind: type[RegionLoss], regions: int, **parameters: Any) -> Compute:
    """Our losses (N, C, *grid) of all pairs, also of those without truth."""
    return lambda x, y: kind(x.shape[1], regions=regions, **parameters).pairs(Batch(x, y))[0]


def summed(kind: type[RegionLoss], **parameters: Any) -> Compute:
    """Their sum over classes and 4 sub-regions along each axis, mean over the images."""
    compute = pairs(kind, 4, **parameters)
    return lambda x, y: compute(x, y).sum() / len(x)


def present(regions: int) -> Compute:
    return lambda x, y: RegionSpecific(x.shape[1], regions=regions).pairs(Batch(x, y))[1] > 0


def weight(which: int, regions: int) -> Compute:
    """Our alpha (0) or beta (1)."""

    def compute(logits: Tensor, target: Tensor) -> Tensor:
        errors = region_errors(logits, logits.detach().softmax(1), target, regions)
        return AdaptiveRegionSpecific(logits.shape[1]).weights(errors.errors, errors.missed)[which]

    return compute


def averaged(regions: int, pooled: bool = False, objects_only: bool = False) -> Compute:
    """Our losses as the public code averages them: in each region, and over all pairs, also those without truth.

    An average inside multiplies epsilon by the size of the region, and the gradient flows through alpha and beta.
    ``pooled`` joins the regions of all images of the batch.
    """

    def compute(logits: Tensor, target: Tensor) -> Tensor:
        logits, target = repeat_overlap(logits, target, regions)
        size = math.prod(side // regions for side in target.shape[1:])
        if pooled:  # one image, in which the rows of a region come from every image
            logits = logits.unflatten(2, (regions, -1)).movedim(0, 2).flatten(1, 3).unsqueeze(0)
            target = target.unflatten(1, (regions, -1)).movedim(0, 1).flatten(0, 2).unsqueeze(0)
        loss = pairs(AdaptiveRegionSpecific, regions, smooth=1e-5 * size, detach_weights=False)
        return loss(logits, target)[:, 1 if objects_only else 0 :].mean()

    return compute


def repeat_overlap(logits: Tensor, target: Tensor, regions: int) -> tuple[Tensor, Tensor]:
    """Repeat the pixels that the adaptive average pooling of torch counts in two regions, where no side divides."""
    for axis, side in enumerate(target.shape[1:]):
        bins = [range(i * side // regions, -(-(i + 1) * side // regions)) for i in range(regions)]
        assert len({len(pixels) for pixels in bins}) == 1
        order = torch.tensor([pixel for pixels in bins for pixel in pixels])
        logits, target = logits.index_select(axis + 2, order), target.index_select(axis + 1, order)
    return logits, target


COUNTERPARTS = {
    **{f"rs_eq4_K{k}@transcription": Counterpart(pairs(RegionSpecific, k)) for k in GRIDS},
    **{f"rs_eq4_K{k}@monai_blocks": Counterpart(pairs(RegionSpecific, k)) for k in GRIDS[:2]},
    **{f"rs_present_K{k}@transcription": Counterpart(present(k)) for k in GRIDS},
    **{f"ars_eq6_K{k}@transcription": Counterpart(pairs(AdaptiveRegionSpecific, k)) for k in GRIDS},
    **{f"ars_eq6_K{k}@monai_blocks": Counterpart(pairs(AdaptiveRegionSpecific, k)) for k in GRIDS[:2]},
    **{f"ars_alpha_K{k}@transcription": Counterpart(weight(0, k)) for k in GRIDS},
    **{f"ars_beta_K{k}@transcription": Counterpart(weight(1, k)) for k in GRIDS},
    "rs_eq4_K4_sum@monai_blocks": Counterpart(summed(RegionSpecific)),
    "ars_eq6_K4_sum_alpha_constant@monai_blocks": Counterpart(summed(AdaptiveRegionSpecific)),
    "ars_eq6_K4_sum_alpha_attached@transcription": Counterpart(summed(AdaptiveRegionSpecific, detach_weights=False)),
    **{f"arsl_adaptiveavg_K{k}_batch0@wltyby": Counterpart(averaged(k)) for k in GRIDS},
    **{f"arsl_adaptiveavg_K{k}_batch1@wltyby": Counterpart(averaged(k, pooled=True)) for k in GRIDS},
    **{f"arsl_adaptiveavg_K{k}_fg@mambaclinix": Counterpart(averaged(k, objects_only=True)) for k in GRIDS},
    **{f"arsl_avgpool_K{k}@wltyby_pool": Counterpart(averaged(k)) for k in GRIDS},
    **{f"arsl_avgpool_K{k}@pymic": Counterpart(averaged(k)) for k in GRIDS},
}
DEFINED_OTHERWISE: dict[str, str] = {}
