"""What ends a training, and what it tells the parent: a wrong device and a full disk are no fault of the run."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from seggrid.errors import UserError
from seggrid.inference.device import NoDeviceError
from seggrid.paths import RunFolder
from seggrid.training import checkpoint as checkpoint_module
from seggrid.training import run as run_module
from seggrid.training.checkpoint import State, save_checkpoint
from seggrid.training.exit_status import ExitStatus, is_disk_full


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    monkeypatch.setattr(run_module, "die_with_parent", lambda _: None)
    monkeypatch.setattr(run_module, "read_run", lambda run_id: run_id)
    return RunFolder("run")


def end_of(monkeypatch: pytest.MonkeyPatch, error: Exception) -> int:
    def train(*_: object) -> None:
        raise error

    monkeypatch.setattr(run_module, "train", train)
    return run_module.main("run", "cpu", os.getppid())


def full(code: int) -> OSError:
    return OSError(code, os.strerror(code))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_write_that_finds_no_room_is_told_apart(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    assert end_of(monkeypatch, full(code)) == ExitStatus.DISK_FULL
    assert end_of(monkeypatch, OSError(errno.EACCES, "denied")) == ExitStatus.FAILED


def test_a_disk_too_full_to_write_down_why_is_full(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise full(errno.ENOSPC)

    monkeypatch.setattr(run_module, "write_json", refuse)
    assert end_of(monkeypatch, full(errno.ENOSPC)) == ExitStatus.DISK_FULL
    assert end_of(monkeypatch, ZeroDivisionError("met again when there is room")) == ExitStatus.DISK_FULL


def test_a_device_that_is_not_here_is_told_apart(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert end_of(monkeypatch, NoDeviceError("device: none")) == ExitStatus.NO_DEVICE
    assert json.loads(folder.failure.read_text())["reason"] == "device: none"
    assert end_of(monkeypatch, UserError("wrong weights")) == ExitStatus.FAILED


@contextmanager
def on_a_full_disk(*_: object) -> Iterator[Path]:
    yield Path("/dev/full")


def test_a_checkpoint_that_torch_cannot_write_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the device that is always full: what torch raises names no disk."""
    network = torch.nn.Linear(300, 300)
    state = State(network, torch.optim.AdamW(network.parameters()), torch.amp.GradScaler("cpu", enabled=False))
    save_checkpoint(tmp_path, "run", state)
    monkeypatch.setattr(checkpoint_module, "atomic", on_a_full_disk)
    with pytest.raises(Exception) as caught:  # whatever torch makes of it
        save_checkpoint(tmp_path, "run", state)
    assert is_disk_full(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-000000.pt"]


def test_a_network_without_deterministic_kernels_is_told_the_key(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation, but you set "
    end_of(monkeypatch, RuntimeError(words + "'torch.use_deterministic_algorithms(True)'. " + "x" * 900))
    reason = json.loads(folder.failure.read_text())["reason"]
    assert reason.startswith(f"RuntimeError: {words}")
    assert reason.endswith("; set training.deterministic: false for this network")
    end_of(monkeypatch, RuntimeError("other"))
    assert json.loads(folder.failure.read_text())["reason"] == "RuntimeError: other"
