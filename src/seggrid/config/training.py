"""How a network is trained. Everything but device and checkpoint interval is part of a run's identity."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from seggrid.config.base import NOT_IDENTITY, Section, Share

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Optimiser(Section):
    """Optimiser and its learning rate."""

    name: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Positive = 1e-3
    """Peak learning rate."""
    weight_decay: NotNegative = 1e-4
    """Decoupled weight decay (adamw) or L2 penalty (sgd)."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Nesterov momentum of sgd; not read by adamw."""


class Schedule(Section):
    """Learning rate over the planned epochs: linear warm-up, then decay, step by step."""

    name: Literal["cosine", "poly", "constant"] = "cosine"
    warmup: Share = 0.05
    """Share of all steps in which the rate rises linearly from 0."""
    power: Positive = 0.9
    """Exponent of poly."""


class Augmentation(Section):
    """Random changes of each training image, drawn anew every step, on the device, for the whole batch."""

    flip: Annotated[tuple[Share, ...], Field(max_length=3)] | None = None
    """Probability of a flip per axis (slices, rows, columns); null: every second image of two axes is mirrored left to
    right, a volume never, for left and right may be different objects."""
    affine: Share = 0.8
    """Probability of rotation, scaling and translation."""
    rotation: Annotated[float, Field(ge=0, le=180)] = 20.0
    """Largest angle in degrees."""
    scaling: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Largest relative change of size."""
    translation: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Largest shift as a share of the side."""
    intensity: Share = 0.5
    """Probability of a linear change of intensity."""
    brightness: NotNegative = 0.3
    """Largest shift, in standard deviations of the image."""
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Largest relative change of contrast."""
    gamma: Share = 0.3
    """Probability of a gamma curve on the image scaled to its range."""
    gamma_range: Annotated[float, Field(ge=1, le=4)] = 1.5
    """Exponents lie between 1/range and range, even on a log scale."""
    noise: Share = 0.3
    """Probability of Gaussian noise."""
    noise_sd: NotNegative = 0.1
    """Largest standard deviation of the noise, in standard deviations of the image."""
    blur: Share = 0.2
    """Probability of a Gaussian blur."""
    blur_sd: Annotated[float, Field(gt=0, le=5)] = 1.0
    """Largest standard deviation of the blur, in pixels."""

    def flips(self, axes: int) -> tuple[float, ...]:
        """Probability of a flip of each axis."""
        given = self.flip if self.flip is not None else (0.0, 0.5) if axes == 2 else ()
        return (*given, *(0.0,) * (axes - len(given)))


class PatchSampling(Section):
    """Where random patches lie: what is rare is shown more often than it occurs."""

    foreground: Share = 0.0
    """Share of the patches whose centre is a pixel of an object; all objects of an image are equally likely."""
    interface: Share = 0.0
    """Share of the patches whose centre lies where two objects are near each other."""
    interface_reach: Annotated[int, Field(ge=1, le=50)] = 2
    """Objects are near each other where both are within this many sides of the smallest spacing, along the axes and
    diagonals."""

    @model_validator(mode="after")
    def _shares(self) -> PatchSampling:
        if self.foreground + self.interface > 1:
            raise ValueError(f"foreground ({self.foreground:g}) and interface ({self.interface:g}) exceed 1 together")
        return self


class EarlyStopping(Section):
    """End when the validation Dice no longer rises."""

    patience: Annotated[int, Field(ge=1)] = 20
    """Epochs without a better validation Dice."""
    minimum_epochs: Annotated[int, Field(ge=1)] = 1
    """Never end before this epoch."""


class Training(Section):
    """One training run."""

    epochs: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Planned epochs: the horizon of every schedule, also under early stopping."""
    steps_per_epoch: Annotated[int, Field(ge=1)] | None = None
    """Batches an epoch; null: as many as show every training case once."""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 8
    """Images (or patches) a step."""
    patch_size: tuple[Annotated[int, Field(ge=8)], ...] | None = None
    """Train on random patches of this size (slices, rows, columns); null: on whole images."""
    patch_sampling: PatchSampling = PatchSampling()
    window_overlap: Annotated[float, Field(ge=0, le=0.9)] = 0.5
    """A volume larger than patch_size is predicted in windows of that size, which overlap by this share."""
    optimiser: Optimiser = Optimiser()
    schedule: Schedule = Schedule()
    gradient_clip: Positive | None = 1.0
    """Largest norm of the gradient; null: not clipped."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Arithmetic of the forward and backward pass; fp32 where the hardware has no other; losses are always float32."""
    channels_last: bool = True
    """Memory layout of convolutions; faster on most processors."""
    deterministic: bool = True
    """Use only deterministic kernels, so that the same specification gives the same bytes."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Processor threads of a run; they change rounding, so they are part of identity."""
    validate_every: Annotated[int, Field(ge=1)] = 1
    """Epochs between two validations."""
    select: Literal["best", "last"] = "best"
    """Keep the weights of the best validation Dice, or those of the last epoch."""
    early_stopping: EarlyStopping | None = None
    """null: all planned epochs are trained."""
    augmentation: Augmentation | None = Augmentation()
    """null: none."""
    init_from: str | None = None
    """Start from trained weights: a run id, an experiment (its run of the same network) or a .safetensors file."""
    device: Literal["auto", "cpu", "cuda"] = Field("auto", json_schema_extra=NOT_IDENTITY)
    """auto: the GPU where there is one."""
    checkpoint_seconds: NotNegative = Field(20.0, json_schema_extra=NOT_IDENTITY)
    """Least time between two checkpoints; 0: one after every epoch."""

    @model_validator(mode="after")
    def _consistent(self) -> Training:
        if self.validate_every > self.epochs:
            raise ValueError(f"validate_every ({self.validate_every}) exceeds epochs ({self.epochs})")
        if self.patch_sampling != PatchSampling() and self.patch_size is None:
            raise ValueError("patch_sampling needs patch_size, for whole images are not sampled")
        if self.early_stopping and self.select == "last":
            raise ValueError("early_stopping needs select: best, for it stops after the best weights")
        return self
