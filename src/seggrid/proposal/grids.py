"""Three grids for the same data: a first look, a comparison, and a study of the ratios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seggrid.config import parse_experiment
from seggrid.proposal.settings import Settings

_FIRST_NETWORKS = ("UNet_R18", "Linknet_R18")
_MORE_NETWORKS = (*_FIRST_NETWORKS, "DeepLabV3+_R18", "SegFormer_B0")
_ALL_NETWORKS = (*_MORE_NETWORKS, "UNet++_R18")
#: The same for volumes.
_VOLUME_NETWORKS = (("UNet3D", "VNet"), ("UNet3D", "VNet", "SegResNet"), ("UNet3D", "VNet", "SegResNet"))
#: The mixture that takes longest to compute, of those proposed.
COSTLIEST = "0.50*dual_level_ce + 0.25*dice + 0.25*boundary"
_MIXTURES = ("ce", "0.50*ce + 0.50*dice", COSTLIEST)
_SIMPLEX = {"simplex": {"terms": ["dual_level_ce", "dice", "boundary"], "step": 0.25}}


@dataclass(frozen=True)
class Grid:
    """What is run.

    Attributes:
        purpose: a few words.
        keys: of the experiment file, in their order.
        runs: trainings.
        folds: of these, the same for every candidate and seed.
    """

    name: str
    purpose: str
    keys: Mapping[str, Any]
    runs: int

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of the networks."""
        return tuple(self.keys["networks"])

    @property
    def epochs(self) -> int:
        """Epochs of a run."""
        return int(self.keys["training"]["epochs"])

    @property
    def validations(self) -> int:
        """Validations of a run."""
        return self.epochs // int(self.keys["training"]["validate_every"])


def propose_grids(settings: Settings) -> tuple[Grid, Grid, Grid]:
    """Return the small, the medium and the full grid."""
    first, whole = _training(settings, 15, 3), _training(settings, 100, 5)
    few, more, all_of_them = _VOLUME_NETWORKS if settings.patch else (_FIRST_NETWORKS, _MORE_NETWORKS, _ALL_NETWORKS)
    return (
        _grid(
            settings, "small", "a first look: does all work, is it in the right direction",
            {"folds": [0], "networks": few, "mixtures": _MIXTURES, "training": first},
        ),
        _grid(
            settings, "medium", "a comparison: every fold, so every group is tested once, and longer training",
            {"networks": more, "mixtures": _MIXTURES, "training": whole},
        ),
        _grid(
            settings, "full", "a study of the ratios: three seeds, every ratio of three losses in steps of a quarter",
            {
                "networks": all_of_them, "mixtures": (*_MIXTURES[:2], _SIMPLEX), "training": whole,
                "seeds": [0, 1, 2],
            },
        ),
    )  # fmt: skip


def _training(settings: Settings, epochs: int, validate_every: int) -> dict[str, Any]:
    training: dict[str, Any] = {
        "epochs": epochs,
        "validate_every": validate_every,
        "batch_size": settings.batch,
        "precision": "bf16",  # fp32 where the hardware lacks it
    }
    if settings.patch:
        training |= {"patch_size": list(settings.patch), "patch_sampling": {"foreground": 0.33}}
    if settings.steps:
        training["steps_per_epoch"] = settings.steps
    if settings.select_last:
        training["select"] = "last"
    return training


def _grid(settings: Settings, name: str, purpose: str, keys: dict[str, Any]) -> Grid:
    splits = {"folds": settings.splits.folds}
    found = parse_experiment({"name": name, "data": {"source": "phantom"}, "splits": splits, **keys}, name)
    candidates = len(found.networks) * len(found.all_mixtures())
    return Grid(name, purpose, keys, candidates * len(found.all_folds()) * len(found.seeds))
