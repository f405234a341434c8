"""Which networks a run consists of, and how much each counts: its own, or those of the members of an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seggrid.config.base import Section
from seggrid.paths import RunFolder
from seggrid.records import read_model
from seggrid.specification import EnsembleSpec, RunSpec

#: A network: the specification of its run, and its weights.
Network = tuple[RunSpec, Path]
#: How much each network counts for background and objects; each class sums to 1 over the networks.
ClassWeights = tuple[tuple[float, ...], ...]


class LearnedWeights(Section):
    """The content of ``weights.json``: how the members of an ensemble are joined.

    Attributes:
        members: run ids.
        classes: background, then the objects.
        weights: of each member, for each class.
        val_log_likelihood: of the truth, mean over the pixels of a case and over the validation cases; ``None`` where
            nothing was fitted.
        val_log_likelihood_of_mean: the same where every member counts the same.
        steps: of the optimiser.
    """

    members: tuple[str, ...]
    classes: tuple[str, ...]
    weights: ClassWeights
    val_log_likelihood: float | None = None
    val_log_likelihood_of_mean: float | None = None
    steps: int = 0


def networks_of(
    runs: Sequence[RunSpec | EnsembleSpec], root: Path | None = None
) -> tuple[tuple[Network, ...], ClassWeights | None]:
    """The networks of some runs that are averaged, and their weights; ``None`` where every network counts the same.

    Args:
        root: the results folder that they lie in, where it is another one.

    Raises:
        UserError: a specification, or the weights of an ensemble, is absent or damaged.
    """
    parts = [_of_run(run, root) for run in runs]
    networks = tuple(network for found, _ in parts for network in found)
    if all(weights is None for _, weights in parts) and len({len(found) for found, _ in parts}) == 1:
        return networks, None
    classes = next((len(weights[0]) for _, weights in parts if weights is not None), 0)
    return networks, tuple(
        tuple(weight / len(parts) for weight in row)
        for found, weights in parts
        for row in weights or ((1 / len(found),) * classes,) * len(found)
    )


def _of_run(run: RunSpec | EnsembleSpec, root: Path | None) -> tuple[list[Network], ClassWeights | None]:
    if isinstance(run, RunSpec):
        return [(run, RunFolder(run.run_id, root).model)], None
    folders = [RunFolder(member, root) for member in run.members]
    networks = [(read_model(folder.spec, RunSpec), folder.model) for folder in folders]
    if run.weights == "mean":
        return networks, None
    return networks, read_model(RunFolder(run.run_id, root).weights, LearnedWeights).weights
