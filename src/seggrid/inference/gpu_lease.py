"""One machine with several GPUs: parallel trainings and evaluations on different ones.

A process locks a file that stands for its GPU, in the machine's temporary folder, so that those of other results
folders and users are seen as well. The kernel frees the lock when the process ends, however it does. Under a scheduler
that shows a job its own GPU only, and on a machine with one, nothing is locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from seggrid.errors import UserError

logger = logging.getLogger(__name__)

#: How many processes may share a GPU; set, it holds for a single GPU as well.
SHARING = "SEGGRID_RUNS_PER_GPU"


@contextlib.contextmanager
def leased(device: torch.device, poll: float = 1.0) -> Iterator[torch.device]:
    """Hold a GPU while the block runs; wait where all are taken. Devices that are no GPU are returned as they are.

    Args:
        device: as chosen by name, so without a number.
        poll: seconds between two looks.

    Raises:
        UserError: ``SEGGRID_RUNS_PER_GPU`` is no positive number.
    """
    gpus = visible_gpus() if device.type == "cuda" else []
    sharing = os.environ.get(SHARING)
    if len(gpus) < (1 if sharing else 2):
        yield device
        return
    slots = _number(sharing) if sharing else 1
    with contextlib.ExitStack() as held:
        told = False
        while (index := _take(gpus, slots, held)) is None:
            if not told:
                logger.warning("all %d GPUs are taken; waiting for one (%s allows more on each)", len(gpus), SHARING)
                told = True
            time.sleep(poll)
        yield torch.device("cuda", index)


def visible_gpus() -> list[str]:
    """An identifier of each GPU that this process sees, the same for all processes of the machine."""
    return [str(torch.cuda.get_device_properties(index).uuid) for index in range(torch.cuda.device_count())]


def _take(gpus: list[str], slots: int, held: contextlib.ExitStack) -> int | None:
    """Lock the first free place, one on every GPU before a second on any; return the number of its GPU."""
    for slot, (index, gpu) in itertools.product(range(slots), enumerate(gpus)):
        path = Path(tempfile.gettempdir()) / f"seggrid-gpu-{gpu}-{slot}.lock"
        file = held.enter_context(os.fdopen(_open(path)))
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return index
    held.close()
    return None


def _open(path: Path) -> int:
    # Reading is enough for a lock, and any user may read what another one made; Linux refuses to "create" that again.
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"{SHARING}={text}: must be a whole number of at least 1")
    return int(text)
