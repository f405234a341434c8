"""Losses and metrics beside MONAI, segmentation-models-pytorch and torch on random input, in the plane and in space.

The names are those of the recorded oracles, so that each way of ours to a public value is written once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monai import losses as monai
from monai import metrics
from torch import Tensor

from seggrid.metrics import measure
from tests.oracles.counterparts import FAMILIES
from tests.oracles.counterparts.base import Compute

COUNTERPARTS = {name: found for family in FAMILIES for name, found in family.COUNTERPARTS.items()}


def by_monai(loss: Callable[..., torch.nn.Module], **settings: object) -> Compute:
    """A loss of MONAI, on one-hot labels in the type of the logits: its own are float32."""
    return lambda x, y: loss(**settings)(x, F.one_hot(y, x.shape[1]).movedim(-1, 1).to(x.dtype))


def by_smp(loss: Callable[..., torch.nn.Module], **settings: object) -> Compute:
    """A loss of smp."""
    return lambda x, y: loss("multiclass", **settings)(x, y)


def weights(x: Tensor) -> Tensor:
    return torch.arange(1, x.shape[1] + 1, dtype=x.dtype)


PUBLIC: dict[str, Compute] = {
    "ce@torch": F.cross_entropy,
    "wce_1toC@torch": lambda x, y: F.cross_entropy(x, y, weights(x)),
    "dice@monai": by_monai(monai.DiceLoss, softmax=True),
    "dice_nobg@monai": by_monai(monai.DiceLoss, softmax=True, include_background=False),
    "dice_batch@monai": by_monai(monai.DiceLoss, softmax=True, batch=True),
    "dice_squared@monai": by_monai(monai.DiceLoss, softmax=True, squared_pred=True, smooth_nr=1e-7, smooth_dr=1e-7),
    "jaccard@monai": by_monai(monai.DiceLoss, softmax=True, jaccard=True),
    "tversky_a.3_b.7@monai": by_monai(monai.TverskyLoss, softmax=True, alpha=0.3, beta=0.7),
    "gdl_square@monai": by_monai(monai.GeneralizedDiceLoss, softmax=True),
    "gdl_simple@monai": by_monai(monai.GeneralizedDiceLoss, softmax=True, w_type="simple"),
    "focal_softmax_g2@monai": by_monai(monai.FocalLoss, use_softmax=True, gamma=2.0),
    "hddt_a2@monai": by_monai(monai.HausdorffDTLoss, softmax=True, alpha=2.0),
    "dice@smp": by_smp(smp.losses.DiceLoss),
    "jaccard@smp": by_smp(smp.losses.JaccardLoss),
    "tversky_a.3_b.7@smp": by_smp(smp.losses.TverskyLoss, alpha=0.3, beta=0.7),
    "focal_g2@smp": by_smp(smp.losses.FocalLoss),
}


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Logits in float64 and labels of random shape; classes may be absent, none fills an image."""
    shape = tuple(draw(st.lists(st.integers(5, 12), min_size=2, max_size=3)))
    images, classes = draw(st.integers(1, 3)), draw(st.integers(2, 6))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    logits = random.normal(0, draw(st.sampled_from([0.3, 2.0, 6.0])), (images, classes, *shape))
    labels = random.integers(0, draw(st.integers(2, classes)), (images, *shape))
    labels[:, 0], labels[:, 1] = 0, 1
    return torch.from_numpy(logits).requires_grad_(), torch.from_numpy(labels)


@pytest.mark.parametrize("name", PUBLIC)
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(batch=batches())
def test_ours_equals_the_public_loss(name: str, batch: tuple[Tensor, Tensor]) -> None:
    logits, target = batch
    counterpart = COUNTERPARTS[name]
    if target.ndim - 1 not in counterpart.axes:
        return
    values, gradients = [], []
    for compute in (counterpart.compute, PUBLIC[name]):
        value = compute(logits, target)
        values.append(value.detach().double())
        gradients.append(torch.autograd.grad(value, logits)[0])
    tolerance = max(counterpart.tolerance, 1e-9)
    torch.testing.assert_close(values[0], values[1], rtol=tolerance, atol=tolerance)
    scale = float(gradients[1].abs().max())
    torch.testing.assert_close(gradients[0], gradients[1], rtol=tolerance, atol=tolerance * scale + 1e-15)


@st.composite
def masks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """A prediction and a truth of two objects, both present in both, and a spacing."""
    shape = tuple(draw(st.lists(st.integers(6, 16), min_size=2, max_size=3)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = draw(st.sampled_from([0.05, 0.4]))
    images = [np.where(random.random(shape) < share, random.integers(1, 3, shape), 0).astype(np.uint8) for _ in "pt"]
    for image in images:
        image[(0,) * len(shape)], image[(-1,) * len(shape)] = 1, 2
    spacing = tuple(draw(st.sampled_from([0.5, 1.0, 2.5])) for _ in shape)
    return images[0], images[1], spacing


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(case=masks())
def test_metrics_equal_those_of_monai(case: tuple[np.ndarray, np.ndarray, tuple[float, ...]]) -> None:
    prediction, truth, spacing = case
    p, t = (torch.from_numpy(np.stack([image == c for c in range(3)]))[None] for image in (prediction, truth))
    where = {"spacing": list(spacing)}
    expected = {
        "dice": metrics.compute_dice(p, t, include_background=False),
        "iou": metrics.compute_iou(p, t, include_background=False),
        "hd": metrics.compute_hausdorff_distance(p, t, **where),
        "hd95": metrics.compute_hausdorff_distance(p, t, percentile=95, **where),
        "asd": metrics.compute_average_surface_distance(p, t, **where),
        "assd": metrics.compute_average_surface_distance(p, t, symmetric=True, **where),
        "nsd@1": metrics.compute_surface_dice(p, t, class_thresholds=[1.0, 1.0], **where),
    }
    found = measure(prediction, truth, (1, 2), list(expected), spacing)
    for name, values in expected.items():
        ours = [record.values[name] for record in found]
        np.testing.assert_allclose(ours, values[0].numpy(), rtol=2e-5, atol=1e-6, err_msg=name)
