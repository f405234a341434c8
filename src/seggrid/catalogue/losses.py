"""The losses."""

from __future__ import annotations

import math

from seggrid.catalogue.rows import LossRow, Parameter

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
_overlap = {
    "batch": _batch,
    "background": _background,
    "smooth": Parameter(1e-5, "added to numerator and denominator", 0, 1),
}
_generalised = {
    "weighting": Parameter("square", "inverse square or simple area of the class", choices=("square", "simple")),
    "batch": _batch,
    "background": _counted_background,
    "smooth": Parameter(0.0, "added to the weighted sums, which are of the size of an inverse area", 0, 1e-6),
}
_error_weights = {
    "weight_fp": Parameter(0.3, "weight of the false positives (alpha)", 0.01, 10),
    "weight_fn": Parameter(0.7, "weight of the false negatives (beta)", 0.01, 10),
}
_activation = Parameter(
    "softmax", "softmax over the classes, or a sigmoid of each channel", choices=("softmax", "sigmoid")
)
_by_region = {
    "regions": Parameter(16, "sub-regions along each axis", 1, 256),
    "reduction": Parameter(
        "mean",
        "mean over the pairs of sub-region and class with truth, or their sum in each image",
        choices=("mean", "sum"),
    ),
    "background": _counted_background,
    "smooth": Parameter(1e-7, "added to numerator and denominator, in pixels", 1e-12, 1),
}

LOSSES: dict[str, LossRow] = {
    "ce": LossRow("seggrid.losses.cross_entropy:CrossEntropy", "cross-entropy", version=2),
    "weighted_ce": LossRow(
        "seggrid.losses.cross_entropy:WeightedCrossEntropy",
        "cross-entropy weighted by inverse class area (one level, LCE1)",
        version=3,
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
        version=3,
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
        references=("wang2026",),
    ),
    "bce": LossRow(
        "seggrid.losses.pixel:BinaryCrossEntropy",
        "binary cross-entropy of each object against everything else",
        parameters={"activation": _activation},
        source="Radillah et al. eq 2; the mean over several objects is our reading",
        references=("radillah",),
    ),
    "focal": LossRow(
        "seggrid.losses.pixel:Focal",
        "cross-entropy in which pixels that are already right count little",
        version=2,
        parameters={
            "gamma": Parameter(2.0, "exponent; 0 is cross-entropy", 0, 5),
            "alpha": Parameter(
                0.0, "weight of the objects, 1 - alpha that of the background; 0 weighs all alike", 0, 0.99
            ),
            "activation": _activation,
        },
        source="Lin et al. 2017, eq 5",
        references=("lin2017focal",),
    ),
    "topk": LossRow(
        "seggrid.losses.pixel:TopK",
        "cross-entropy of the hardest pixels of the batch",
        parameters={"k": Parameter(10.0, "share of the pixels that count, in percent", 0.01, 100)},
        source="Wu et al. 2016, as in nnU-Net",
        references=("wu2016",),
    ),
    "dice": LossRow(
        "seggrid.losses.dice:Dice",
        "soft Dice over the objects that are present",
        version=3,
        parameters={"squared": Parameter(False, "squared denominator (V-Net form)"), **_overlap},
        range=(0.0, 1.0),
        source="Milletari et al. 2016; Radillah et al. eq 1 with soft counts",
        references=("milletari2016", "radillah"),
    ),
    "jaccard": LossRow(
        "seggrid.losses.jaccard:Jaccard",
        "soft intersection over union of the objects that are present",
        parameters=_overlap,
        range=(0.0, 1.0),
        source="Rahman & Wang 2016, IoU loss",
        references=("rahman2016",),
    ),
    "generalised_dice": LossRow(
        "seggrid.losses.generalised_dice:GeneralisedDice",
        "one Dice of all classes together, each weighted by its inverse area",
        parameters=_generalised,
        range=(0.0, 1.0),
        source="Sudre et al. 2017, GDL",
        references=("sudre2017",),
    ),
    "tversky": LossRow(
        "seggrid.losses.tversky:Tversky",
        "overlap in which false positives and false negatives weigh differently",
        parameters={**_error_weights, **_overlap},
        range=(0.0, 1.0),
        source="Salehi et al. 2017, T(alpha, beta)",
        references=("salehi2017",),
    ),
    "focal_tversky": LossRow(
        "seggrid.losses.tversky:FocalTversky",
        "power of the Tversky loss",
        parameters={
            **_error_weights,
            "gamma": Parameter(0.75, "exponent of the Tversky loss; 1 is the Tversky loss itself", 0.1, 4),
            "power_of": Parameter(
                "pairs", "the power of each class and image, or of their mean", choices=("pairs", "mean")
            ),
            **_overlap,
        },
        range=(0.0, 1.0),
        source="Abraham & Khan 2019, focal Tversky loss, gamma as in its code",
        references=("abraham2019",),
    ),
    "sensitivity_specificity": LossRow(
        "seggrid.losses.sensitivity_specificity:SensitivitySpecificity",
        "mean squared error inside the truth and outside of it, in a fixed ratio",
        parameters={
            "sensitivity": Parameter(0.05, "share of the error inside the truth (r)", 0.001, 0.999),
            **_overlap,
            "smooth": Parameter(0.0, "added to both denominators", 0, 1),
        },
        range=(0.0, 1.0),
        source="Brosch et al. 2015",
        references=("brosch2015",),
    ),
    "fgd_bcel": LossRow(
        "seggrid.losses.fgd_bcel:FocalGeneralisedDiceBCE",
        "focal generalised Dice plus binary cross-entropy (FGD-BCEL)",
        parameters={
            "gamma": Parameter(4 / 3, "the exponent of the generalised Dice is its inverse", 0.25, 4),
            "weight_bce": Parameter(1.0, "weight of the binary cross-entropy (lambda)", 0, 1000),
            **_generalised,
        },
        source="our reading of Wen et al. 2023, doi 10.3389/fonc.2023.1204044",
        references=("wen2023",),
    ),
    "boundary": LossRow(
        "seggrid.losses.boundary:Boundary",
        "probability times signed distance to the true boundary",
        maps=("signed_distance",),
        range=(-math.inf, math.inf),
        source="Kervadec et al. 2019, eq 5",
        references=("kervadec2019",),
    ),
    "boundary_branch": LossRow(
        "seggrid.losses.boundary_branch:BoundaryBranch",
        "cross-entropy plus Dice of the boundary branch of a multi-task network",
        parameters={
            "region": Parameter(
                "surface",
                "what the branch looks for: the surfaces of the objects, or where two objects are near",
                choices=("surface", "interface"),
            ),
            "radius": Parameter(2.0, "reach of a surface, in units of the smallest spacing", 1, 100),
        },
        maps=("signed_distance",),
        auxiliary="boundary",
        source="our reading of Jin et al. 2025",
        references=("jin2025",),
    ),
    "region_specific": LossRow(
        "seggrid.losses.region_specific:RegionSpecific",
        "squared Dice in each sub-region of a grid",
        parameters=_by_region,
        source="Chen et al. 2023, eq 4",
        references=("chen2023",),
    ),
    "adaptive_region_specific": LossRow(
        "seggrid.losses.region_specific:AdaptiveRegionSpecific",
        "Tversky loss in each sub-region of a grid, weighted by the sub-region's own errors",
        parameters={
            **_by_region,
            "a": Parameter(0.3, "lowest weight of false positives and of false negatives (A)", 0.01, 1),
            "b": Parameter(0.4, "what the worse of the two gains at most (B)", 0, 1),
            "detach_weights": Parameter(True, "no gradient through the weights"),
        },
        source="Chen et al. 2023, eq 6 to 8",
        references=("chen2023",),
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
        references=("valverde2021",),
    ),
    "active_contour": LossRow(
        "seggrid.losses.active_contour:ActiveContour",
        "length of the contours plus the area of the error",
        parameters={
            "weight": Parameter(1.0, "weight of the region term, lambda", 0, 1000),
            "mu": Parameter(1.0, "weight of what is predicted outside, against 1 for what is missed", 0.01, 100),
        },
        source="Chen et al. 2019, length and region term",
        references=("chen2019",),
        minimum_with={"weight": 1000.0},  # the length alone is shortest without any contour
    ),
    "hausdorff_dt": LossRow(
        "seggrid.losses.hausdorff:HausdorffDT",
        "squared error weighted by the distance to both borders, by distance transforms",
        parameters={"alpha": _distance_exponent},
        maps=("distance_field", "predicted_distance_field"),
        source="Karimi & Salcudean 2019, loss by distance transforms",
        references=("karimi2019",),
    ),
    "hausdorff_er": LossRow(
        "seggrid.losses.hausdorff:HausdorffER",
        "squared error that survives erosion, summed over erosions",
        version=2,
        parameters={
            "alpha": Parameter(2.0, "exponent of the number of erosions", 1, 4),
            "erosions": Parameter(10, "number of erosions", 1, 30),
            "renormalise": Parameter(False, "scale each erosion to 0 to 1, as the public code does"),
        },
        source="Karimi & Salcudean 2019, loss by erosion, our reading of its threshold",
        references=("karimi2019",),
    ),
    "hausdorff_cv": LossRow(
        "seggrid.losses.hausdorff:HausdorffCV",
        "error a radius away from the borders, summed over radii, by convolution",
        parameters={
            "alpha": Parameter(2.0, "exponent of the radius", 1, 4),
            "radii": Parameter(6, "number of radii: 3, 6, 9 ... pixels", 1, 20),
        },
        source="our reading of Karimi & Salcudean 2019, loss by convolution",
        references=("karimi2019",),
    ),
    "fuzzy_rough": LossRow(
        "seggrid.losses.fuzzy_rough:FuzzyRough",
        "squared error weighted by how surely a pixel lies on its side of the true border",
        parameters={"alpha": _border_width},
        maps=("distance_field",),
        range=(0.0, 1.0),
        source="Lin et al., boundary-wise loss by fuzzy rough sets, single",
        references=("lin2024",),
    ),
    "fuzzy_rough_dual": LossRow(
        "seggrid.losses.fuzzy_rough:FuzzyRoughDual",
        "squared error weighted by how surely a pixel lies on its side of the true and the predicted border",
        parameters={"alpha": _border_width},
        maps=("distance_field", "predicted_distance_field"),
        range=(0.0, 2.0),
        source="Lin et al., boundary-wise loss by fuzzy rough sets, dual",
        references=("lin2024",),
    ),
}
