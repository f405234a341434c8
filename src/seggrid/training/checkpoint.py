"""Checkpoints: written whole or not at all, the two latest kept, a damaged one passed over."""

from __future__ import annotations

import pickle
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seggrid.errors import UserError
from seggrid.records import atomic, sweep_parts

KEPT = 2


@dataclass
class Progress:
    """How far a training is; all that must survive a kill besides the tensors.

    Attributes:
        epoch: epochs completed.
        best_epoch, best_dice: the best validation so far.
        history: a row per epoch.
        precisions: in which it was computed; several where it went on on other hardware.
    """

    epoch: int = 0
    best_epoch: int | None = None
    best_dice: float | None = None
    history: list[dict[str, float]] = field(default_factory=list)
    precisions: list[str] = field(default_factory=list)


@dataclass
class State:
    """What is being trained."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    progress: Progress = field(default_factory=Progress)
    best: dict[str, Tensor] | None = None
    """Weights of the best validation, on the CPU."""


def save_checkpoint(folder: Path, run_id: str, state: State) -> Path:
    """Write ``epoch-000012.pt`` and delete all but the latest two."""
    path = folder / f"epoch-{state.progress.epoch:06d}.pt"
    content = {
        "run_id": run_id,
        "network": state.network.state_dict(),
        "optimiser": state.optimiser.state_dict(),
        "scaler": state.scaler.state_dict(),
        "progress": asdict(state.progress),
        "best": state.best,
    }
    with atomic(path) as temporary, temporary.open("wb") as file:
        torch.save(content, file)  # into an open file, so that a full disk is Python's error with its number
    for old in sorted(folder.glob("epoch-*.pt"))[:-KEPT]:
        old.unlink()
    return path


def load_checkpoint(folder: Path, run_id: str, state: State) -> Path | None:
    """Restore the latest checkpoint that can be read; return its path, or ``None`` for a fresh start.

    Raises:
        UserError: a checkpoint belongs to another run.
    """
    sweep_parts(folder, 0)
    for path in sorted(folder.glob("epoch-*.pt"), reverse=True):
        content = _read(path)
        if content is None:
            path.unlink()
            continue
        if content["run_id"] != run_id:
            raise UserError(f"{path}: belongs to run {content['run_id']}; delete the folder {folder}")
        state.network.load_state_dict(content["network"])
        state.optimiser.load_state_dict(content["optimiser"])
        if content["scaler"]:  # none where fp16 was computed as fp32
            state.scaler.load_state_dict(content["scaler"])
        state.progress = Progress(**content["progress"])
        state.best = content["best"]
        return path
    return None


def _read(path: Path) -> dict[str, Any] | None:
    if not _is_whole(path):
        return None
    try:
        # To the CPU: load_state_dict copies to the device, and a full GPU must not look like a damaged file.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        return None
    return content if isinstance(content, dict) and "progress" in content else None


def _is_whole(path: Path) -> bool:
    """Whether a file is complete and unchanged by the checksums that torch writes into it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except zipfile.BadZipFile:
        return False
