"""The weights of an ensemble's members, one for each member and class, fitted on validation cases.

With p_m(c) the softmax probability of member m, w the weights (each class sums to 1 over the members) and y the truth,

    s(c) = sum_m w_mc p_m(c),    L(w) = mean over cases and pixels of -log( s(y) / sum_c s(c) ),

    w = softmax over the members of theta,    theta = argmin  L / L(mean) + 0.01 mean(theta^2).

theta = 0 is the mean, where the search begins and which the second term pulls toward: a weight of 7 times another one
(theta 1 and -1) has to make the truth 1 % likelier. This is our reading of learnable weights per model and class (Li et
al. 2025, ensemble loss): its page does not say whether probabilities or logits are averaged, nor how the weights are
found, and its code is not public. See ``docs/explanation/our-readings.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seggrid.data.store import Store
from seggrid.inference.members import ClassWeights
from seggrid.inference.predict import Predicts

#: Pull toward the mean.
_PULL = 0.01
#: Pixels that are read of all cases together; larger cases give a random part of theirs.
_PIXELS = 2**19
#: Values of all pixels, members and classes together that may be held: 512 MiB of float32.
_VALUES = 2**27
_STEPS = 100
#: Decimals of a weight.
_DECIMALS = 6
_TINY = 1e-12


@dataclass(frozen=True)
class Fitted:
    """Weights, and what they gain.

    Attributes:
        weights: of each member for background and objects.
        log_likelihood, of_mean: of the truth with them, and where every member counts the same.
        steps: of the optimiser.
    """

    weights: ClassWeights
    log_likelihood: float
    of_mean: float
    steps: int


def learn_weights(members: Sequence[Predicts], store: Store, cases: Sequence[int], seed: int) -> Fitted | None:
    """Fit the weights of some members on validation cases of a data set, at the resolution of the networks' input.

    Args:
        seed: of the drawing of pixels.

    Returns:
        ``None`` where there are no cases.
    """
    if not cases:
        return None
    classes = len(store.class_names) + 1
    share = min(_PIXELS, _VALUES // (len(members) * classes)) // len(cases)
    found = [_sample(members, store, case, max(1, share), seed) for case in cases]
    counts = [len(labels) for _, labels in found]
    importance = np.repeat([1 / (len(cases) * count) for count in counts], counts)
    return fit(
        torch.cat([values for values, _ in found], dim=2),
        torch.from_numpy(np.concatenate([labels for _, labels in found]).astype(np.int64)),
        torch.from_numpy(importance),
    )


def _sample(
    members: Sequence[Predicts], store: Store, case: int, share: int, seed: int
) -> tuple[Tensor, npt.NDArray[np.uint8]]:
    """Probabilities ``(members, classes, pixels)`` and labels ``(pixels)`` of a case, at most ``share`` pixels."""
    labels = store.labels(case).ravel()
    pixels = np.arange(labels.size)
    if labels.size > share:
        pixels = np.sort(np.random.default_rng([seed, case]).choice(labels.size, share, replace=False, shuffle=False))
    image = torch.from_numpy(np.array(store.image(case)))[None]
    chosen = torch.from_numpy(pixels)
    values = [member.probabilities(image)[0].flatten(1).cpu()[:, chosen] for member in members]
    return torch.stack(values), labels[pixels]


def fit(probabilities: Tensor, labels: Tensor, importance: Tensor) -> Fitted:
    """Fit the weights on pixels.

    Args:
        probabilities: ``(members, classes, pixels)``.
        labels: int64 ``(pixels)``.
        importance: of each pixel in the mean, float64 ``(pixels)``; sums to 1.
    """
    theta = torch.zeros(probabilities.shape[:2], dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        start = float(_loss(theta.softmax(0), probabilities, labels, importance))
    optimiser = torch.optim.LBFGS(
        [theta], max_iter=_STEPS, tolerance_grad=1e-7, tolerance_change=1e-10, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = _loss(theta.softmax(0), probabilities, labels, importance) / max(start, _TINY)
        loss = loss + _PULL * theta.square().mean()
        loss.backward()
        return loss

    optimiser.step(closure)
    with torch.no_grad():
        weights = theta.softmax(0).round(decimals=_DECIMALS)
        reached = float(_loss(weights, probabilities, labels, importance))
    steps = int(optimiser.state[theta]["n_iter"])
    rows = tuple(tuple(round(value, _DECIMALS) for value in row) for row in weights.tolist())
    return Fitted(rows, round(-reached, 10), round(-start, 10), steps)


def _loss(weights: Tensor, probabilities: Tensor, labels: Tensor, importance: Tensor) -> Tensor:
    scores = torch.einsum("mc,mcp->cp", weights, probabilities.double())
    truth = scores.gather(0, labels[None])[0]
    return (importance * (scores.sum(0).clamp_min(_TINY).log() - truth.clamp_min(_TINY).log())).sum()
