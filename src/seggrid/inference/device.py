"""Which device a process computes on, and with which kernels."""

from __future__ import annotations

import os

import torch

from seggrid.errors import UserError


class NoDeviceError(UserError):
    """The device that was asked for is not here."""


def choose_device(name: str) -> torch.device:
    """Return the device of that name; ``auto`` is the GPU where there is one.

    Raises:
        NoDeviceError: a GPU is asked for where there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise NoDeviceError("device: cuda is asked for, but torch sees no GPU here; use auto or cpu")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and torch.cuda.is_available()) else "cpu")


def use_deterministic_kernels(deterministic: bool, threads: int) -> None:
    """Fix what torch may otherwise choose by load, by timing or by the kind of GPU."""
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # what deterministic matrix products on a GPU need
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
    # To read memory that nothing has written is a defect, which filling it would hide, at a tenth of the time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not deterministic
    # Otherwise convolutions in fp32 are computed with the 10 bits of TF32 where the GPU has it.
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    # Numbers below 1e-38 are nothing to the result, and many times slower on a processor.
    torch.set_flush_denormal(True)
