"""Class weights from class areas, on one level or two.

All functions take areas ``(..., C)`` in pixels, background first, and return weights of the same shape. An
absent class weighs 0 and is not counted: K is the number of objects present, and where the background or every
object is absent, there is one class less to share between, and one level less (our reading).
"""

from __future__ import annotations

import torch
from torch import Tensor


def one_level(areas: Tensor, gamma: float) -> Tensor:
    """Return w_c = (A / ((K+1) A_c))^gamma, the inverse areas with mean weight 1 over the pixels at gamma 1.

    K+1 is the number of classes present.

    Source: our definition of "traditional" weighted cross-entropy (LCE1).
    """
    count = (areas > 0).sum(-1, keepdim=True)
    return _present(areas, (areas.sum(-1, keepdim=True) / (count * areas)) ** gamma)


def dual_level(areas: Tensor, gamma1: float, gamma2: float) -> Tensor:
    """Return w_0 = u_bg and w_c = u_fg v_c.

    Level 1 balances the background against all objects, u_g = (A / (2 A_g))^gamma1; level 2 balances the
    objects among themselves, v_c = (A_fg / (K A_c))^gamma2. At gamma1 = gamma2 = 1 the mean weight over the
    pixels is 1 and the background carries half of the total weight, each object an equal share of the other
    half. Where only one of the two groups is present there is nothing to balance: u_g = 1.

    Source: our reading of Wang et al. 2026 (doi 10.3389/fmed.2026.1768134), whose abstract names two levels
    of weights from the areas of multiple objects and gives no formula.
    """
    foreground = areas[..., 1:].sum(-1, keepdim=True)
    total = areas.sum(-1, keepdim=True)
    groups = torch.cat([areas[..., :1], foreground], dim=-1)
    background, level1 = (total / ((groups > 0).sum(-1, keepdim=True) * groups)).pow(gamma1).split(1, dim=-1)
    level2 = (foreground / (_objects_present(areas) * areas[..., 1:])) ** gamma2
    return _present(areas, torch.cat([background, level1 * level2], dim=-1))


def complement(areas: Tensor) -> Tensor:
    """Return the bounded variant w_0 = A_fg/A, w_c = (A_0/A) (A_fg - A_c) / ((K-1) A_fg); K = 1: w_1 = A_0/A.

    Source: our second reading of Wang et al. 2026. All weights lie in 0 to 1. Where only one
    class is present all weights are 0.
    """
    foreground = areas[..., 1:].sum(-1, keepdim=True)
    total = areas.sum(-1, keepdim=True)
    others = _objects_present(areas) - 1
    shares = (foreground - areas[..., 1:]) / (others * foreground)
    level2 = torch.where(others > 0, shares, torch.ones_like(shares))
    return _present(areas, torch.cat([foreground, areas[..., :1] * level2], dim=-1) / total)


def _objects_present(areas: Tensor) -> Tensor:
    return (areas[..., 1:] > 0).sum(-1, keepdim=True)


def _present(areas: Tensor, weights: Tensor) -> Tensor:
    return torch.where(areas > 0, weights, torch.zeros_like(weights))
