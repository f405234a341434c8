"""The contract of a metric, checked for every row of the catalogue by the row alone."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from seggrid.catalogue import METRICS
from seggrid.errors import UserError
from seggrid.metrics import Measurement, label_surfaces, measure

Labels = npt.NDArray[np.uint8]

#: Metrics that treat prediction and truth differently; every other one must be symmetric.
DIRECTED = {"precision", "recall", "specificity", "volume_bias", "asd"}
SHAPES = [(37, 52), (14, 17, 11)]
SPACINGS = {2: (0.5, 1.25), 3: (2.2, 0.7, 1.3)}

each_metric = pytest.mark.parametrize("name", METRICS)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=["2d", "3d"])


def spelled(name: str, tolerance: float = 2.0) -> str:
    """Return a metric as the configuration writes it."""
    return f"{name}@{tolerance:g}" if "tolerance" in METRICS[name].parameters else name


@functools.cache
def random_labels(shape: tuple[int, ...], seed: int) -> Labels:
    """Return three smooth random objects on background."""
    noise = np.random.default_rng(seed).standard_normal((4, *shape))
    smooth = np.stack([ndimage.gaussian_filter(channel, 2.5) for channel in noise])
    return smooth.argmax(axis=0).astype(np.uint8)


def records(
    name: str, prediction: Labels, truth: Labels, tolerance: float = 2.0, **options: object
) -> list[Measurement]:
    """Measure one metric on the classes 1 to 3."""
    return measure(prediction, truth, [1, 2, 3], [spelled(name, tolerance)], **options)


def values(name: str, prediction: Labels, truth: Labels, tolerance: float = 2.0, **options: object) -> list[float]:
    """Return the values of one metric on the classes 1 to 3."""
    found = records(name, prediction, truth, tolerance, **options)
    return [record.values[spelled(name, tolerance)] for record in found]


def best(name: str) -> float:
    return 1.0 if METRICS[name].better == "higher" else 0.0


@each_metric
def test_row_loads_a_documented_function(name: str) -> None:
    function = METRICS[name].load()
    assert callable(function)
    assert function.__doc__
    assert METRICS[name].doc
    assert METRICS[name].version >= 1


@each_metric
@each_shape
def test_perfect_prediction_is_best(name: str, shape: tuple[int, ...]) -> None:
    truth = random_labels(shape, 0)
    assert values(name, truth.copy(), truth, spacing=SPACINGS[len(shape)]) == [best(name)] * 3


@each_metric
@each_shape
@pytest.mark.parametrize("seed", range(4))
def test_range(name: str, shape: tuple[int, ...], seed: int) -> None:
    row, spacing = METRICS[name], SPACINGS[len(shape)]
    diagonal = math.hypot(*(side * step for side, step in zip(shape, spacing, strict=True)))
    lowest = -1.0 if row.better == "zero" else 0.0
    highest = math.inf if row.better == "zero" else diagonal if row.unit == "length" else 1.0
    for value in values(name, random_labels(shape, seed), random_labels(shape, seed + 10), spacing=spacing):
        assert lowest <= value <= highest
        assert math.isfinite(value)


@each_metric
@each_shape
def test_symmetry(name: str, shape: tuple[int, ...]) -> None:
    first, second, spacing = random_labels(shape, 1), random_labels(shape, 2), SPACINGS[len(shape)]
    forth, back = (
        values(name, first, second, spacing=spacing),
        values(name, second, first, spacing=spacing),
    )
    if name in DIRECTED:
        assert forth != back
    else:
        assert forth == pytest.approx(back, rel=1e-14)


@each_shape
def test_precision_is_recall_the_other_way(shape: tuple[int, ...]) -> None:
    first, second = random_labels(shape, 1), random_labels(shape, 2)
    assert values("precision", first, second) == values("recall", second, first)


@each_metric
@each_shape
def test_transposed_or_mirrored_with_the_spacing(name: str, shape: tuple[int, ...]) -> None:
    first, second, spacing = random_labels(shape, 3), random_labels(shape, 4), SPACINGS[len(shape)]
    expected = values(name, first, second, spacing=spacing)
    assert values(name, first.T, second.T, spacing=spacing[::-1]) == pytest.approx(expected, rel=1e-12)
    mirrored = values(name, np.flip(first), np.flip(second), spacing=spacing)
    assert mirrored == pytest.approx(expected, rel=1e-12)


@each_metric
@each_shape
@pytest.mark.parametrize("factor", [0.25, 3.0])
def test_spacing_scales_lengths_only(name: str, shape: tuple[int, ...], factor: float) -> None:
    first, second, spacing = random_labels(shape, 5), random_labels(shape, 6), SPACINGS[len(shape)]
    expected = np.array(values(name, first, second, spacing=spacing))
    scaled = [step * factor for step in spacing]
    ours = values(name, first, second, tolerance=2.0 * factor, spacing=scaled)
    by = factor if METRICS[name].unit == "length" else 1.0
    assert ours == pytest.approx(expected * by, rel=1e-12)


@each_metric
@each_shape
def test_no_spacing_is_pixels(name: str, shape: tuple[int, ...]) -> None:
    first, second = random_labels(shape, 5), random_labels(shape, 6)
    assert values(name, first, second) == values(name, first, second, spacing=(1,) * len(shape))


@each_metric
@each_shape
def test_single_pixels(name: str, shape: tuple[int, ...]) -> None:
    row, spacing = METRICS[name], SPACINGS[len(shape)]
    truth, prediction = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    truth[(2,) * len(shape)] = prediction[(4,) * len(shape)] = 1
    value = values(name, prediction, truth, spacing=spacing)[0]
    if row.unit == "length":
        assert value == pytest.approx(2 * math.hypot(*spacing), rel=1e-14)
    elif name in ("specificity", "accuracy"):
        wrong = 1 if name == "specificity" else 2
        assert value == pytest.approx(1 - wrong / (truth.size - 2 + wrong), abs=2 / truth.size**2)
    else:
        assert value == 0.0
    assert values(name, truth, truth, spacing=spacing)[0] == best(name)


@each_metric
@each_shape
def test_object_that_fills_the_image(name: str, shape: tuple[int, ...]) -> None:
    full, part = np.ones(shape, np.uint8), random_labels(shape, 7)
    assert values(name, full, full)[0] == best(name)
    assert math.isfinite(values(name, part, full)[0])
    assert math.isfinite(values(name, full, part)[0])


@each_metric
@each_shape
def test_empty_masks(name: str, shape: tuple[int, ...]) -> None:
    """Class 1 is missed, class 2 invented, class 3 in neither; lengths are the diagonal, overlaps 0."""
    row, spacing = METRICS[name], SPACINGS[len(shape)]
    truth, prediction = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    truth[1:5, 2:6] = 1
    prediction[3:8, 3:8] = 2
    found = records(name, prediction, truth, spacing=spacing)
    assert [record.status for record in found] == ["pred_empty", "truth_empty", "both_empty"]
    missed, invented, absent = (record.values[spelled(name)] for record in found)
    diagonal = math.hypot(*(side * step for side, step in zip(shape, spacing, strict=True)))
    by_count = {
        "specificity": (1.0, 1 - np.mean(prediction == 2)),
        "accuracy": (1 - np.mean(truth == 1), 1 - np.mean(prediction == 2)),
        "volume_bias": (-1.0, 1.0),
    }
    worst = (diagonal, diagonal) if row.unit == "length" else by_count.get(name, (0.0, 0.0))
    assert (missed, invented) == pytest.approx(worst, rel=1e-14)
    assert math.isnan(absent)
    perfect = values(name, prediction, truth, spacing=spacing, both_empty="perfect")
    assert perfect == [missed, invented, best(name)]


@each_metric
def test_one_slice_in_3d(name: str) -> None:
    """Every pixel of a single slice touches the frame, so its whole mask is border.

    Counts hence agree with 2-D on any mask; distances where a 2-D mask is all border as well, such as lines at most
    two pixels wide, whatever the spacing across the slice.
    """
    if METRICS[name].kind == "counts":
        first, second = random_labels((37, 52), 8), random_labels((37, 52), 9)
    else:
        first, second = np.zeros((37, 52), np.uint8), np.zeros((37, 52), np.uint8)
        for image, shift in ((first, 0), (second, 3)):
            image[3:30, 5 + shift : 7 + shift] = 1
            image[8 + shift : 10 + shift, 20:40] = 2
            image[30 + shift, 30 + shift] = 3
    flat = values(name, first, second, spacing=(0.5, 1.25))
    assert values(name, first[None], second[None], spacing=(5.0, 0.5, 1.25)) == pytest.approx(flat, rel=1e-14)


@each_metric
@each_shape
def test_deterministic_and_the_same_with_a_prepared_truth(name: str, shape: tuple[int, ...]) -> None:
    first, second, spacing = random_labels(shape, 8), random_labels(shape, 9), SPACINGS[len(shape)]
    prepared = label_surfaces(second, [1, 2, 3], spacing)
    once = records(name, first, second, spacing=spacing)
    for again in range(2):
        assert records(name, first, second, spacing=spacing, prepared=prepared) == once, again


@each_metric
@each_shape
def test_inputs_are_left_alone(name: str, shape: tuple[int, ...]) -> None:
    first, second = random_labels(shape, 8).copy(), random_labels(shape, 9).copy()
    first.flags.writeable = second.flags.writeable = False
    assert values(name, first, second) == values(name, first.copy(order="F"), second.copy(order="F"))


MASK = np.zeros((8, 9), np.uint8)
MISTAKES: dict[str, tuple[Callable[[str], object], str]] = {
    "shapes": (lambda n: values(n, MASK, MASK.T), r"\(8, 9\) does not fit truth of shape \(9, 8\)"),
    "axes": (lambda n: values(n, MASK[0], MASK[0]), "2 or 3 axes"),
    "type": (lambda n: values(n, MASK.astype(np.int64), MASK), "prediction holds int64"),
    "spacing length": (lambda n: values(n, MASK, MASK, spacing=(1, 1, 1)), "3 values; give one for each of 2"),
    "spacing sign": (lambda n: values(n, MASK, MASK, spacing=(1, 0)), "positive"),
    "spacing nan": (lambda n: values(n, MASK, MASK, spacing=(1, math.nan)), "positive"),
    "class": (lambda n: measure(MASK, MASK, [256], [spelled(n)]), r"\[256\] lie outside"),
    "name": (lambda n: measure(MASK, MASK, [1], [f"{n}x"]), "unknown metric"),
}


@each_metric
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence(name: str, mistake: str) -> None:
    call, message = MISTAKES[mistake]
    with pytest.raises(UserError, match=message) as caught:
        call(name)
    assert "\n" not in str(caught.value)
