"""Losses and metrics beside MONAI, segmentation-models-pytorch and torch on random input, in the plane and in space.

The names are those of the recorded oracles, so that each way of ours to a public value is written once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from monai import losses as monai
from monai import metrics
from torch import Tensor

from seggrid.metrics import measure
from tests.oracles.counterparts import FAMILIES
from tests.oracles.counterparts.base import Compute

Labels = npt.NDArray[np.uint8]

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
def label_pairs(draw: st.DrawFn) -> tuple[Labels, Labels, tuple[float, ...]]:
    """Two images of overlapping boxes with some noise, in which an object may be missing, and a spacing."""
    axes = draw(st.sampled_from([2, 3]))
    shape = draw(npst.array_shapes(min_dims=axes, max_dims=axes, min_side=2, max_side=24 if axes == 2 else 11))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    noise = draw(st.sampled_from([0.0, 0.05, 0.5]))
    images = []
    for _ in range(2):
        image = np.zeros(shape, np.uint8)
        for label in (1, 2):
            corners = np.sort(random.integers(0, np.array(shape) + 1, size=(2, axes)), axis=0)
            image[tuple(slice(*ends) for ends in corners.T)] = label
        where = random.random(shape) < noise
        image[where] = random.integers(0, 3, size=shape)[where]
        images.append(image)
    return images[0], images[1], draw(st.tuples(*[st.sampled_from([0.3, 0.7, 1.0, 2.5])] * axes))


@pytest.mark.filterwarnings("ignore:the (ground truth|prediction) of class", "ignore:monai:FutureWarning")
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(case=label_pairs())
def test_metrics_equal_those_of_monai(case: tuple[Labels, Labels, tuple[float, ...]]) -> None:
    prediction, truth, spacing = case
    p, t = (torch.from_numpy(np.stack([image == c for c in range(3)]))[None] for image in (prediction, truth))
    where = {"spacing": list(spacing)}
    # 1.01 lies on no distance between pixels of these spacings, where float32 decides by rounding.
    expected = {
        "dice": metrics.compute_dice(p, t, include_background=False),
        "iou": metrics.compute_iou(p, t, include_background=False),
        "hd": metrics.compute_hausdorff_distance(p, t, **where),
        "hd95": metrics.compute_hausdorff_distance(p, t, percentile=95, **where),
        "asd": metrics.compute_average_surface_distance(p, t, **where),
        "assd": metrics.compute_average_surface_distance(p, t, symmetric=True, **where),
        "nsd@1.01": metrics.compute_surface_dice(p, t, class_thresholds=[1.01, 1.01], **where),
    }
    for index, record in enumerate(measure(prediction, truth, (1, 2), list(expected), spacing)):
        if record.status == "ok":
            theirs = {name: float(values[0, index]) for name, values in expected.items()}
            assert record.values == pytest.approx(theirs, rel=2e-5, abs=1e-6)
