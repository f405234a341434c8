"""What every loss is: a module from logits, target and maps to one finite number.

A new loss is one file with one subclass of ``Loss`` that defines ``value``, and one row of ``catalogue.LOSSES``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

import torch
from torch import Tensor, nn

from seggrid.catalogue import LOSSES
from seggrid.config.mixture import Term
from seggrid.errors import UserError
from seggrid.losses import fused
from seggrid.losses.likelihood import log_likelihood

NO_MAPS: Mapping[str, Tensor] = MappingProxyType({})


class Batch:
    """One batch as the losses read it; what several terms of a mixture need is computed at most once.

    Args:
        logits: (N, C, *S) floating point. Half precision is raised to float32, float64 is kept.
        target: (N, *S) int64, labels 0 to C-1.
        maps: maps by name, each (N, C, *S).
        auxiliary: further outputs of the network by name, each (N, C', *S) floating point.
    """

    def __init__(
        self,
        logits: Tensor,
        target: Tensor,
        maps: Mapping[str, Tensor] = NO_MAPS,
        auxiliary: Mapping[str, Tensor] = NO_MAPS,
    ) -> None:
        self.logits = _raised(logits)
        self.target = target
        self.maps = maps
        self.auxiliary = auxiliary

    @cached_property
    def log_likelihood(self) -> Tensor:
        """(N, *S) log p_y, differentiable; finite for every finite logit."""
        result, self.probabilities = log_likelihood(self.logits, self.target, self.__dict__.get("probabilities"))
        return result

    @cached_property
    def probabilities(self) -> Tensor:
        """(N, C, *S) softmax as a constant, from which the sums of ``losses.fused`` have a gradient on the logits."""
        with torch.no_grad():
            return self.logits.softmax(dim=1)

    @cached_property
    def areas(self) -> Tensor:
        """(N, C) pixels of each class in each image, in the type of the logits."""
        one = self.logits.new_ones(())
        return fused.sum_by_class(one.expand_as(self.target), self.target, self.logits.shape[1])

    def map(self, name: str) -> Tensor:
        """Return the map ``name``, (N, C, *S), in the type of the logits.

        Raises:
            ValueError: the map is missing or its shape is not that of the logits.
        """
        if name not in self.maps:
            raise ValueError(f"the map {name!r} is missing; MixtureLoss computes it, losses.maps.compute alone")
        found = self.maps[name]
        if found.shape != self.logits.shape:
            raise ValueError(f"map {name!r} has shape {tuple(found.shape)}, the logits {tuple(self.logits.shape)}")
        return found.to(self.logits.dtype)

    def output(self, name: str) -> Tensor:
        """Return the auxiliary output ``name``, (N, C', *S), in float32 or float64.

        Raises:
            ValueError: the network does not give it, or it is of another size than the target.
        """
        if name not in self.auxiliary:
            raise ValueError(f"the network gives no output {name!r}; take one that does, or leave the loss out")
        found = _raised(self.auxiliary[name])
        if (len(found), *found.shape[2:]) != tuple(self.target.shape):
            raise ValueError(f"output {name!r} of shape {tuple(found.shape)} does not fit {tuple(self.target.shape)}")
        return found


def _raised(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()


def check(logits: Tensor, target: Tensor, num_classes: int) -> None:
    """Check what a loss is given.

    Labels are checked on the CPU only: a CUDA device would have to be waited for. There the kernels that index by
    label assert them; ``boundary`` alone, and ``region_wise`` with its map, index by none and take a label outside as
    no class.

    Raises:
        ValueError: shapes or types do not fit, or a label lies outside 0 to C-1.
    """
    if logits.ndim not in (4, 5) or not logits.is_floating_point():
        raise ValueError(
            f"logits should be floating point (N, C, *S) with 2 or 3 axes S, not {logits.dtype} {tuple(logits.shape)}"
        )
    if logits.shape[1] != num_classes:
        raise ValueError(f"logits have {logits.shape[1]} channels, the loss was built for {num_classes} classes")
    if target.dtype != torch.int64:
        raise ValueError(f"target should be int64 labels, not {target.dtype}")
    if target.shape != (logits.shape[0], *logits.shape[2:]):
        raise ValueError(f"target of shape {tuple(target.shape)} does not fit logits of shape {tuple(logits.shape)}")
    if target.numel() == 0:
        raise ValueError(f"target of shape {tuple(target.shape)} holds no pixel")
    if target.device.type == "cpu":
        _check_labels(target, num_classes)


def _check_labels(target: Tensor, num_classes: int) -> None:
    low, high = (int(bound) for bound in target.aminmax())
    if low < 0 or high >= num_classes:
        wrong = low if low < 0 else high
        raise ValueError(f"target holds label {wrong}, outside the classes 0 to {num_classes - 1}")


class Loss(nn.Module):
    """Base of every loss.

    A subclass defines ``value`` and documents Formula, Source, Range, Units and Deviations. Its keyword
    parameters and their defaults are those of its row in the catalogue.

    Args:
        num_classes: C, background included, at least 2.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        if num_classes < 2:
            raise ValueError(f"a loss needs at least 2 classes, background included, not {num_classes}")
        self.num_classes = num_classes

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        maps: Mapping[str, Tensor] = NO_MAPS,
        auxiliary: Mapping[str, Tensor] = NO_MAPS,
    ) -> Tensor:
        """Return the loss of one batch, a scalar in float32, also under autocast; float64 for float64 logits.

        Args:
            logits: (N, C, *S) floating point.
            target: (N, *S) int64, labels 0 to C-1.
            maps: the maps that the loss' row names, each (N, C, *S).
            auxiliary: the outputs of the network besides the logits, each (N, C', *S).

        Raises:
            ValueError: shapes, types, labels, maps or outputs do not fit.
        """
        check(logits, target, self.num_classes)
        with torch.autocast(logits.device.type, enabled=False):
            return self.value(Batch(logits, target, maps, auxiliary))

    def value(self, batch: Batch) -> Tensor:
        """Compute the loss, a scalar in the type of ``batch.logits``; what a subclass defines."""
        raise NotImplementedError


def build(term: Term, num_classes: int, class_areas: Tensor | None, class_names: Sequence[str] | None = None) -> Loss:
    """Build the loss that a term names; the term's weight is the mixture's business.

    Args:
        term: a loss and the parameters that differ from their defaults.
        num_classes: C, background included.
        class_areas: (C,) pixels of each class in the training cases, background first; None where unknown.
        class_names: (C,) names for messages, background first; numbers where None.

    Raises:
        UserError: the loss is weighted by the training areas and a class has no training pixel, or two
            parameters contradict each other.
        ValueError: the training areas are needed and missing, or not (C,).
    """
    row = LOSSES[term.loss]
    given = dict(term.parameters)
    if row.areas and given.get("areas", row.parameters["areas"].default) == "train":
        given["class_areas"] = _checked_areas(term.name, num_classes, class_areas, class_names)
    loss: Loss = row.load()(num_classes, **given)
    return loss


def _checked_areas(term: str, num_classes: int, areas: Tensor | None, class_names: Sequence[str] | None) -> Tensor:
    if areas is None or areas.shape != (num_classes,):
        shape = None if areas is None else tuple(areas.shape)
        raise ValueError(f"{term} needs the training areas of all {num_classes} classes, not {shape}")
    empty = torch.nonzero(areas <= 0).flatten().tolist()
    if empty:
        names = ", ".join(f"{c}" if class_names is None else f"{c} ({class_names[c]})" for c in empty)
        raise UserError(
            f"{term}: class {names} has no pixel in the training cases, so it has no weight; "
            "remove the class, use fewer folds, or set areas=batch"
        )
    return areas.double()
