"""What can be named in an experiment: losses, metrics, preprocessing steps and networks.

The rows carry no code, only names, parameters, versions and where the implementation lives, so that reading
an experiment, planning it and showing ``--help`` never import torch. Adding a loss, a metric or a step is one
file and one row here. Bump a row's ``version`` when its numbers change: runs that used it get another identity,
all others keep theirs.
"""

from __future__ import annotations

import difflib
import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from seggrid.errors import UserError

#: Versions of the training loop (augmentation included) and of inference: bumped when their numbers change.
TRAINING_VERSION = 1
INFERENCE_VERSION = 1

_TYPE_NAMES = {float: "a number", int: "a whole number", bool: "true or false", str: "a word"}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a loss, metric or step; its type is that of ``default``.

    Attributes:
        default: value where the user gives none; never part of a run's identity.
        doc: what it does, in a few words, with the unit where it has one.
        minimum, maximum: closed range of a number.
        choices: the words allowed.
        only_with: another parameter and its value, without which this one has no meaning.
    """

    default: float | int | bool | str | tuple[int, ...]
    doc: str
    minimum: float = -math.inf
    maximum: float = math.inf
    choices: tuple[str, ...] = ()
    only_with: tuple[str, str] | None = None

    def parse(self, value: object, key: str) -> float | int | bool | str | tuple[int, ...]:
        """Return ``value`` in the parameter's own type.

        Raises:
            UserError: the value has another type or lies outside the range; names ``key``.
        """
        if isinstance(self.default, tuple):
            return self._parse_sides(value, key)
        expected = type(self.default)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if expected is float and number:
            value = float(value)  # type: ignore[arg-type]
        if type(value) is not expected:
            raise UserError(f"{key}: {value!r} should be {_TYPE_NAMES[expected]}")
        if self.choices and value not in self.choices:
            raise UserError(
                f"{key}: {value!r} is not one of {', '.join(self.choices)}{nearest(str(value), self.choices)}"
            )
        if isinstance(value, int | float) and not self.minimum <= value <= self.maximum:
            raise UserError(f"{key}: {value} lies outside {self.minimum:g} to {self.maximum:g}")
        return value

    def _parse_sides(self, value: object, key: str) -> tuple[int, ...]:
        whole = isinstance(value, list | tuple) and all(type(side) is int for side in value)
        if not whole or not value or not all(self.minimum <= side <= self.maximum for side in value):  # type: ignore[attr-defined]
            raise UserError(
                f"{key}: {value!r} should be a list of whole numbers, one per axis, "
                f"from {self.minimum:g} to {self.maximum:g}"
            )
        return tuple(value)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Row:
    """What every row has.

    Attributes:
        target: ``module:attribute`` of the implementation, imported only where it is used.
        doc: one line for tables and messages.
        version: bumped when the numbers change; part of identity.
    """

    target: str
    doc: str
    version: int = 1
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def load(self) -> Any:
        """Import and return the implementation."""
        module, attribute = self.target.split(":")
        return getattr(importlib.import_module(module), attribute)

    def parse(self, given: Mapping[str, object], key: str) -> dict[str, Any]:
        """Check ``given`` parameters; return those that differ from their defaults.

        Raises:
            UserError: a parameter is unknown, of another type or out of range; names ``key.parameter``.
        """
        parsed: dict[str, Any] = {}
        for name, value in given.items():
            if name not in self.parameters:
                known = tuple(self.parameters)
                raise UserError(
                    f"{key}.{name}: unknown parameter{nearest(name, known)}; known are {', '.join(known) or 'none'}"
                )
            result = self.parameters[name].parse(value, f"{key}.{name}")
            if result != self.parameters[name].default:
                parsed[name] = result
        for name in parsed:
            other, needed = self.parameters[name].only_with or ("", "")
            if other and (chosen := parsed.get(other, self.parameters[other].default)) != needed:
                raise UserError(f"{key}.{name}: has no meaning with {other}={chosen}; leave it out")
        return dict(sorted(parsed.items()))


@dataclass(frozen=True)
class LossRow(Row):
    """A loss.

    Attributes:
        maps: names of the maps that it reads (see ``seggrid.losses.maps``).
        map_parameter: name of the parameter, if any, whose value is the name of a further map.
        areas: whether it is built with the class areas of the training cases.
        range: lower and upper bound of its value.
        source: paper and equation.
        minimum_with: parameters with which a perfect prediction is the minimum, where it is not so with all.
        gradient_with: parameters with which the gradient is that of the value, where others hold parts of it constant.
    """

    maps: tuple[str, ...] = ()
    map_parameter: str = ""
    areas: bool = False
    range: tuple[float, float] = (0.0, math.inf)
    source: str = ""
    minimum_with: Mapping[str, object] = field(default_factory=dict)
    gradient_with: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class MetricRow(Row):
    """A metric of one case and class.

    Attributes:
        kind: what it is computed from: pixel ``counts`` or surface ``distances``.
        better: the direction that is better.
        unit: ``1`` (a ratio), ``length`` (mm where the spacing is known, else px).
    """

    kind: Literal["counts", "distances"] = "counts"
    better: Literal["higher", "lower", "zero"] = "higher"
    unit: Literal["1", "length"] = "1"


@dataclass(frozen=True)
class StepRow(Row):
    """A preprocessing step; ``geometric`` steps move pixels and act on the mask as well."""

    geometric: bool = False


@dataclass(frozen=True)
class NetworkRow:
    """A named network: an architecture and an encoder of segmentation-models-pytorch, or of timm (``tu-``)."""

    architecture: str
    encoder: str
    version: int = 1


def nearest(word: str, known: tuple[str, ...] | list[str]) -> str:
    """Return `` (did you mean X?)`` for the closest known word, or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" (did you mean {close[0]}?)" if close else ""


_areas = Parameter(
    "train", "where class areas are counted: all training cases, the batch or each image",
    choices=("train", "batch", "image"),
)  # fmt: skip
_normalise = Parameter(
    "weights", "divide by the sum of the weights, or by the number of pixels", choices=("weights", "pixels")
)
_distance_exponent = Parameter(2.0, "exponent of the distance; a larger one looks more at the largest errors", 1, 4)
_border_width = Parameter(1.0, "width of the border in pixels, squared", 0.01, 1000)
_batch = Parameter(False, "sum over the whole batch before dividing")
_background = Parameter(False, "count the background as a class")
_counted_background = Parameter(True, _background.doc)
_smooth = Parameter(1e-5, "added to numerator and denominator", 0, 1)
_weighted_smooth = Parameter(0.0, "added to the weighted sums, which are of the size of an inverse area", 0, 1e-6)
_weighting = Parameter("square", "inverse square or simple area of the class", choices=("square", "simple"))
_weight_fp = Parameter(0.3, "weight of the false positives (alpha)", 0.01, 10)
_weight_fn = Parameter(0.7, "weight of the false negatives (beta)", 0.01, 10)
_activation = Parameter(
    "softmax", "softmax over the classes, or a sigmoid of each channel", choices=("softmax", "sigmoid")
)
_regions = Parameter(16, "sub-regions along each axis", 1, 256)
_region_reduction = Parameter(
    "mean",
    "mean over the pairs of sub-region and class with truth, or their sum in each image",
    choices=("mean", "sum"),
)
_region_smooth = Parameter(1e-7, "added to numerator and denominator, in pixels", 1e-12, 1)

LOSSES: dict[str, LossRow] = {
    "ce": LossRow("seggrid.losses.cross_entropy:CrossEntropy", "cross-entropy", version=2),
    "weighted_ce": LossRow(
        "seggrid.losses.cross_entropy:WeightedCrossEntropy",
        "cross-entropy weighted by inverse class area (one level, LCE1)",
        version=2,
        parameters={
            "gamma": Parameter(1.0, "exponent of the inverse area; 0 is plain cross-entropy", 0, 4),
            "areas": _areas,
            "normalise": _normalise,
        },
        areas=True,
        source="our definition",
    ),
    "dual_level_ce": LossRow(
        "seggrid.losses.cross_entropy:DualLevelCrossEntropy",
        "cross-entropy weighted on two levels: background against objects, then objects among themselves (LCE2)",
        version=2,
        parameters={
            "gamma1": Parameter(
                1.0, "exponent of level 1, background against objects", 0, 4, only_with=("weighting", "inverse")
            ),
            "gamma2": Parameter(
                1.0, "exponent of level 2, objects among themselves", 0, 4, only_with=("weighting", "inverse")
            ),
            "weighting": Parameter(
                "inverse",
                "inverse areas, or the bounded complement of the areas",
                choices=("inverse", "complement"),
            ),
            "areas": _areas,
            "normalise": _normalise,
        },
        areas=True,
        source="our reading of Wang et al. 2026, doi 10.3389/fmed.2026.1768134",
    ),
    "bce": LossRow(
        "seggrid.losses.pixel:BinaryCrossEntropy",
        "binary cross-entropy of each object against everything else",
        parameters={"activation": _activation},
        source="Radillah et al. eq 2; the mean over several objects is our reading",
    ),
    "focal": LossRow(
        "seggrid.losses.pixel:Focal",
        "cross-entropy in which pixels that are already right count little",
        parameters={
            "gamma": Parameter(2.0, "exponent; 0 is cross-entropy", 0, 5),
            "alpha": Parameter(0.5, "weight of the objects against the background; 0.5 is none", 0.01, 0.99),
            "activation": _activation,
        },
        source="Lin et al. 2017, eq 5",
    ),
    "topk": LossRow(
        "seggrid.losses.pixel:TopK",
        "cross-entropy of the hardest pixels of the batch",
        parameters={"k": Parameter(10.0, "share of the pixels that count, in percent", 0.01, 100)},
        source="Wu et al. 2016, as in nnU-Net",
    ),
    "dice": LossRow(
        "seggrid.losses.dice:Dice",
        "soft Dice over the objects that are present",
        version=2,
        parameters={
            "squared": Parameter(False, "squared denominator (V-Net form)"),
            "batch": _batch,
            "background": _background,
            "smooth": _smooth,
        },
        range=(0.0, 1.0),
        source="Milletari et al. 2016; Radillah et al. eq 1 with soft counts",
    ),
    "jaccard": LossRow(
        "seggrid.losses.jaccard:Jaccard",
        "soft intersection over union of the objects that are present",
        parameters={"batch": _batch, "background": _background, "smooth": _smooth},
        range=(0.0, 1.0),
        source="Rahman & Wang 2016, IoU loss",
    ),
    "generalised_dice": LossRow(
        "seggrid.losses.generalised_dice:GeneralisedDice",
        "one Dice of all classes together, each weighted by its inverse area",
        parameters={
            "weighting": _weighting,
            "batch": _batch,
            "background": _counted_background,
            "smooth": _weighted_smooth,
        },
        range=(0.0, 1.0),
        source="Sudre et al. 2017, GDL",
    ),
    "tversky": LossRow(
        "seggrid.losses.tversky:Tversky",
        "overlap in which false positives and false negatives weigh differently",
        parameters={
            "weight_fp": _weight_fp,
            "weight_fn": _weight_fn,
            "batch": _batch,
            "background": _background,
            "smooth": _smooth,
        },
        range=(0.0, 1.0),
        source="Salehi et al. 2017, T(alpha, beta)",
    ),
    "focal_tversky": LossRow(
        "seggrid.losses.tversky:FocalTversky",
        "power of the Tversky loss",
        parameters={
            "weight_fp": _weight_fp,
            "weight_fn": _weight_fn,
            "gamma": Parameter(0.75, "exponent of the Tversky loss; 1 is the Tversky loss itself", 0.1, 4),
            "power_of": Parameter(
                "pairs", "the power of each class and image, or of their mean", choices=("pairs", "mean")
            ),
            "batch": _batch,
            "background": _background,
            "smooth": _smooth,
        },
        range=(0.0, 1.0),
        source="Abraham & Khan 2019, focal Tversky loss, gamma as in its code",
    ),
    "sensitivity_specificity": LossRow(
        "seggrid.losses.sensitivity_specificity:SensitivitySpecificity",
        "mean squared error inside the truth and outside of it, in a fixed ratio",
        parameters={
            "sensitivity": Parameter(0.05, "share of the error inside the truth (r)", 0.001, 0.999),
            "batch": _batch,
            "background": _background,
            "smooth": Parameter(0.0, "added to both denominators", 0, 1),
        },
        range=(0.0, 1.0),
        source="Brosch et al. 2015",
    ),
    "fgd_bcel": LossRow(
        "seggrid.losses.fgd_bcel:FocalGeneralisedDiceBCE",
        "focal generalised Dice plus binary cross-entropy (FGD-BCEL)",
        parameters={
            "gamma": Parameter(4 / 3, "the exponent of the generalised Dice is its inverse", 0.25, 4),
            "weight_bce": Parameter(1.0, "weight of the binary cross-entropy (lambda)", 0, 1000),
            "weighting": _weighting,
            "batch": _batch,
            "background": _counted_background,
            "smooth": _weighted_smooth,
        },
        source="our reading of Wen et al. 2023, doi 10.3389/fonc.2023.1204044",
    ),
    "boundary": LossRow(
        "seggrid.losses.boundary:Boundary",
        "probability times signed distance to the true boundary",
        maps=("signed_distance",),
        range=(-math.inf, math.inf),
        source="Kervadec et al. 2019, eq 5",
    ),
    "region_specific": LossRow(
        "seggrid.losses.region_specific:RegionSpecific",
        "squared Dice in each sub-region of a grid",
        parameters={
            "regions": _regions,
            "reduction": _region_reduction,
            "background": _counted_background,
            "smooth": _region_smooth,
        },
        source="Chen et al. 2023, eq 4",
    ),
    "adaptive_region_specific": LossRow(
        "seggrid.losses.region_specific:AdaptiveRegionSpecific",
        "Tversky loss in each sub-region of a grid, weighted by the sub-region's own errors",
        parameters={
            "regions": _regions,
            "a": Parameter(0.3, "lowest weight of false positives and of false negatives (A)", 0.01, 1),
            "b": Parameter(0.4, "what the worse of the two gains at most (B)", 0, 1),
            "reduction": _region_reduction,
            "detach_weights": Parameter(True, "no gradient through the weights"),
            "background": _counted_background,
            "smooth": _region_smooth,
        },
        source="Chen et al. 2023, eq 6 to 8",
        gradient_with={"detach_weights": False},
    ),
    "region_wise": LossRow(
        "seggrid.losses.region_wise:RegionWise",
        "probability times a map of the truth; by default rectified region-wise (RRW)",
        parameters={
            "map": Parameter(
                "rectified",
                "the map: rectified distances, the boundary loss' or the active contours'",
                choices=("rectified", "signed_distance", "active_contour"),
            ),
        },
        map_parameter="map",
        range=(-math.inf, math.inf),
        source="Valverde & Tohka, region-wise loss and rectified map",
    ),
    "active_contour": LossRow(
        "seggrid.losses.active_contour:ActiveContour",
        "length of the contours plus the area of the error",
        parameters={
            "weight": Parameter(1.0, "weight of the region term, lambda", 0, 1000),
            "mu": Parameter(1.0, "weight of what is predicted outside, against 1 for what is missed", 0.01, 100),
        },
        source="Chen et al. 2019, length and region term",
        minimum_with={"weight": 1000.0},  # the length alone is shortest without any contour
    ),
    "hausdorff_dt": LossRow(
        "seggrid.losses.hausdorff:HausdorffDT",
        "squared error weighted by the distance to both borders, by distance transforms",
        parameters={"alpha": _distance_exponent},
        maps=("distance_field", "predicted_distance_field"),
        source="Karimi & Salcudean 2019, loss by distance transforms",
    ),
    "hausdorff_er": LossRow(
        "seggrid.losses.hausdorff:HausdorffER",
        "squared error that survives erosion, summed over erosions",
        parameters={
            "alpha": Parameter(2.0, "exponent of the number of erosions", 1, 4),
            "erosions": Parameter(10, "number of erosions", 1, 30),
            "renormalise": Parameter(False, "scale each erosion to 0 to 1, as the public code does"),
        },
        source="Karimi & Salcudean 2019, loss by erosion, our reading of its threshold",
    ),
    "hausdorff_cv": LossRow(
        "seggrid.losses.hausdorff:HausdorffCV",
        "error a radius away from the borders, summed over radii, by convolution",
        parameters={
            "alpha": Parameter(2.0, "exponent of the radius", 1, 4),
            "radii": Parameter(6, "number of radii: 3, 6, 9 ... pixels", 1, 20),
        },
        source="our reading of Karimi & Salcudean 2019, loss by convolution",
    ),
    "fuzzy_rough": LossRow(
        "seggrid.losses.fuzzy_rough:FuzzyRough",
        "squared error weighted by how surely a pixel lies on its side of the true border",
        parameters={"alpha": _border_width},
        maps=("distance_field",),
        range=(0.0, 1.0),
        source="Lin et al., boundary-wise loss by fuzzy rough sets, single",
    ),
    "fuzzy_rough_dual": LossRow(
        "seggrid.losses.fuzzy_rough:FuzzyRoughDual",
        "squared error weighted by how surely a pixel lies on its side of the true and the predicted border",
        parameters={"alpha": _border_width},
        maps=("distance_field", "predicted_distance_field"),
        range=(0.0, 2.0),
        source="Lin et al., boundary-wise loss by fuzzy rough sets, dual",
    ),
}

METRICS: dict[str, MetricRow] = {
    "iou": MetricRow("seggrid.metrics.overlap:iou", "intersection over union, TP / (TP + FP + FN)"),
    "dice": MetricRow("seggrid.metrics.overlap:dice", "Dice coefficient, 2 TP / (2 TP + FP + FN)"),
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
        kind="distances",
        better="lower",
        unit="length",
    ),
    "nsd": MetricRow(
        "seggrid.metrics.boundary:nsd",
        "share of both surfaces within a tolerance (surface Dice), written nsd@2",
        parameters={"tolerance": Parameter(2.0, "in mm, in px without spacing", 0, 1e6)},
        kind="distances",
    ),
}

STEPS: dict[str, StepRow] = {
    "crop_to_content": StepRow(
        "seggrid.data.preprocessing.geometry:crop_to_content",
        "crop to the bounding box of what differs from the frame of the image",
        parameters={
            "threshold": Parameter(0.05, "difference from the frame, as a share of the image's range", 0, 1),
            "margin": Parameter(8, "pixels kept around the content", 0, 4096),
        },
        geometric=True,
    ),
    "resize": StepRow(
        "seggrid.data.preprocessing.geometry:resize",
        "resize to a fixed size",
        parameters={
            "size": Parameter((256, 256), "pixels per axis, rows first", 8, 8192),
            "keep_aspect": Parameter(False, "keep the aspect and pad to the size"),
        },
        geometric=True,
    ),
    "window": StepRow(
        "seggrid.data.preprocessing.intensity:window",
        "clip to fixed intensities, e.g. a Hounsfield window",
        parameters={
            "low": Parameter(0.0, "lowest value kept", -1e6, 1e6),
            "high": Parameter(255.0, "highest value kept", -1e6, 1e6),
        },
    ),
    "percentile_clip": StepRow(
        "seggrid.data.preprocessing.intensity:percentile_clip",
        "clip each image to two of its percentiles",
        parameters={
            "low": Parameter(0.5, "lower percentile", 0, 100),
            "high": Parameter(99.5, "upper percentile", 0, 100),
        },
    ),
    "z_score": StepRow(
        "seggrid.data.preprocessing.intensity:z_score",
        "subtract each image's mean, divide by its standard deviation",
    ),
    "min_max": StepRow("seggrid.data.preprocessing.intensity:min_max", "scale each image to 0 to 1"),
    "contrast_stretch": StepRow(
        "seggrid.data.preprocessing.intensity:contrast_stretch",
        "clip to two percentiles and scale to 0 to 1",
        parameters={
            "low": Parameter(2.0, "lower percentile", 0, 100),
            "high": Parameter(98.0, "upper percentile", 0, 100),
        },
    ),
    "equalise": StepRow("seggrid.data.preprocessing.intensity:equalise", "histogram equalisation"),
    "clahe": StepRow(
        "seggrid.data.preprocessing.intensity:clahe",
        "contrast-limited adaptive histogram equalisation",
        parameters={
            "clip_limit": Parameter(0.01, "higher gives more contrast", 0, 1),
            "tiles": Parameter(8, "tiles per axis", 1, 64),
        },
    ),
    "median": StepRow(
        "seggrid.data.preprocessing.filters:median",
        "median filter",
        parameters={"size": Parameter(3, "window side in pixels", 1, 31)},
    ),
    "gaussian": StepRow(
        "seggrid.data.preprocessing.filters:gaussian",
        "Gaussian filter",
        parameters={"sigma": Parameter(1.0, "standard deviation in pixels", 0, 50)},
    ),
    "bilateral": StepRow(
        "seggrid.data.preprocessing.filters:bilateral",
        "edge-preserving bilateral filter",
        parameters={
            "sigma_intensity": Parameter(0.1, "as a share of the image's range", 0, 10),
            "sigma_space": Parameter(3.0, "in pixels", 0, 50),
        },
    ),
    "multilevel_threshold": StepRow(
        "seggrid.data.preprocessing.filters:multilevel_threshold",
        "multi-Otsu thresholding, appended as a further channel",
        parameters={"classes": Parameter(3, "levels", 2, 5)},
    ),
}

NETWORKS: dict[str, NetworkRow] = {
    "UNet_MobileNetV3s": NetworkRow("Unet", "tu-mobilenetv3_small_100"),
    "FPN_MobileNetV3s": NetworkRow("FPN", "tu-mobilenetv3_small_100"),
    "UNet_MobileNetV3": NetworkRow("Unet", "tu-mobilenetv3_large_100"),
    "DeepLabV3+_MobileNetV3": NetworkRow("DeepLabV3Plus", "tu-mobilenetv3_large_100"),
    "UNet_R18": NetworkRow("Unet", "resnet18"),
    "UNet_R34": NetworkRow("Unet", "resnet34"),
    "UNet_R50": NetworkRow("Unet", "resnet50"),
    "UNet++_R18": NetworkRow("UnetPlusPlus", "resnet18"),
    "FPN_R18": NetworkRow("FPN", "resnet18"),
    "Linknet_R18": NetworkRow("Linknet", "resnet18"),
    "MAnet_R18": NetworkRow("MAnet", "resnet18"),
    "DeepLabV3+_R18": NetworkRow("DeepLabV3Plus", "resnet18"),
    "DeepLabV3+_R50c": NetworkRow("DeepLabV3Plus", "tu-resnet50c"),
    "PSPNet_R50c": NetworkRow("PSPNet", "tu-resnet50c"),
    "UPerNet_R50": NetworkRow("UPerNet", "resnet50"),
    "SegFormer_B0": NetworkRow("Segformer", "mit_b0"),
}
