"""HD95 and ASSD of one case: ours beside MONAI's two calls, a plain distance transform and a plain search tree.

``python benchmarks/metrics.py [--only plane|volume]`` measures 512x512 with 5 classes and 128x128x128 with 9. All run
in turn, one thread each, on a clean prediction (the truth, bent) and a noisy one (a tenth of its pixels random), with
equal and unequal spacing. Ours includes the pixel counts and the policy for empty masks; ``prepared`` has the borders
of the truth at hand. MONAI is handed one-hot tensors, transform and tree crop to the joint box of an object, and the
transform computes in float32. A ratio above 1 is in our favour.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import edt
import numpy as np
import numpy.typing as npt
import torch
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance
from scipy import ndimage
from scipy.spatial import cKDTree

from seggrid.metrics import label_surfaces, measure
from timing import hardware, medians_in_turn

Labels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Pair = tuple[float, float]
Values = list[Pair]
Distances = npt.NDArray[np.float64]
Directed = tuple[Distances, Distances]
METRICS = ("hd95", "assd")


class Size(NamedTuple):
    """What is measured: an image, an unequal spacing of it, and how often."""

    shape: tuple[int, ...]
    classes: int
    unequal: tuple[float, ...]
    rounds: int


SIZES = {"plane": Size((512,) * 2, 5, (0.4, 0.7), 31), "volume": Size((128,) * 3, 9, (2.0, 0.7, 0.9), 5)}


def main() -> None:
    """Print the hardware, and for each size a line a case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(SIZES))
    parser.add_argument("--rounds", type=int, help="default: 31 in the plane, 5 in the volume")
    options = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    torch.set_num_threads(1)
    print(hardware())
    for name, size in SIZES.items():
        if options.only in (None, name):
            report(size._replace(rounds=options.rounds or size.rounds))


def report(size: Size) -> None:
    """Print the times in milliseconds, and the ratios to ours."""
    sides = "x".join(map(str, size.shape))
    print(f"{sides}, {size.classes} classes, median of {size.rounds} rounds, ms")
    truth = truth_of(size.shape, size.classes)
    predictions = {"clean": bent(truth), "noisy": _noisy(bent(truth), size.classes)}
    for name, prediction in predictions.items():
        for kind, spacing in (("equal", (0.3,) * len(size.shape)), ("unequal", size.unequal)):
            seconds = _compare(prediction, truth, size.classes, spacing, size.rounds)
            if (name, kind) == ("clean", "equal"):
                peers = list(seconds)[2:]
                print(
                    " " * 24
                    + "".join(f"{way:>10}" for way in seconds)
                    + "".join(f"{peer + '/ours':>14}" for peer in peers)
                )
            times = "".join(f"{1e3 * value:>10.2f}" for value in seconds.values())
            ratios = "".join(f"{seconds[peer] / seconds['ours']:>14.1f}" for peer in peers)
            print(f"{f'{name}, {kind} spacing':24}{times}{ratios}", flush=True)


def _compare(
    prediction: Labels, truth: Labels, classes: int, spacing: tuple[float, ...], rounds: int
) -> dict[str, float]:
    """Return the median seconds of every way; their values must agree."""
    labels = range(1, classes)
    borders = label_surfaces(truth, labels, spacing)
    # The search trees of a prepared truth are made by the first prediction that needs them.
    measure(prediction, truth, labels, METRICS, spacing, prepared=borders)
    tensors = _one_hot(prediction, classes), _one_hot(truth, classes)

    def ours(prepared: bool) -> Values:
        given = borders if prepared else None
        found = measure(prediction, truth, labels, METRICS, spacing, prepared=given)
        return [(record.values["hd95"], record.values["assd"]) for record in found]

    def cropped(distances: Callable[..., Directed]) -> Values:
        return [_cropped(distances, prediction == label, truth == label, spacing) for label in labels]

    ways: dict[str, Callable[[], Values]] = {
        "ours": lambda: ours(prepared=False),
        "prepared": lambda: ours(prepared=True),
        "MONAI": lambda: _monai(*tensors, spacing),
        "EDT": lambda: cropped(_transform),
        "cKDTree": lambda: cropped(_tree),
    }
    results = {name: way() for name, way in ways.items()}
    for name, result in results.items():
        np.testing.assert_allclose(result, results["ours"], rtol=1e-4, err_msg=name)
    return medians_in_turn(ways, rounds)


def _monai(prediction: torch.Tensor, truth: torch.Tensor, spacing: Sequence[float]) -> Values:
    steps = list(spacing)
    hd95 = compute_hausdorff_distance(prediction, truth, percentile=95, spacing=steps)
    assd = compute_average_surface_distance(prediction, truth, symmetric=True, spacing=steps)
    return list(zip(hd95[0].tolist(), assd[0].tolist(), strict=True))


def _cropped(distances: Callable[..., Directed], prediction: Mask, truth: Mask, spacing: Sequence[float]) -> Pair:
    """Borders on the joint bounding box, one search each way, both metrics from the same arrays."""
    box = ndimage.find_objects((prediction | truth).view(np.uint8))[0]
    borders = [
        mask & ~ndimage.binary_erosion(mask)
        for mask in (np.ascontiguousarray(prediction[box]), np.ascontiguousarray(truth[box]))
    ]
    forth, back = distances(*borders, spacing)
    pooled = np.concatenate((forth, back))
    return float(max(np.percentile(forth, 95), np.percentile(back, 95))), float(pooled.mean())


def _transform(first: Mask, second: Mask, spacing: Sequence[float]) -> Directed:
    maps = [edt.edt(~border, anisotropy=tuple(spacing), parallel=1) for border in (first, second)]
    return maps[1][first], maps[0][second]


def _tree(first: Mask, second: Mask, spacing: Sequence[float]) -> Directed:
    points = [np.argwhere(border) * np.array(spacing) for border in (first, second)]

    def nearest(known: Distances, asked: Distances) -> Distances:
        return np.asarray(cKDTree(known).query(asked)[0])

    return nearest(points[1], points[0]), nearest(points[0], points[1])


def truth_of(shape: tuple[int, ...], classes: int) -> Labels:
    """Return wobbly ellipsoids, one a class, spread along a circle."""
    generator = np.random.default_rng(0)
    wobble = np.stack([ndimage.gaussian_filter(generator.standard_normal(shape), 6) for _ in shape])
    grid = np.indices(shape) + wobble / wobble.std() * 2.0
    labels = np.zeros(shape, np.uint8)
    for label in range(1, classes):
        angle = 2 * np.pi * label / (classes - 1)
        away = np.resize([np.sin(angle), np.cos(angle)], len(shape))
        centre = np.array(shape) * (0.5 + 0.28 * away)
        radius = np.array(shape) * generator.uniform(0.08, 0.17, len(shape))
        inside = sum(((grid[k] - centre[k]) / radius[k]) ** 2 for k in range(len(shape))) <= 1
        labels[inside] = label
    return labels


def bent(truth: Labels) -> Labels:
    """Return the truth moved by a smooth field of a few pixels."""
    generator = np.random.default_rng(1)
    field = np.stack([ndimage.gaussian_filter(generator.standard_normal(truth.shape), 8) for _ in truth.shape])
    return ndimage.map_coordinates(truth, np.indices(truth.shape) + field / field.std() * 1.5, order=0)


def _noisy(labels: Labels, classes: int) -> Labels:
    generator = np.random.default_rng(2)
    random = generator.integers(0, classes, labels.shape, dtype=np.uint8)
    return np.where(generator.random(labels.shape) < 0.1, random, labels)


def _one_hot(labels: Labels, classes: int) -> torch.Tensor:
    return torch.from_numpy(np.stack([labels == label for label in range(classes)]))[None]


if __name__ == "__main__":
    main()
