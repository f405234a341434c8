"""A weighted sum of losses, and what its weights really mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from seggrid.config.mixture import Mixture
from seggrid.losses import maps
from seggrid.losses.base import NO_MAPS, Batch, Loss, build, check


class MixtureLoss(nn.Module):
    """The losses of a mixture on one batch, which share its softmax, areas and maps.

    Args:
        mixture: terms with their weights, constant or scheduled.
        class_names: names of the objects; the background, class 0, is not named.
        class_areas: (C,) pixels of each class in the training cases, background first; None where no term
            with ``areas=train`` needs them.

    Attributes:
        names: the terms, as they are written in an expression.
        scheduled: whether any weight follows a schedule.
        weights: (n_terms,) float64, of the epoch that ``set_epoch`` named last; at first of epoch 0 of 1.

    Raises:
        UserError: a term is weighted by area and a class has no training pixel.
        ValueError: a term needs class areas and none are given.
    """

    weights: Tensor

    def __init__(self, mixture: Mixture, class_names: Sequence[str], class_areas: Tensor | None) -> None:
        super().__init__()
        everything = ("background", *class_names)
        self.names = tuple(term.name for term in mixture.terms)
        self.num_classes = len(everything)
        self.maps = mixture.maps
        self.losses = nn.ModuleList(build(term, self.num_classes, class_areas, everything) for term in mixture.terms)
        self.scheduled = mixture.scheduled
        self._mixture = mixture
        self.register_buffer("weights", torch.tensor(mixture.weights_at(0, 1), dtype=torch.float64), persistent=False)

    def set_epoch(self, epoch: int, epochs: int) -> None:
        """Take the weights of one epoch, counted from 0, of those that are planned, also under early stopping."""
        if self.scheduled:
            self.weights.copy_(torch.tensor(self._mixture.weights_at(epoch, epochs), dtype=torch.float64))

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        spacing: Sequence[float] | None = None,
        auxiliary: Mapping[str, Tensor] = NO_MAPS,
    ) -> tuple[Tensor, Tensor]:
        """Return the weighted sum and the value of each term.

        Args:
            logits: (N, C, *S) floating point.
            target: (N, *S) int64, labels 0 to C-1.
            spacing: one positive number per axis of S, the same for the whole batch; None where isotropic.
            auxiliary: the outputs of the network besides the logits, each (N, C', *S).

        Returns:
            The total, a scalar in float32 (float64 for float64 logits), also under autocast; and the
            unweighted values (n_terms,), without gradient.

        Raises:
            ValueError: shapes, types or labels do not fit, or the network lacks an output that a term reads.
        """
        with torch.autocast(logits.device.type, enabled=False):
            values = self.values(logits, target, spacing, auxiliary)
            return (values * self.weights.to(values.dtype)).sum(), values.detach()

    def values(
        self,
        logits: Tensor,
        target: Tensor,
        spacing: Sequence[float] | None = None,
        auxiliary: Mapping[str, Tensor] = NO_MAPS,
    ) -> Tensor:
        """Return the unweighted values (n_terms,), differentiable; arguments and errors as for ``forward``."""
        check(logits, target, self.num_classes)
        batch = Batch(logits, target, auxiliary=auxiliary)
        probabilities = batch.probabilities if maps.read_prediction(self.maps) else None
        batch.maps = maps.compute(self.maps, target, self.num_classes, spacing, probabilities)
        return torch.stack([cast(Loss, loss).value(batch) for loss in self.losses])


def effective_ratios(
    mixture_loss: MixtureLoss,
    logits: Tensor,
    target: Tensor,
    spacing: Sequence[float] | None = None,
    auxiliary: Mapping[str, Tensor] = NO_MAPS,
) -> Tensor:
    """Return each term's share of the gradient on what the network gives, what its weight really means.

    Share k is ||w_k dL_k/dy|| / sum_j ||w_j dL_j/dy||, y the logits and the auxiliary outputs, Euclidean norms over
    the whole batch (our definition). The shares sum to 1; where no term has a gradient all are 0.

    Args:
        mixture_loss, logits, target, spacing, auxiliary: as for ``MixtureLoss.forward``.

    Returns:
        (n_terms,) float32 (float64 for float64 logits), without gradient.

    Raises:
        ValueError: as for ``MixtureLoss.forward``.
    """
    with torch.enable_grad(), torch.autocast(logits.device.type, enabled=False):
        leaf, outputs = _leaf(logits), {name: _leaf(output) for name, output in auxiliary.items()}
        values = mixture_loss.values(leaf, target, spacing, outputs)
        norms = [_gradient_norm(value, [leaf, *outputs.values()]) for value in values]
    weighted = torch.stack(norms) * mixture_loss.weights.to(values.dtype)
    return weighted / weighted.sum().clamp_min(torch.finfo(weighted.dtype).tiny)


def _leaf(output: Tensor) -> Tensor:
    return output.detach().to(torch.promote_types(output.dtype, torch.float32), copy=True).requires_grad_()


def _gradient_norm(value: Tensor, leaves: Sequence[Tensor]) -> Tensor:
    # A term reads the logits or an auxiliary output, seldom both.
    found = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)
    norms = [gradient.norm() for gradient in found if gradient is not None]
    return norms[0] if len(norms) == 1 else torch.stack(norms).norm()
