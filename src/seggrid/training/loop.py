"""The training loop: epochs of steps, a validation, a row of history, a checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from seggrid.config import Training
from seggrid.data.augmentation import Augmenter
from seggrid.data.device import DeviceStore
from seggrid.inference.windows import predict_in_windows
from seggrid.losses import MixtureLoss, effective_ratios
from seggrid.networks import Outputs, compute_outputs
from seggrid.training.checkpoint import State, save_checkpoint
from seggrid.training.optimiser import learning_rate
from seggrid.training.seeding import Stream, generator, seed_of
from seggrid.training.validation import mean_dice, validation_dice


class DivergedError(ArithmeticError):
    """The loss is no longer a finite number."""


@dataclass(frozen=True)
class Job:
    """A prepared run: everything the loop touches.

    Attributes:
        training: its settings.
        train, validation: the cases, on the device; no ``validation`` when nothing is held out.
        class_names: of the objects.
        spacing: ratio of the pixels' sides for distance maps; ``None`` where they are square.
        checkpoints: folder; ``None`` writes none.
        report: called after every epoch with its row of history.
    """

    run_id: str
    seed: int
    training: Training
    loss: MixtureLoss
    train: DeviceStore
    validation: DeviceStore | None
    class_names: tuple[str, ...]
    spacing: tuple[float, ...] | None
    device: torch.device
    checkpoints: Path | None
    report: Callable[[dict[str, float]], None]


def fit(job: Job, state: State, until: int | None = None) -> bool:
    """Train ``state`` from where it is to the end of the plan, or to an early stop; its best weights are kept.

    Args:
        until: epochs after which the training is paused: a checkpoint is written, and nothing else is different.

    Returns:
        Whether the training is over.

    Raises:
        DivergedError: the loss became infinite or NaN.
    """
    settings, progress = job.training, state.progress
    last_save = time.monotonic()
    while progress.epoch < settings.epochs and not _stopped(settings, progress.epoch, progress.best_epoch):
        if until is not None and progress.epoch >= until:
            if job.checkpoints:
                save_checkpoint(job.checkpoints, job.run_id, state)
            return False
        started = time.perf_counter()
        row = train_epoch(job, state)
        row["step_seconds"] = time.perf_counter() - started
        progress.epoch += 1
        row |= {f"ratio:{name}": ratio for name, ratio in zip(job.loss.names, _ratios(job, state), strict=True)}
        if progress.epoch % settings.validate_every == 0 or progress.epoch == settings.epochs:
            row |= _validate(job, state)
        row["seconds"] = time.perf_counter() - started
        progress.history.append(row)
        job.report(row)
        if job.checkpoints and time.monotonic() - last_save >= settings.checkpoint_seconds:
            save_checkpoint(job.checkpoints, job.run_id, state)
            last_save = time.monotonic()
    return True


def train_epoch(job: Job, state: State) -> dict[str, float]:
    """Train one epoch; return its row of history."""
    settings, epoch = job.training, state.progress.epoch
    job.loss.set_epoch(epoch, settings.epochs)
    torch.manual_seed(seed_of(job.seed, epoch, Stream.NETWORK))
    sampling = generator(job.seed, epoch, Stream.SAMPLING)
    augment = _augmenter(job, epoch)
    batches = sample_positions(len(job.train), settings.batch_size, settings.steps_per_epoch, sampling)
    steps = []
    rate = 0.0
    state.network.train()
    for number, positions in enumerate(batches):
        images, labels = job.train.batch(positions, sampling)
        if augment is not None:
            images, labels = augment(images, labels)
        rate = learning_rate(
            settings.optimiser.learning_rate,
            settings.schedule,
            epoch * len(batches) + number,
            settings.epochs * len(batches),
        )
        steps.append(step(job, state, images, labels.long(), rate))
    norms, losses = torch.stack(steps).split([1, 1 + len(job.loss.names)], 1)
    total, *terms = losses.mean(0).tolist()
    if not math.isfinite(total):
        raise DivergedError(f"the loss became {total} in epoch {epoch + 1}; lower the learning rate")
    values = {f"loss:{name}": value for name, value in zip(job.loss.names, terms, strict=True)}
    if job.loss.scheduled:
        weights = job.loss.weights.tolist()
        values |= {f"weight:{name}": weight for name, weight in zip(job.loss.names, weights, strict=True)}
    return {"epoch": epoch + 1, "learning_rate": rate, "loss": total, **values, **_instability(norms)}


def _instability(norms: Tensor) -> dict[str, float]:
    """Spread of the norm of the logits' gradient over the steps of an epoch, relative to its mean.

    A step that fp16 skipped has no norm. Fewer than two steps have no spread.
    """
    finite = norms[norms.isfinite()].double()
    if len(finite) < 2 or not finite.any():
        return {}
    return {"gradient_cv": float(finite.std(correction=0) / finite.mean())}


def step(job: Job, state: State, images: Tensor, labels: Tensor, rate: float) -> Tensor:
    """Take one optimiser step.

    Returns:
        The norm of the gradient on the logits, the loss, and each term's value, still on the device.
    """
    settings = job.training
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    outputs = forward(job, state, images)
    outputs.logits.retain_grad()
    total, terms = job.loss(outputs.logits, labels, job.spacing, outputs.auxiliary)
    state.optimiser.zero_grad(set_to_none=True)
    state.scaler.scale(total).backward()
    # None where every term reads an auxiliary output.
    gradient = total.new_zeros(()) if outputs.logits.grad is None else outputs.logits.grad.norm()
    norm = gradient / state.scaler.scale(total.new_ones(()))
    if settings.gradient_clip is not None:
        state.scaler.unscale_(state.optimiser)
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), settings.gradient_clip)
    state.scaler.step(state.optimiser)
    state.scaler.update()
    return torch.cat([norm[None], total.detach()[None], terms])


def forward(job: Job, state: State, images: Tensor) -> Outputs:
    """Return float32 logits and auxiliary outputs, computed in the run's precision and memory layout."""
    return compute_outputs(state.network, images, job.training.precision, job.training.channels_last)


def sample_positions(cases: int, batch: int, steps: int | None, sampling: torch.Generator) -> list[Tensor]:
    """Shuffle the cases, again and again until every batch of the epoch is full."""
    steps = steps or math.ceil(cases / batch)
    shuffles = [torch.randperm(cases, generator=sampling) for _ in range(math.ceil(steps * batch / cases))]
    return list(torch.cat(shuffles)[: steps * batch].split(batch))


def _augmenter(job: Job, epoch: int) -> Augmenter | None:
    if job.training.augmentation is None:
        return None
    draws = generator(job.seed, epoch, Stream.AUGMENTATION)
    noise = generator(job.seed, epoch, Stream.NOISE, job.device)
    # Images of two axes are rotated in their pixels, as they always were: few have any but square ones.
    spacing = job.spacing if job.spacing and len(job.spacing) == 3 else None
    return Augmenter(job.training.augmentation, draws, noise, spacing)


def _validate(job: Job, state: State) -> dict[str, float]:
    """Measure the validation Dice; keep the weights when they are the best so far."""
    if job.validation is None:
        return {}
    state.network.eval()
    settings, progress = job.training, state.progress

    def predict(images: Tensor) -> Tensor:
        return predict_in_windows(
            lambda part: forward(job, state, part).logits, images, settings.patch_size, settings.window_overlap
        )

    dice = validation_dice(
        predict,
        job.validation,
        len(job.class_names),
        1 if settings.patch_size else settings.batch_size,  # a batch of patches fits, of whole images may not
    )
    mean = mean_dice(dice)
    if progress.best_dice is None or mean > progress.best_dice:
        progress.best_dice, progress.best_epoch = mean, progress.epoch
        # A copy each, straight to the processor: a second network on the device may not fit.
        state.best = {name: value.to("cpu", copy=True) for name, value in state.network.state_dict().items()}
    return {"val_dice": mean} | {f"dice:{n}": d for n, d in zip(job.class_names, dice.tolist(), strict=True)}


def _ratios(job: Job, state: State) -> list[float]:
    """Each term's share of the gradient on the logits of one fixed batch: what its weight really means."""
    if len(job.loss.names) == 1:
        return [1.0]
    state.network.eval()
    positions = torch.arange(min(len(job.train), job.training.batch_size))
    # Its own generator, so that patches are the same in every epoch.
    images, labels = job.train.batch(positions, generator(job.seed, 0, Stream.SAMPLING))
    with torch.no_grad():
        outputs = forward(job, state, images)
    ratios = effective_ratios(job.loss, outputs.logits, labels.long(), job.spacing, outputs.auxiliary)
    return [float(ratio) for ratio in ratios]


def _stopped(settings: Training, epoch: int, best_epoch: int | None) -> bool:
    stopping = settings.early_stopping
    if stopping is None or best_epoch is None or epoch < stopping.minimum_epochs:
        return False
    if epoch % settings.validate_every:  # nothing was measured that could be no better
        return False
    return epoch - best_epoch >= stopping.patience
