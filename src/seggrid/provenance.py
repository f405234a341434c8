"""Where numbers come from: code, versions and hardware. Nothing here is part of an identity."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    import torch

_PACKAGES = (
    "seggrid", "torch", "segmentation-models-pytorch", "timm", "numpy", "scipy", "scikit-image",
    "opencv-python-headless", "edt", "connected-components-3d", "pydicom", "python-gdcm", "nibabel", "simpleitk",
    "monai", "trimesh", "pandas", "snakemake", "optuna", "mlflow",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on; a package that is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_commit() -> str | None:
    """The commit of the checkout that this code runs from, with ``+changes`` when the tree differs from it."""
    folder = Path(__file__).resolve().parent
    try:
        _git(folder, "ls-files", "--error-unmatch", Path(__file__).name)  # not the project that it is installed in
        commit = _git(folder, "rev-parse", "HEAD")
        return commit + ("+changes" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def processor() -> str:
    """Name of the processor, as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


#: Seconds by which the clock may be set while a process runs, for its start is told by the clock.
_CLOCK_SECONDS = 30


def is_running(pid: int, started: float) -> bool:
    """Whether the process of this machine that had the number ``pid`` when it was ``started`` still runs.

    Args:
        started: as psutil gave it, in seconds since 1970: the number may have gone to another process since.
    """
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < _CLOCK_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def environment(device: torch.device | None = None) -> dict[str, Any]:
    """Code, versions and hardware of this process.

    Args:
        device: the torch device that was used, where one was.
    """
    found: dict[str, Any] = {
        "commit": git_commit(),
        "versions": versions(),
        "system": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }
    if device is not None and "torch" in sys.modules:
        torch = sys.modules["torch"]
        found["threads"] = torch.get_num_threads()
        if device.type == "cuda":
            found["gpu"] = torch.cuda.get_device_name(device)
            found["gpu_peak_memory_gib"] = round(torch.cuda.max_memory_allocated(device) / 2**30, 3)
    return found
