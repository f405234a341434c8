"""How a training tells where it is: a bar on a terminal, plain lines in a log, a live history."""

from __future__ import annotations

import csv
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from seggrid.paths import RunFolder
from seggrid.specification import RunSpec

logger = logging.getLogger("seggrid.training")
#: Least seconds between two plain lines on standard error.
LINE_SECONDS = 5.0


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Append what training says to a file while the block runs."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


class ProgressDisplay:
    """Reports the epochs of one run while the block runs.

    Args:
        history: the epochs of earlier attempts.
        device: that it is trained on now.
    """

    def __init__(self, spec: RunSpec, history: list[dict[str, float]], device: str) -> None:
        folder = RunFolder(spec.run_id)
        self._epochs, self._live, self._device = spec.training.epochs, folder.live_history, device
        self._last_line = 0.0
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total} epochs"),
            )
            self._bar = Progress(*columns, TimeRemainingColumn(), TextColumn("{task.fields[dice]}"))
            self._task = self._bar.add_task(spec.run_id, total=self._epochs, completed=len(history), dice="")
        self._live.unlink(missing_ok=True)
        for row in history:
            append_row(self._live, row, device)

    def __enter__(self) -> ProgressDisplay:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def report(self, row: dict[str, float]) -> None:
        """Tell of one epoch."""
        dice = f"val Dice {row['val_dice']:.4f}" if "val_dice" in row else ""
        line = f"epoch {row['epoch']:.0f}/{self._epochs}  loss {row['loss']:.4f}  {dice}  {row['seconds']:.1f} s"
        logger.info(line)
        append_row(self._live, row, self._device)
        if self._bar:
            self._bar.update(self._task, completed=row["epoch"], dice=dice)
        elif time.monotonic() - self._last_line >= LINE_SECONDS or row["epoch"] == self._epochs:
            self._last_line = time.monotonic()
            print(line, file=sys.stderr, flush=True)  # noqa: T201 (the log of a job that has no terminal)


def append_row(path: Path, row: dict[str, float], device: str) -> None:
    """Add a row to the live history, which others may read while the run goes on."""
    fresh = not path.is_file()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if fresh:
            writer.writerow(["epoch", "loss", "val_dice", "seconds", "device"])
        writer.writerow([row["epoch"], row["loss"], row.get("val_dice", ""), row["seconds"], device])
