"""The losses that others offer, and the ways in which a loss is usually written where no library has it.

Every function takes logits (N, C, H, W) and labels (N, H, W) and returns a scalar, which is that of our loss with the
same parameters where every class is present; ``benchmarks/losses.py`` checks it. The losses of MONAI and of smp are
taken as they are; what is written here follows the public code in what it does to the pixels, not in its words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F
from monai import losses as monai
from scipy import ndimage
from torch import Tensor

from seggrid.losses.class_weights import dual_level, one_level

Public = Callable[[Tensor, Tensor], Tensor]
#: The mixture of the paper.
PAPER = "0.50*dual_level_ce + 0.25*dice + 0.25*boundary"
#: Added to averages over sub-regions: 1e-7 to the sum over the 256 pixels of one.
TINY = 1e-7 / 256
#: Without what MONAI adds to the weighted sums, which are as small.
GENERALISED: dict[str, object] = {"softmax": True, "smooth_nr": 0.0, "smooth_dr": 0.0}


def by_monai(loss: Callable[..., torch.nn.Module], **settings: object) -> Public:
    """A loss of MONAI, on labels that it turns to one-hot form."""
    built = loss(to_onehot_y=True, **settings)
    return lambda x, y: built(x, y.unsqueeze(1))


def by_smp(loss: Callable[..., torch.nn.Module], **settings: object) -> Public:
    """A loss of smp."""
    built = loss("multiclass", **settings)
    return lambda x, y: built(x, y)


def one_hot(target: Tensor, classes: int) -> Tensor:
    """Truth (N, C, H, W) as float32."""
    return F.one_hot(target, classes).movedim(-1, 1).float()


def times(factor: float, loss: Public) -> Public:
    """A multiple of a loss."""
    return lambda x, y: factor * loss(x, y)


def mean_power(losses: Public, exponent: float = 0.75) -> Public:
    """Mean of a power of several losses."""
    return lambda x, y: losses(x, y).pow(exponent).mean()


def cross_entropy(weights: Tensor) -> Public:
    """torch's, with weights that are known beforehand."""
    known = weights.float()
    return lambda x, y: F.cross_entropy(x, y, known)


def batch_weighted_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """torch's, with weights by inverse area in the batch."""
    areas = torch.bincount(target.flatten(), minlength=logits.shape[1]).float()
    return F.cross_entropy(logits, target, areas.sum() / (len(areas) * areas))


def image_weighted_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """torch's by pixel, with weights on two levels by the areas in each image."""
    images, classes = logits.shape[:2]
    labels = (target + classes * torch.arange(images).view(-1, 1, 1)).flatten()
    areas = torch.bincount(labels, minlength=images * classes).float().view(images, classes)
    total, objects = areas.sum(1, keepdim=True), areas[:, 1:].sum(1, keepdim=True)
    on_objects = total / (2 * objects) * objects / ((classes - 1) * areas[:, 1:])
    weights = torch.cat([total / (2 * areas[:, :1]), on_objects], 1).flatten()[labels]
    by_pixel = F.cross_entropy(logits, target, reduction="none").flatten()
    return (weights * by_pixel).sum() / weights.sum()


def top_10_percent(logits: Tensor, target: Tensor) -> Tensor:
    """Mean of the largest tenth of all pixels' cross-entropies."""
    by_pixel = F.cross_entropy(logits, target, reduction="none").flatten()
    return by_pixel.topk(by_pixel.numel() // 10, sorted=False).values.mean()


def one_vs_rest(logits: Tensor, target: Tensor) -> Tensor:
    """torch's binary cross-entropy of every channel."""
    return F.binary_cross_entropy_with_logits(logits, one_hot(target, logits.shape[1]))


def objects_vs_rest(logits: Tensor, target: Tensor) -> Tensor:
    """torch's binary cross-entropy of the softmax of each object."""
    classes = logits.shape[1]
    return F.binary_cross_entropy(logits.softmax(1)[:, 1:], one_hot(target, classes)[:, 1:])


def sensitivity_specificity(logits: Tensor, target: Tensor, share: float = 0.05) -> Tensor:
    """Squared errors inside and outside of each object, each over its own pixels."""
    p, g = logits.softmax(1)[:, 1:].flatten(2), one_hot(target, logits.shape[1])[:, 1:].flatten(2)
    errors = (p - g).square()
    inside = (errors * g).sum(2) / (g.sum(2) + 1e-5)
    outside = (errors * (1 - g)).sum(2) / ((1 - g).sum(2) + 1e-5)
    return (share * inside + (1 - share) * outside).mean()


def focal_generalised_dice_and_bce(logits: Tensor, target: Tensor) -> Tensor:
    """MONAI's generalised Dice of each image to a power, and torch's binary cross-entropy."""
    overlap = mean_power(by_monai(monai.GeneralizedDiceLoss, reduction="none", **GENERALISED))
    return overlap(logits, target) + objects_vs_rest(logits, target)


def boundary(logits: Tensor, target: Tensor) -> Tensor:
    """Softmax times SciPy's signed distances, objects only."""
    return (logits.softmax(1) * scipy_signed_distance(target, logits.shape[1]))[:, 1:].mean()


def with_map(signed_distance: Tensor) -> Public:
    """Softmax times a map that is at hand."""
    return lambda x, _: (x.softmax(1) * signed_distance)[:, 1:].mean()


def separate_terms(areas: Tensor) -> Public:
    """The mixture of the paper, each term on its own."""
    weighted = cross_entropy(dual_level(areas, 1.0, 1.0))
    dice = by_monai(monai.DiceLoss, softmax=True, include_background=False)
    return lambda x, y: 0.5 * weighted(x, y) + 0.25 * dice(x, y) + 0.25 * boundary(x, y)


def rectified_region_wise(logits: Tensor, target: Tensor) -> Tensor:
    """Softmax times the rectified map by SciPy."""
    return (logits.softmax(1) * scipy_rectified(target, logits.shape[1])).mean()


def scipy_signed_distance(target: Tensor, classes: int) -> Tensor:
    """Level-set map, two transforms an object."""
    maps = np.zeros((len(target), classes, *target.shape[1:]), np.float32)
    for image, channels in zip(target.numpy(), maps, strict=True):
        for c in range(1, classes):
            inside = image == c
            if inside.any():
                inner = ndimage.distance_transform_edt(inside)
                channels[c] = np.where(inside, 1 - inner, ndimage.distance_transform_edt(~inside))
    return torch.from_numpy(maps)


def scipy_rectified(target: Tensor, classes: int) -> Tensor:
    """Rectified region-wise map, one transform a class."""
    maps = np.ones((len(target), classes, *target.shape[1:]), np.float32)
    for image, channels in zip(target.numpy(), maps, strict=True):
        for c in range(classes):
            inside = image == c
            if inside.any():
                depth = ndimage.distance_transform_edt(inside)
                channels[c] = np.where(inside, -depth / depth.max(), 1)
    return torch.from_numpy(maps)


def monai_distance_field(target: Tensor, classes: int) -> Tensor:
    """Field of MONAI's Hausdorff loss: two transforms an object, of SciPy."""
    masks, transform = one_hot(target, classes), monai.HausdorffDTLoss()
    fields = [transform.distance_field(masks[:, c : c + 1]) for c in range(1, classes)]
    return torch.cat([torch.zeros_like(fields[0]), *fields], 1)


def active_contour(logits: Tensor, target: Tensor) -> Tensor:
    """Length of the contour by differences of neighbours, and squared errors inside and outside."""
    p, g = logits.softmax(1)[:, 1:], one_hot(target, logits.shape[1])[:, 1:]
    down = F.pad(p[..., 1:, :] - p[..., :-1, :], (0, 0, 0, 1))
    right = F.pad(p[..., :, 1:] - p[..., :, :-1], (0, 1))
    length = (down.square() + right.square() + 1e-8).sqrt().mean()
    return length + (p * (g - 1).square()).mean() + ((1 - p) * g.square()).mean()


def hausdorff_by_erosion(logits: Tensor, target: Tensor) -> Tensor:
    """Ten erosions, each a convolution with a cross."""
    p, g = logits.softmax(1)[:, 1:], one_hot(target, logits.shape[1])[:, 1:]
    cross = torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]]) / 5
    kernel = cross[None, None].repeat(p.shape[1], 1, 1, 1)
    eroded, total = (p - g).square(), torch.zeros(())
    for k in range(1, 11):
        eroded = 2 * (F.conv2d(eroded, kernel, padding=1, groups=p.shape[1]) - 0.5).relu()
        total = total + k**2 * eroded.mean()
    return total


def hausdorff_by_convolution(logits: Tensor, target: Tensor) -> Tensor:
    """Six radii, each a convolution with a disc."""
    p, g = logits.softmax(1)[:, 1:], one_hot(target, logits.shape[1])[:, 1:]
    error, total = (p - g).square(), torch.zeros(())
    for radius in range(3, 19, 3):
        kernel, pixels = discs(radius, p.shape[2], p.shape[3])
        kernel = kernel.repeat(p.shape[1], 1, 1, 1)
        of_p, of_g = (F.conv2d(mask, kernel, padding=radius, groups=p.shape[1]) / pixels for mask in (p, g))
        wrong = error * p * ((1 - 2 * of_g).relu() + (2 * of_p - 1).relu())
        missed = error * g * ((2 * of_g - 1).relu() + (1 - 2 * of_p).relu())
        total = total + radius**2 * (wrong + missed).mean()
    return total


@cache
def discs(radius: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """A disc as a kernel, and how many of its pixels lie in the image wherever its centre is."""
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    kernel = torch.from_numpy((rows**2 + columns**2 <= radius**2).astype(np.float32))[None, None]
    return kernel, F.conv2d(torch.ones(1, 1, height, width), kernel, padding=radius)


def fuzzy_rough(logits: Tensor, target: Tensor, dual: bool = False) -> Tensor:
    """Squared errors weighted by SciPy's distances of the truth, ``dual``: and of the prediction."""
    p, g = logits.softmax(1)[:, 1:], one_hot(target, logits.shape[1])[:, 1:]
    weights = _near(g.numpy() > 0.5)
    if dual:
        weights = weights + _near(p.detach().numpy() > 0.5)
    terms = (p - g).square() * torch.from_numpy(weights)
    return terms.sum() / terms.count_nonzero()


def _near(masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    field = np.zeros(masks.shape, np.float32)
    for out, mask in zip(field.reshape(-1, *masks.shape[2:]), masks.reshape(-1, *masks.shape[2:]), strict=True):
        if mask.any():
            out[...] = ndimage.distance_transform_edt(mask) + ndimage.distance_transform_edt(~mask)
    return 1 - np.exp(-np.square(field))


def region_specific(logits: Tensor, target: Tensor, regions: int = 16) -> Tensor:
    """Squared Dice of the averages over equal sub-regions, of those that hold truth."""
    p, g = logits.softmax(1), one_hot(target, logits.shape[1])
    common, volumes, areas = (F.adaptive_avg_pool2d(each, regions) for each in (p * g, p.square(), g))
    losses = 1 - (2 * common + TINY) / (volumes + areas + TINY)
    return losses[areas > 0].mean()


def adaptive_region_specific(logits: Tensor, target: Tensor, regions: int = 16) -> Tensor:
    """Tversky index of the averages over equal sub-regions that hold truth, weighted by their errors."""
    p, g = logits.softmax(1), one_hot(target, logits.shape[1])
    common, over, under, areas = (F.adaptive_avg_pool2d(each, regions) for each in (p * g, p * (1 - g), (1 - p) * g, g))
    total = (over + under + TINY).detach()
    alpha, beta = (0.3 + 0.4 * (errors.detach() + TINY) / total for errors in (over, under))
    losses = 1 - (common + TINY) / (common + alpha * over + beta * under + TINY)
    return losses[areas > 0].mean()


def peers(areas: Tensor) -> dict[str, dict[str, Public]]:
    """Return expression of ours -> who offers the same, and what it is. Several where several are public.

    Args:
        areas: (C,) pixels of each class in the training cases; a weight that follows from them is made here, before
            anything is timed, for the peers as for ours.
    """
    objects: dict[str, object] = {"softmax": True, "include_background": False}
    everything: dict[str, object] = {"softmax": True, "batch": True}
    error_weights = {"alpha": 0.3, "beta": 0.7}
    return {
        "ce": {"torch cross_entropy": F.cross_entropy},
        "weighted_ce": {"torch cross_entropy(weight)": cross_entropy(one_level(areas, 1.0))},
        "weighted_ce(areas=batch)": {"torch bincount, cross_entropy": batch_weighted_cross_entropy},
        "dual_level_ce": {"torch cross_entropy(weight)": cross_entropy(dual_level(areas, 1.0, 1.0))},
        "dual_level_ce(areas=image)": {"torch bincount, cross_entropy": image_weighted_cross_entropy},
        "bce": {"torch binary_cross_entropy": objects_vs_rest},
        "bce(activation=sigmoid)": {"torch bce_with_logits": one_vs_rest},
        # MONAI also averages over the channels that are 0.
        "focal": {"MONAI FocalLoss(softmax)": times(len(areas), by_monai(monai.FocalLoss, use_softmax=True))},
        "focal(activation=sigmoid)": {
            "MONAI FocalLoss": by_monai(monai.FocalLoss),
            "smp FocalLoss": by_smp(smp.losses.FocalLoss),
        },
        "topk": {"torch topk of cross_entropy": top_10_percent},
        "dice": {"MONAI DiceLoss": by_monai(monai.DiceLoss, **objects)},
        "dice(squared=true)": {"MONAI DiceLoss(squared)": by_monai(monai.DiceLoss, squared_pred=True, **objects)},
        "dice(batch=true, background=true)": {
            "MONAI DiceLoss(batch)": by_monai(monai.DiceLoss, **everything),
            "smp DiceLoss": by_smp(smp.losses.DiceLoss),
        },
        "jaccard": {"MONAI DiceLoss(jaccard)": by_monai(monai.DiceLoss, jaccard=True, **objects)},
        "jaccard(batch=true, background=true)": {
            "MONAI DiceLoss(jaccard)": by_monai(monai.DiceLoss, jaccard=True, **everything),
            "smp JaccardLoss": by_smp(smp.losses.JaccardLoss),
        },
        "generalised_dice": {"MONAI GeneralizedDiceLoss": by_monai(monai.GeneralizedDiceLoss, **GENERALISED)},
        "tversky": {"MONAI TverskyLoss": by_monai(monai.TverskyLoss, **error_weights, **objects)},
        "tversky(batch=true, background=true)": {
            "MONAI TverskyLoss": by_monai(monai.TverskyLoss, **error_weights, **everything),
            "smp TverskyLoss": by_smp(smp.losses.TverskyLoss, **error_weights),
        },
        "focal_tversky": {
            "MONAI TverskyLoss, torch pow": mean_power(
                by_monai(monai.TverskyLoss, reduction="none", **error_weights, **objects)
            ),
        },
        "focal_tversky(power_of=mean, batch=true, background=true)": {
            "smp TverskyLoss(gamma)": by_smp(smp.losses.TverskyLoss, gamma=0.75, **error_weights),
        },
        "sensitivity_specificity": {"in torch": sensitivity_specificity},
        "fgd_bcel": {"MONAI and torch": focal_generalised_dice_and_bce},
        "boundary": {"torch, map by SciPy": boundary},
        "region_wise": {"torch, map by SciPy": rectified_region_wise},
        "active_contour": {"in torch": active_contour},
        "hausdorff_dt": {"MONAI HausdorffDTLoss": by_monai(monai.HausdorffDTLoss, **objects)},
        "hausdorff_er": {"in torch, by conv2d": hausdorff_by_erosion},
        "hausdorff_cv": {"in torch, by conv2d": hausdorff_by_convolution},
        "fuzzy_rough": {"torch, map by SciPy": fuzzy_rough},
        "fuzzy_rough_dual": {"torch, maps by SciPy": lambda x, y: fuzzy_rough(x, y, dual=True)},
        "region_specific": {"torch, by average pooling": region_specific},
        "adaptive_region_specific": {"torch, by average pooling": adaptive_region_specific},
        PAPER: {"torch, MONAI, SciPy, each alone": separate_terms(areas)},
    }
