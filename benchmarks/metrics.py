"""HD95 and ASSD of one case: ours beside MONAI's two calls and a plain cropped distance transform.

``python benchmarks/metrics.py`` measures 512x512 with 5 classes, ``--volume`` 128x128x128 with 9. All run in turn,
one thread each, on a clean prediction (the truth, bent) and a noisy one (a tenth of its pixels random), with equal
and unequal spacing. Ours includes the pixel counts and the policy for empty masks; MONAI is handed one-hot tensors
and the transform computes in float32. A ratio above 1 is in our favour.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence

import edt
import numpy as np
import numpy.typing as npt
import torch
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance
from scipy import ndimage

from seggrid.metrics import label_surfaces, measure
from timing import hardware, medians_in_turn

Labels = npt.NDArray[np.uint8]
Values = list[tuple[float, float]]
METRICS = ("hd95", "assd")


def main() -> None:
    """Print the hardware and a line a case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volume", action="store_true", help="128x128x128 with 9 classes")
    parser.add_argument("--rounds", type=int, default=0, help="default: 31, with --volume 5")
    options = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    torch.set_num_threads(1)
    shape, classes = ((128,) * 3, 9) if options.volume else ((512,) * 2, 5)
    rounds = options.rounds or (5 if options.volume else 31)
    unequal = (2.0, 0.7, 0.9) if options.volume else (0.4, 0.7)
    size = "x".join(map(str, shape))
    print(f"{hardware()}; {size}, {classes} classes, median of {rounds} rounds")
    print(f"{'':24}{'ours':>10}{'prepared':>10}{'MONAI':>10}{'EDT':>10}{'MONAI/ours':>12}{'EDT/ours':>10}")
    truth = _truth(shape, classes)
    predictions = {"clean": _bent(truth), "noisy": _noisy(_bent(truth), classes)}
    for name, prediction in predictions.items():
        for kind, spacing in (("equal", (0.3,) * len(shape)), ("unequal", unequal)):
            ours, prepared, monai, alone = _compare(prediction, truth, classes, spacing, rounds)
            milliseconds = "".join(f"{seconds * 1e3:>8.2f}ms" for seconds in (ours, prepared, monai, alone))
            print(f"{name + ', ' + kind + ' spacing':24}{milliseconds}{monai / ours:>12.1f}{alone / ours:>10.1f}")


def _compare(prediction: Labels, truth: Labels, classes: int, spacing: tuple[float, ...], rounds: int) -> list[float]:
    """Return the median seconds of ours, ours with a prepared truth, MONAI and EDT; their values must agree."""
    labels = range(1, classes)
    borders = label_surfaces(truth, labels, spacing)
    # The search trees of a prepared truth are made by the first prediction that needs them.
    measure(prediction, truth, labels, METRICS, spacing, prepared=borders)
    tensors = _one_hot(prediction, classes), _one_hot(truth, classes)

    def ours(prepared: bool) -> Values:
        given = borders if prepared else None
        found = measure(prediction, truth, labels, METRICS, spacing, prepared=given)
        return [(record.values["hd95"], record.values["assd"]) for record in found]

    ways: list[Callable[[], Values]] = [
        lambda: ours(prepared=False),
        lambda: ours(prepared=True),
        lambda: _monai(*tensors, spacing),
        lambda: [_edt_alone(prediction == label, truth == label, spacing) for label in labels],
    ]
    results = [way() for way in ways]
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=1e-4)
    medians = medians_in_turn({str(number): way for number, way in enumerate(ways)}, rounds)
    return list(medians.values())


def _monai(prediction: torch.Tensor, truth: torch.Tensor, spacing: Sequence[float]) -> Values:
    steps = list(spacing)
    hd95 = compute_hausdorff_distance(prediction, truth, percentile=95, spacing=steps)
    assd = compute_average_surface_distance(prediction, truth, symmetric=True, spacing=steps)
    return list(zip(hd95[0].tolist(), assd[0].tolist(), strict=True))


def _edt_alone(
    prediction: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_], spacing: Sequence[float]
) -> tuple[float, float]:
    """One transform each way on the joint bounding box, both metrics from the same arrays."""
    box = ndimage.find_objects((prediction | truth).view(np.uint8))[0]
    borders = [
        mask & ~ndimage.binary_erosion(mask)
        for mask in (np.ascontiguousarray(prediction[box]), np.ascontiguousarray(truth[box]))
    ]
    maps = [edt.edt(~border, anisotropy=tuple(spacing), parallel=1) for border in borders]
    forth, back = maps[1][borders[0]], maps[0][borders[1]]
    pooled = np.concatenate((forth, back))
    return float(max(np.percentile(forth, 95), np.percentile(back, 95))), float(pooled.mean())


def _truth(shape: tuple[int, ...], classes: int) -> Labels:
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


def _bent(truth: Labels) -> Labels:
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
