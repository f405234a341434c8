"""How the cost of every loss, every map and the surface distances grows with the image and the classes.

``python benchmarks/growth.py [--picture [FILE]]``: 128^2 to 1024^2 pixels at 5 classes, 2 to 20 classes at 256^2, one
thread, seconds of the processor. Losses forward and backward with their default parameters and maps included, on two
images; HD95 and ASSD of a case, its truth not prepared. Prints a Markdown table of milliseconds an image; ``--picture``
draws it.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import torch

from distance_maps import NAMES, batch
from losses import step, sum_of
from metrics import METRICS, bent, truth_of
from seggrid.catalogue import LOSSES
from seggrid.config.mixture import Mixture
from seggrid.losses import MixtureLoss, maps
from seggrid.metrics import measure
from timing import hardware, medians_in_turn, run_as_a_training

IMAGES = 2
SIDES, CLASSES = (128, 256, 512, 1024), (2, 5, 10, 20)
#: Sides at 5 classes, and numbers of classes at 256 pixels a side.
SETTINGS = list(dict.fromkeys([(side, 5) for side in SIDES] + [(256, classes) for classes in CLASSES]))
SURFACES = "HD95 + ASSD"
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "growth.png"
#: Lines of the picture that have a colour; the others are grey.
NAMED = ("ce", "dice", "boundary", "region_specific", "hausdorff_dt", "hausdorff_er", "hausdorff_cv", SURFACES)

Times = dict[str, list[float]]


def work(side: int, classes: int) -> dict[str, tuple[Callable[[], object], int]]:
    """Return everything that is measured at one size, and of how many images it is."""
    target = batch(side, classes, IMAGES)
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(IMAGES, classes, side, side, generator=generator).requires_grad_()
    areas = torch.bincount(target.flatten(), minlength=classes).double().clamp_min(1)
    names = [f"object{c}" for c in range(1, classes)]
    found: dict[str, tuple[Callable[[], object], int]] = {}
    for name in (name for name, row in LOSSES.items() if not row.auxiliary):
        loss = MixtureLoss(Mixture.model_validate(name), names, areas)
        found[name] = partial(step, sum_of(loss), logits, target), IMAGES
    for name in NAMES:
        found[f"map {name}"] = partial(maps.compute, [name], target, classes), IMAGES
    truth = truth_of((side, side), classes)
    found[SURFACES] = partial(measure, bent(truth), truth, range(1, classes), METRICS), 1
    return found


def measured(rounds: int) -> Times:
    """Return the milliseconds an image of everything, in the order of ``SETTINGS``."""
    times: Times = {}
    for side, classes in SETTINGS:
        for name, (call, images) in work(side, classes).items():
            seconds = medians_in_turn({name: call}, rounds, time.process_time)[name]
            times.setdefault(name, []).append(1e3 * seconds / images)
    return times


def table(times: Times) -> str:
    """Return a Markdown table, a row each."""
    heads = [f"{side}x{side}, {classes}" for side, classes in SETTINGS]
    lines = [f"| ms an image | {' | '.join(heads)} |", "| --- |" + " --- |" * len(heads)]
    for name, values in times.items():
        label = name if name == SURFACES else f"{'map ' * name.startswith('map ')}`{name.removeprefix('map ')}`"
        lines.append(f"| {label} | {' | '.join(f'{value:.3g}' for value in values)} |")
    return "\n".join(lines)


def draw(times: Times, picture: Path) -> None:
    """Two panels: by side at 5 classes, by classes at 256x256."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    by_side = [SETTINGS.index((side, 5)) for side in SIDES]
    by_classes = [SETTINGS.index((256, classes)) for classes in CLASSES]
    for axes, ticks, places in ((panels[0], SIDES, by_side), (panels[1], CLASSES, by_classes)):
        for name in sorted(times, key=NAMED.__contains__):
            style = {"marker": "o", "label": name} if name in NAMED else {"color": "0.8", "linewidth": 0.8, "zorder": 1}
            axes.plot(ticks, [times[name][place] for place in places], **style)
        axes.plot([], [], color="0.8", label="every other loss and map")
        axes.set(xscale="log", yscale="log")
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
    panels[0].set(xlabel="side in pixels, 5 classes", ylabel="ms an image")
    panels[1].set(xlabel="classes, 256x256")
    panels[0].legend(fontsize="small")
    figure.savefig(picture, dpi=130)


def main() -> None:
    """Print the hardware and the table."""
    run_as_a_training()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--picture", type=Path, nargs="?", const=PICTURE)
    options = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(f"{hardware()}, median of {options.rounds}\n")
    times = measured(options.rounds)
    print(table(times))
    if options.picture is not None:
        draw(times, options.picture)


if __name__ == "__main__":
    main()
