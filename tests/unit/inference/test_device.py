"""Where a process computes, and that fp32 means fp32."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from seggrid.errors import UserError
from seggrid.inference.device import choose_device


def test_a_gpu_that_is_not_here_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(UserError, match="cuda is asked for, but torch sees no GPU here; use auto or cpu"):
        choose_device("cuda")


KERNELS = """
import os, warnings
warnings.simplefilter("error")
import torch
from seggrid.inference.device import use_deterministic_kernels
use_deterministic_kernels(True, 1)
assert torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.benchmark
assert torch.backends.cudnn.conv.fp32_precision == torch.backends.cuda.matmul.fp32_precision == "ieee"
assert torch.get_num_threads() == 1 and os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3))
use_deterministic_kernels(False, 1)
assert torch.backends.cudnn.benchmark and torch.backends.cudnn.conv.fp32_precision == "ieee"
"""


def test_kernels_are_fixed_without_tf32_and_without_a_warning() -> None:
    done = subprocess.run([sys.executable, "-c", KERNELS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
