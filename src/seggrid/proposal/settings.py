"""What the data ask for: image size, normalisation, folds, batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seggrid.config.data import Splits
from seggrid.proposal.classes import ObjectClass
from seggrid.proposal.fingerprint import Fingerprint, bits
from seggrid.proposal.volumes import block_grid, patch_size, volume_step

#: Networks halve an image five times.
STRIDE = 32
#: The long side of a first grid: what a processor trains in minutes.
_LONG_SIDE = 256
_LEAST_SIDE = 64
#: Pixels that the smallest object should keep after resizing.
_LEAST_PIXELS = 16
#: Share of images that lie and of those that stand, above which both get a square.
_BOTH_WAYS = 0.1
#: Batches of an epoch where the training cases make fewer.
_STEPS = 20
#: Patches of volumes in a batch.
_VOLUMES = 4
#: Validation groups below which an epoch is not chosen by them.
_FEW_TO_CHOOSE_BY = 3


@dataclass(frozen=True)
class Settings:
    """Proposed settings, with the reason for each as a comment.

    Attributes:
        preprocessing: steps as an experiment writes them, with a comment each.
        size: of the preprocessed images; of volumes the median.
        patch: what volumes are trained on; ``None`` for images.
        blocks: that the volumes of a single patient are cut into, per axis.
        train, validation, test: cases of a fold on each side, on average.
    """

    preprocessing: tuple[tuple[Any, str], ...]
    size: tuple[int, ...]
    splits: Splits
    batch: int
    steps: int | None
    select_last: bool
    train: int
    validation: int
    test: int
    patch: tuple[int, ...] | None = None
    blocks: tuple[int, int, int] | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return self.steps or math.ceil(self.train / self.batch)


def choose_settings(fingerprint: Fingerprint, classes: Sequence[ObjectClass]) -> Settings:
    """Derive the settings; the same data give the same ones."""
    blocks = block_grid(fingerprint)
    if fingerprint.axes == 3:
        moved, size = volume_step(fingerprint, blocks)
        patch = patch_size(size)
    else:
        size, patch = image_size(fingerprint, classes), None
        moved = (({"resize": {"size": list(size), "keep_aspect": True}}, ""),)
    groups, cases = len(fingerprint.groups), len(fingerprint.cases)
    if blocks:
        groups = cases = cases * math.prod(blocks)
    splits = Splits(folds=number_of_folds(groups))
    test = round(cases / splits.folds)
    held = max(1, round(splits.validation * (groups - groups / splits.folds)))
    validation = max(1, round(held * cases / groups))
    train = max(1, cases - test - validation)
    batch = min(_VOLUMES if patch else 8 if math.prod(size) <= 192 * 192 else 4, train)
    return Settings(
        # What is far from a volume's spacing is brought to it first: it is fewer voxels then.
        preprocessing=(*moved, *normalisation(fingerprint)) if patch else (*normalisation(fingerprint), *moved),
        size=size,
        splits=splits,
        batch=batch,
        steps=_STEPS if math.ceil(train / batch) < _STEPS else None,
        select_last=held < _FEW_TO_CHOOSE_BY,
        train=train,
        validation=validation,
        test=test,
        patch=patch,
        blocks=blocks,
    )


def number_of_folds(groups: int) -> int:
    """Return 5 folds, fewer where that would leave fewer than three groups to test."""
    folds = min(5, max(2, groups // 3))
    return 3 if folds == 2 and groups == 3 else folds


def image_size(fingerprint: Fingerprint, classes: Sequence[ObjectClass]) -> tuple[int, ...]:
    """Return the median size, scaled down to a long side of 256, as multiples of the networks' stride.

    Larger where the smallest object would keep fewer than 16 pixels.
    """
    shape = fingerprint.median_shape
    aspects = [case.shape[0] / case.shape[-1] for case in fingerprint.cases]
    lying, standing = (sum(far) / len(aspects) for far in ([a < 0.9 for a in aspects], [a > 1.1 for a in aspects]))
    if min(lying, standing) > _BOTH_WAYS:
        shape = (max(shape),) * len(shape)
    largest = _strided(max(shape))
    long = min(_strided(_LONG_SIDE), largest)
    while True:
        size = tuple(max(_LEAST_SIDE, _strided(side * min(1, long / max(shape)))) for side in shape)
        if long >= largest or smallest_object(fingerprint, classes, size) >= _LEAST_PIXELS:
            return size
        long += 2 * STRIDE


def _strided(length: float) -> int:
    return STRIDE * max(1, math.ceil(round(length, 6) / STRIDE))


def smallest_object(fingerprint: Fingerprint, classes: Sequence[ObjectClass], size: Sequence[int]) -> float:
    """Pixels of the smallest object of any case after resizing to ``size``."""
    found = []
    for index, case in enumerate(fingerprint.cases):
        scale = min(side / own for side, own in zip(size, case.shape, strict=True))
        found += [own.areas[index] * scale ** len(size) for own in classes if own.areas[index]]
    return min(found, default=0.0)


def smallest_kept(fingerprint: Fingerprint, own: ObjectClass, settings: Settings) -> float:
    """Pixels of an object after preprocessing, in the case where it is smallest."""
    if settings.patch is None:
        return smallest_object(fingerprint, [own], settings.size)
    after = math.prod(settings.size) * math.prod(settings.blocks or ())
    return min(filter(None, own.areas), default=0) * after / math.prod(fingerprint.median_shape)


def normalisation(fingerprint: Fingerprint) -> list[tuple[Any, str]]:
    """Return the steps that bring intensities to a common scale, each with its reason."""
    if is_hounsfield(fingerprint):
        low, _, _, _, high = fingerprint.median("percentiles")
        window = {"window": {"low": round(low), "high": round(high), "scale": True}}
        why = "fixed values, for these look like Hounsfield units, to 0 to 1; narrow them to the tissue of interest"
        return [(window, why)]
    return [
        ("percentile_clip", "cuts what lies beyond 0.5 and 99.5 %: markers, dead and hot pixels"),
        ("z_score", "each image to mean 0 and standard deviation 1"),
    ]


def is_hounsfield(fingerprint: Fingerprint) -> bool:
    """Whether intensities look like those of a CT: signed, from air at about -1000 to beyond soft tissue."""
    cases = fingerprint.cases
    lowest, highest = fingerprint.median("lowest"), fingerprint.median("highest")
    return bits(cases) == 0 and -4096 <= lowest <= -800 and 200 <= highest <= 32767
