"""The steps of preprocessing."""

from __future__ import annotations

from seggrid.catalogue.rows import Parameter, StepRow

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
    "resample": StepRow(
        "seggrid.data.preprocessing.geometry:resample",
        "resize to a spacing in mm",
        parameters={"spacing": Parameter((1.0, 1.0, 1.0), "mm per axis, of volumes slices first", 1e-3, 1e3)},
        geometric=True,
    ),
    "window": StepRow(
        "seggrid.data.preprocessing.intensity:window",
        "clip to fixed intensities, e.g. a Hounsfield window",
        parameters={
            "low": Parameter(0.0, "lowest value kept", -1e6, 1e6),
            "high": Parameter(255.0, "highest value kept", -1e6, 1e6),
            "scale": Parameter(False, "bring low to 0 and high to 1, of every image alike"),
        },
        normalises_with="scale",
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
        normalises=True,
    ),
    "min_max": StepRow("seggrid.data.preprocessing.intensity:min_max", "scale each image to 0 to 1", normalises=True),
    "contrast_stretch": StepRow(
        "seggrid.data.preprocessing.intensity:contrast_stretch",
        "clip to two percentiles and scale to 0 to 1",
        parameters={
            "low": Parameter(2.0, "lower percentile", 0, 100),
            "high": Parameter(98.0, "upper percentile", 0, 100),
        },
        normalises=True,
    ),
    "equalise": StepRow("seggrid.data.preprocessing.intensity:equalise", "histogram equalisation", normalises=True),
    "clahe": StepRow(
        "seggrid.data.preprocessing.intensity:clahe",
        "contrast-limited adaptive histogram equalisation",
        parameters={
            "clip_limit": Parameter(0.01, "higher gives more contrast", 0, 1),
            "tiles": Parameter(8, "tiles per axis", 1, 64),
        },
        normalises=True,
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
