"""Images a second of seggrid's training step, beside a bare loop and the usual data loaders.

``python benchmarks/training_loop.py [--network NAME] [--size 256] [--batch 8] [--precision fp32] [--rounds 9]``

All take the same optimiser steps of the same network on the same mixture (boundary maps included):

- ``bare``: tensors already on the device, augmented beforehand, maps made beforehand; nothing but the step;
- ``seggrid``: the project's own step: gather, default augmentation, maps, step;
- ``albumentations``: the same augmentations in worker processes behind torch's DataLoader;
- ``monai``: the same augmentations as MONAI's dictionary transforms on its CacheDataset behind its DataLoader.

Printed: images a second of each (median over rounds of a few steps, taken in turn) and the ratio to ``bare``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from seggrid.config import parse_experiment
from seggrid.data.preprocess import preprocess
from seggrid.data.store import Store
from seggrid.inference.device import choose_device, use_deterministic_kernels
from seggrid.losses import maps
from seggrid.paths import DataFolder
from seggrid.plan import make_plan
from seggrid.specification import RunSpec, read_data
from seggrid.training.checkpoint import State
from seggrid.training.loop import Job, _augmenter, forward, sample_positions, step
from seggrid.training.run import initial_state, prepare
from timing import hardware, medians_in_turn, run_as_a_training

STEPS = 4
CASES = 64


class Silent:
    """Takes the place of the progress display."""

    def report(self, row: dict[str, float]) -> None:
        """Say nothing."""


def make_job(options: argparse.Namespace) -> tuple[Job, Callable[[], State]]:
    """Make a data set of plain ellipses and prepare a run on it."""
    experiment = {
        "name": "benchmark",
        "data": {
            "source": "phantom",
            "knee": {"subjects": CASES, "frames": 1, "size": options.size, "style": "ellipses"},
        },
        "preprocessing": ["percentile_clip", "z_score"],
        "networks": [options.network],
        "mixtures": ["0.50*dual_level_ce + 0.25*dice + 0.25*boundary"],
        "training": {
            "batch_size": options.batch,
            "precision": options.precision,
            "threads": options.threads,
            "deterministic": options.deterministic,
        },
    }
    plan = make_plan(parse_experiment(experiment, "benchmark"), [])
    plan.write()
    folder = DataFolder(plan.data_id)
    preprocess(read_data(plan.data_id), folder, options.threads)
    spec = RunSpec.model_validate(json.loads(next(t for p, t in plan.specifications.items() if "runs" in p.parts)))
    use_deterministic_kernels(options.deterministic, options.threads)
    store, device = Store.open(folder), choose_device("auto")
    job = prepare(spec, store, store.fold("all"), device, None, Silent())  # type: ignore[arg-type]
    return job, lambda: initial_state(spec, store, device)


def bare(job: Job, state: State) -> Callable[[], object]:
    """The same step on tensors and maps that are ready."""
    augment = _augmenter(job, 0)
    batches = []
    for positions in sample_positions(len(job.train), job.training.batch_size, STEPS, torch.Generator()):
        images, labels = job.train.batch(positions)
        images, labels = augment(images, labels) if augment else (images, labels)
        target = labels.long()
        batches.append((images, target, maps.compute(job.loss.maps, target, job.loss.num_classes, None)))

    def run() -> None:
        for images, target, ready in batches:
            with mock.patch.object(maps, "compute", return_value=ready):
                step(job, state, images, target, 1e-3)

    return run


def ours(job: Job, state: State) -> Callable[[], object]:
    """What ``train_epoch`` does."""
    sampling = torch.Generator().manual_seed(0)

    def run() -> None:
        augment = _augmenter(job, 0)
        for positions in sample_positions(len(job.train), job.training.batch_size, STEPS, sampling):
            images, labels = job.train.batch(positions, sampling)
            images, labels = augment(images, labels) if augment else (images, labels)
            step(job, state, images, labels.long(), 1e-3)

    return run


def loaded(job: Job, state: State, loader: DataLoader) -> Callable[[], object]:
    """The same step on what a data loader brings."""

    def endless() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield from loader

    batches = endless()

    def run() -> None:
        for _ in range(STEPS):
            images, labels = next(batches)
            step(job, state, images.to(job.device, non_blocking=True), labels.to(job.device).long(), 1e-3)

    return run


class Albumented(Dataset):
    """Cases with the default augmentations by albumentations, one image at a time."""

    def __init__(self, job: Job) -> None:
        import albumentations as A
        import cv2

        cv2.setNumThreads(0)
        settings = job.training.augmentation
        assert settings is not None
        angle, zoom, shift = settings.rotation, settings.scaling, settings.translation
        self._transform = A.Compose(
            [
                A.HorizontalFlip(p=settings.flips(2)[1]),
                A.Affine(scale=(1 - zoom, 1 + zoom), translate_percent=(-shift, shift), rotate=(-angle, angle), p=0.8),
                A.RandomBrightnessContrast(settings.brightness, settings.contrast, p=settings.intensity),
                A.GaussianBlur(sigma_limit=(0.1, settings.blur_sd), p=settings.blur),
                A.GaussNoise(std_range=(0, settings.noise_sd), p=settings.noise),
            ]
        )
        images, labels = job.train.batch(torch.arange(len(job.train)))
        self._images, self._labels = images.cpu().numpy(), labels.cpu().numpy()
        low, high = self._images.min(), self._images.max()
        self._images = (self._images - low) / (high - low)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        done = self._transform(image=self._images[index].transpose(1, 2, 0), mask=self._labels[index])
        image = np.atleast_3d(done["image"]).transpose(2, 0, 1)
        return torch.from_numpy(np.ascontiguousarray(image)), torch.from_numpy(done["mask"])


def albumentations_loader(job: Job, workers: int) -> DataLoader:
    """Torch's DataLoader over albumentations."""
    return DataLoader(
        Albumented(job),
        job.training.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=job.device.type == "cuda",
    )


def monai_loader(job: Job, workers: int) -> DataLoader:
    """MONAI's DataLoader over its CacheDataset, of images or volumes, whole or in patches."""
    from monai.data import CacheDataset
    from monai.data import DataLoader as MonaiLoader
    from monai.transforms import (
        Compose,
        RandAdjustContrastd,
        RandAffined,
        RandFlipd,
        RandGaussianNoised,
        RandGaussianSmoothd,
        RandScaleIntensityd,
        RandSpatialCropd,
        SpatialPadd,
    )

    s = job.training.augmentation
    assert s is not None
    whole = whole_cases(job)
    size = job.training.patch_size or whole[0][1].shape
    both, angle, axes = ["image", "label"], (float(np.deg2rad(s.rotation)),) * (3 if len(size) == 3 else 1), len(size)
    shift, sd = [s.translation * side for side in size], (0.1, s.blur_sd)
    transform = Compose(
        [
            *([SpatialPadd(both, size), RandSpatialCropd(both, size)] if job.training.patch_size else []),
            *(RandFlipd(both, prob=p, spatial_axis=axis) for axis, p in enumerate(s.flips(len(size))) if p),
            RandAffined(
                both, prob=s.affine, rotate_range=angle, scale_range=(s.scaling,) * axes, translate_range=shift,
                mode=("bilinear", "nearest"), padding_mode="zeros",
            ),
            RandScaleIntensityd("image", factors=s.contrast, prob=s.intensity),
            RandAdjustContrastd("image", prob=s.gamma, gamma=(1 / s.gamma_range, s.gamma_range)),
            RandGaussianSmoothd("image", prob=s.blur, sigma_x=sd, sigma_y=sd, sigma_z=sd),
            RandGaussianNoised("image", prob=s.noise, std=s.noise_sd),
        ]
    )  # fmt: skip
    cases = [{"image": image, "label": labels[None]} for image, labels in whole]

    def collate(items: list[dict[str, Tensor]]) -> tuple[Tensor, Tensor]:
        return (
            torch.stack([torch.as_tensor(item["image"]) for item in items]).as_subclass(Tensor),
            torch.stack([torch.as_tensor(item["label"])[0] for item in items]).as_subclass(Tensor),
        )

    return MonaiLoader(
        CacheDataset(cases, transform, progress=False),
        batch_size=job.training.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        collate_fn=collate,
    )


def whole_cases(job: Job) -> list[tuple[Tensor, Tensor]]:
    """The images and labels that training draws from, on the processor."""
    stored = job.train._pairs or list(zip(*job.train._stacked, strict=True))
    return [(image.cpu(), labels.cpu()) for image, labels in stored]


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="UNet_R18")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--deterministic", action="store_true")
    parser.add_argument("--peers", nargs="*", default=["albumentations", "monai"])
    return parser.parse_args()


def main() -> None:
    """Print a line per way."""
    run_as_a_training()
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEGGRID_RESULTS"] = str(Path(folder) / "results")
        job, fresh = make_job(options)
        ways = {"bare": bare(job, fresh()), "seggrid": ours(job, fresh())}
        if "albumentations" in options.peers:
            ways["albumentations"] = loaded(job, fresh(), albumentations_loader(job, options.workers))
        if "monai" in options.peers:
            ways["monai"] = loaded(job, fresh(), monai_loader(job, options.workers))
        print(f"{hardware()}\n{options.network}, {options.batch}x1x{options.size}x{options.size}, {options.precision}")
        seconds = medians_in_turn(ways, options.rounds)
        for name, value in seconds.items():
            rate = STEPS * options.batch / value
            print(f"{name:<16}{rate:8.2f} images/s   ratio to bare {seconds['bare'] / value:.3f}")
        state = fresh()
        images, _ = job.train.batch(torch.arange(options.batch))
        print(f"logits of a batch: {tuple(forward(job, state, images).logits.shape)}")


if __name__ == "__main__":
    main()
