"""What the exit status of a training process says to the parent that waits for it."""

from __future__ import annotations

import errno
from enum import IntEnum

_NOT_WRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class ExitStatus(IntEnum):
    """How a training process ended by itself, where the run is not trained to its end."""

    FAILED = 3
    """With an error that it would meet again."""
    NO_DEVICE = 4
    """The device that was asked for is not here: the command is wrong, not the run."""
    DISK_FULL = 5
    """Nothing can be written: when there is room again, it goes on from its last checkpoint."""
    PAUSED = 6
    """It got as far as it was asked to."""
    DIVERGED = 7
    """As FAILED, because the loss or the weights are no longer finite."""
    NOT_FLUSHED = 120
    """Python's own, where the last lines of standard error do not fit on the disk: as DISK_FULL."""


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or one that it was raised from, says that a disk takes no more."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _NOT_WRITABLE:
            return True
        cause = cause.__cause__ or cause.__context__
    return False
