"""Random changes of a whole batch at once, on the device of the batch.

Every number is drawn from a CPU generator, so that a batch is changed alike on every device and nothing waits for
the GPU; only the noise itself is drawn on the device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from seggrid.config.training import Augmentation

#: How many times as long as another an axis is beside which that is thin.
_THIN = 3.0


class Augmenter:
    """Flip, affine, contrast and brightness, gamma, noise and blur, each with its own probability per image.

    What is thin is tilted less, see ``tilt_share``, and an axis of one slice not at all.

    Args:
        settings: probabilities and ranges.
        generator: on the CPU; draws all parameters.
        device_generator: on the device of the batches; draws the noise.
        spacing: ratio of the pixels' sides, so that rotations are rigid; ``None`` where they are square.
    """

    def __init__(
        self,
        settings: Augmentation,
        generator: torch.Generator,
        device_generator: torch.Generator,
        spacing: Sequence[float] | None = None,
    ) -> None:
        self.settings = settings
        self._spacing = spacing
        self._generator = generator
        self._device_generator = device_generator

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Change images ``(N, C, *S)`` float32 and labels ``(N, *S)`` uint8 alike; the inputs are left alone."""
        images, labels = self._geometry(images, labels)
        images = self._intensity(images)
        images = self._gamma(images)
        images = self._blur(images)
        return self._noise(images), labels

    def _uniform(self, count: int, low: float, high: float) -> Tensor:
        return torch.rand(count, generator=self._generator) * (high - low) + low

    def _chosen(self, images: Tensor, probability: float) -> Tensor:
        """Indices of the images that a change applies to, on their device."""
        drawn = torch.rand(len(images), generator=self._generator) < probability
        return _beside(torch.nonzero(drawn).flatten(), images)

    def _geometry(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        matrix = self._affine_matrices(images)
        if matrix is None:
            return images, labels
        grid = sampling_grid(_beside(matrix, images), images.shape[2:])
        # What comes in from outside is air: as dark as the darkest pixel of the channel, and background.
        floor = images.amin(dim=tuple(range(2, images.ndim)), keepdim=True)
        moved = F.grid_sample(images - floor, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + floor
        label = F.grid_sample(labels[:, None].float(), grid, mode="nearest", padding_mode="zeros", align_corners=False)
        return moved, label[:, 0].to(labels.dtype)

    def _affine_matrices(self, images: Tensor) -> Tensor | None:
        """Draw ``(N, D, D + 1)`` maps from output to input, in the unit cube of ``grid_sample`` (first axis x)."""
        count, sides = images.shape[0], images.shape[2:]
        axes, settings = len(sides), self.settings
        flips = settings.flips(axes)
        if not any(flips) and not settings.affine:
            return None
        # In the patient a rotation is rigid; the unit cube stretches every axis by its side.
        steps = self._spacing or (1.0,) * axes
        side = torch.tensor([s * step for s, step in zip(reversed(sides), reversed(steps), strict=True)])
        moved = (torch.rand(count, generator=self._generator) < settings.affine).float()
        linear = torch.eye(axes).repeat(count, 1, 1)
        for first in range(axes):
            for second in range(first + 1, axes):
                angle = self._uniform(count, -settings.rotation, settings.rotation) * moved * math.pi / 180
                lengths = (float(side[first]), float(side[second]))
                flat = 1 in (sides[axes - 1 - first], sides[axes - 1 - second])
                angle = angle * (0.0 if flat else tilt_share(settings.rotation, *lengths))
                linear = linear @ _plane_rotation(angle, first, second, axes)
        change = math.log1p(settings.scaling)
        scale = torch.exp(self._uniform(count, -change, change) * moved)
        shift = torch.stack([self._uniform(count, -1, 1) for _ in range(axes)], 1) * 2 * settings.translation
        mirrored = [torch.rand(count, generator=self._generator) < p for p in reversed(flips)]
        flip = 1 - 2 * torch.stack(mirrored, 1).float()
        linear = linear * side[None, None, :] / side[None, :, None] * scale[:, None, None] * flip[:, None, :]
        return torch.cat([linear, (shift * moved[:, None])[:, :, None]], 2)

    def _intensity(self, images: Tensor) -> Tensor:
        chosen = self._chosen(images, self.settings.intensity)
        contrast = self._uniform(len(chosen), 1 - self.settings.contrast, 1 + self.settings.contrast)
        brightness = self._uniform(len(chosen), -self.settings.brightness, self.settings.brightness)
        if not len(chosen):
            return images
        part = images[chosen]
        mean, sd = _moments(part)
        part = (part - mean) * _spread(contrast, part) + mean + _spread(brightness, part) * sd
        return _replaced(images, chosen, part)

    def _gamma(self, images: Tensor) -> Tensor:
        chosen = self._chosen(images, self.settings.gamma)
        limit = math.log(self.settings.gamma_range)
        exponent = torch.exp(self._uniform(len(chosen), -limit, limit))
        if not len(chosen):
            return images
        part = images[chosen]
        axes = tuple(range(1, part.ndim))
        low, high = part.amin(axes, keepdim=True), part.amax(axes, keepdim=True)
        extent = (high - low).clamp_min(1e-6)
        part = ((part - low) / extent).clamp(0, 1) ** _spread(exponent, part) * extent + low
        return _replaced(images, chosen, part)

    def _noise(self, images: Tensor) -> Tensor:
        chosen = self._chosen(images, self.settings.noise)
        amount = self._uniform(len(chosen), 0, self.settings.noise_sd)
        if not len(chosen):
            return images
        part = images[chosen]
        noise = torch.randn(part.shape, generator=self._device_generator, device=part.device)
        return _replaced(images, chosen, part + noise * _spread(amount, part) * _moments(part)[1])

    def _blur(self, images: Tensor) -> Tensor:
        chosen = self._chosen(images, self.settings.blur)
        sd = self._uniform(len(chosen), 0.1 * self.settings.blur_sd, self.settings.blur_sd)
        if not len(chosen):
            return images
        return _replaced(images, chosen, gaussian_blur(images[chosen], sd))


def gaussian_blur(images: Tensor, sd: Tensor) -> Tensor:
    """Blur every image ``(N, C, *S)`` with its own standard deviation ``(N,)`` in pixels, the edge repeated."""
    count, channels, *sides = images.shape
    radius = math.ceil(3 * float(sd.max()))
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernels = torch.exp(-(offsets**2) / (2 * sd[:, None] ** 2))
    kernels = _beside((kernels / kernels.sum(1, keepdim=True)).repeat_interleave(channels, 0), images)
    result = images.reshape(1, count * channels, *sides)
    convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(sides)]
    for axis in range(len(sides)):
        shape = [1] * len(sides)
        shape[axis] = -1
        # F.pad counts from the last axis.
        pad = [radius if place // 2 == len(sides) - 1 - axis else 0 for place in range(2 * len(sides))]
        padded = F.pad(result, pad, mode="replicate")
        result = convolve(padded, kernels.reshape(count * channels, 1, *shape), groups=count * channels)
    return result.reshape(images.shape)


def sampling_grid(matrix: Tensor, sides: Sequence[int]) -> Tensor:
    """Where ``grid_sample`` finds every pixel, ``(N, *S, D)``: ``affine_grid`` with ``align_corners=False``.

    Summed axis by axis, of which only the last sum is as large as the grid: in 3-D a sixth of the time of the product
    that ``affine_grid`` computes on a processor core.
    """
    axes = len(sides)
    grid = matrix[:, :, axes].reshape(-1, *[1] * axes, axes)
    for axis in reversed(range(axes)):
        # Centres of the pixels, in a cube from -1 to 1.
        centres = torch.arange(1 - sides[axis], sides[axis], 2, dtype=matrix.dtype, device=matrix.device) / sides[axis]
        along = matrix[:, :, axes - 1 - axis].reshape(-1, *[1] * axes, axes)
        grid = grid + centres.reshape(-1, *[1] * (axes - axis)) * along
    return grid


def tilt_share(rotation: float, first: float, second: float) -> float:
    """Which share of its angles a rotation within two axes keeps, so that a slab does not turn out of its own extent.

    Where the longer side is more than three times the shorter, the ends of the slab are moved by half its thickness at
    most: by more, most of what is labelled would leave the image, and air would come in.

    Args:
        rotation: largest angle in degrees.
        first, second: extent of the image along both axes, in one unit.
    """
    short, long = sorted((first, second))
    if rotation == 0 or long <= _THIN * short:
        return 1.0
    return min(1.0, math.degrees(math.atan(short / long)) / rotation)


def _plane_rotation(angle: Tensor, first: int, second: int, axes: int) -> Tensor:
    matrix = torch.eye(axes).repeat(len(angle), 1, 1)
    matrix[:, first, first] = matrix[:, second, second] = torch.cos(angle)
    matrix[:, first, second] = torch.sin(angle)
    matrix[:, second, first] = -torch.sin(angle)
    return matrix


def _beside(values: Tensor, images: Tensor) -> Tensor:
    """Bring what was drawn to the images; nothing waits until what the device does before is done."""
    return values.to(images.device, non_blocking=True)


def _spread(values: Tensor, like: Tensor) -> Tensor:
    return _beside(values, like).reshape(-1, *[1] * (like.ndim - 1))


def _moments(images: Tensor) -> tuple[Tensor, Tensor]:
    axes = tuple(range(1, images.ndim))
    return images.mean(axes, keepdim=True), images.std(axes, keepdim=True)


def _replaced(images: Tensor, chosen: Tensor, part: Tensor) -> Tensor:
    return images.index_copy(0, chosen, part)
