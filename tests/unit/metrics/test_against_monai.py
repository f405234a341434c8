"""Random shapes, live against MONAI, which computes in float32."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from monai.metrics import (
    compute_average_surface_distance,
    compute_hausdorff_distance,
    compute_iou,
    compute_surface_dice,
)

from seggrid.metrics import measure

CLASSES = 3


@st.composite
def label_pairs(draw: st.DrawFn) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], tuple[float, ...]]:
    """Draw two images of overlapping boxes with some noise, 2-D or 3-D, and a spacing."""
    dimensions = draw(st.sampled_from([2, 3]))
    longest = 24 if dimensions == 2 else 11
    shape = draw(npst.array_shapes(min_dims=dimensions, max_dims=dimensions, min_side=2, max_side=longest))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    noise = draw(st.sampled_from([0.0, 0.05, 0.5]))
    images = []
    for _ in range(2):
        image = np.zeros(shape, np.uint8)
        for label in range(1, CLASSES):
            corners = np.sort(generator.integers(0, np.array(shape) + 1, size=(2, dimensions)), axis=0)
            image[tuple(slice(*ends) for ends in corners.T)] = label
        where = generator.random(shape) < noise
        image[where] = generator.integers(0, CLASSES, size=shape)[where]
        images.append(image)
    step = st.sampled_from([0.3, 0.7, 1.0, 2.5])
    return images[0], images[1], draw(st.tuples(*[step] * dimensions))


def one_hot(labels: npt.NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(np.stack([labels == label for label in range(CLASSES)]).astype(np.float32))[None]


@pytest.mark.filterwarnings("ignore:the (ground truth|prediction) of class", "ignore:monai:FutureWarning")
@settings(deadline=None, max_examples=60)
@given(label_pairs())
def test_equals_monai(
    drawn: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], tuple[float, ...]],
) -> None:
    prediction, truth, spacing = drawn
    predicted, present, steps = one_hot(prediction), one_hot(truth), list(spacing)
    # 1.01 lies on no distance between pixels of these spacings, where float32 decides by rounding.
    theirs = {
        "iou": compute_iou(predicted, present, include_background=False),
        "hd": compute_hausdorff_distance(predicted, present, spacing=steps),
        "hd95": compute_hausdorff_distance(predicted, present, percentile=95, spacing=steps),
        "asd": compute_average_surface_distance(predicted, present, spacing=steps),
        "assd": compute_average_surface_distance(predicted, present, symmetric=True, spacing=steps),
        "nsd@1.01": compute_surface_dice(predicted, present, [1.01] * (CLASSES - 1), spacing=steps),
    }
    for index, record in enumerate(measure(prediction, truth, range(1, CLASSES), list(theirs), spacing)):
        if record.status == "ok":
            expected = {name: float(values[0, index]) for name, values in theirs.items()}
            assert record.values == pytest.approx(expected, rel=2e-5, abs=1e-6)
