"""Parallel trainings on a machine with several GPUs; the GPUs are names."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import torch

from seggrid.errors import UserError
from seggrid.inference import gpu_lease
from seggrid.inference.gpu_lease import SHARING, leased

CUDA = torch.device("cuda")
#: Another process that holds a GPU until it is killed.
HOLDER = """
import sys, tempfile, time, torch
from seggrid.inference import gpu_lease
tempfile.tempdir = sys.argv[1]
gpu_lease.visible_gpus = lambda: ["a", "b"]
with gpu_lease.leased(torch.device("cuda")) as device:
    print(device, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(gpu_lease, "visible_gpus", lambda: ["a", "b"])
    monkeypatch.delenv(SHARING, raising=False)


def test_two_trainings_take_two_gpus() -> None:
    with leased(CUDA) as first, leased(CUDA) as second:
        assert {str(first), str(second)} == {"cuda:0", "cuda:1"}


def test_a_third_waits_for_the_first_that_ends(caplog: pytest.LogCaptureFixture) -> None:
    got = []

    def train() -> None:
        with leased(CUDA, poll=0.01) as device:
            got.append(str(device))

    with leased(CUDA), contextlib.ExitStack() as second:
        second.enter_context(leased(CUDA))
        third = threading.Thread(target=train)
        third.start()
        third.join(0.2)
        assert third.is_alive()
        assert not got
        (told,) = caplog.messages
        assert SHARING in told
        second.close()
        third.join(10)
        assert got == ["cuda:1"]


def test_sharing_fills_every_gpu_before_it_shares_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHARING, "2")
    with contextlib.ExitStack() as held:
        devices = [str(held.enter_context(leased(CUDA))) for _ in range(4)]
    assert devices == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]


def test_the_gpu_of_a_killed_training_is_free_at_once(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "cuda:0\n"
    with leased(CUDA) as device:
        assert str(device) == "cuda:1", "another process is seen"
    holder.kill()
    holder.communicate()
    with leased(CUDA) as device:
        assert str(device) == "cuda:0"


@pytest.mark.parametrize("gpus", [[], ["a"]])
def test_one_gpu_is_shared_as_ever(gpus: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gpu_lease, "visible_gpus", lambda: gpus)
    with leased(CUDA) as first, leased(CUDA) as second:
        assert first == second == CUDA
    assert not list(tmp_path.iterdir())


def test_a_processor_needs_no_lease(tmp_path: Path) -> None:
    with leased(torch.device("cpu")) as device:
        assert device == torch.device("cpu")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["0", "-1", "many"])
def test_nonsense_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHARING, text)
    with pytest.raises(UserError, match=SHARING), leased(CUDA):
        pass
