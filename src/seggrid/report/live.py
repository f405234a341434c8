"""``seggrid report --live``: the report of a grid while it runs, on loopback.

One thread answers, the main thread looks at the files and makes the pages. It scores into a folder of its own, for the
workflow writes into that of the experiment at the same time. A reader polls for a version and, where it is new, loads
the page behind the old one and takes its place over: see ``templates/live.js``.
"""

from __future__ import annotations

import gzip
import hashlib
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seggrid.errors import UserError
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder
from seggrid.report.page import render
from seggrid.report.results import results_of
from seggrid.report.serving import HTML, Reply, Server
from seggrid.report.stage import build_sections
from seggrid.scoring.grid import Grid, read_grid
from seggrid.scoring.histories import live_history
from seggrid.scoring.stage import score_grid
from seggrid.specification import PlannedRun, read_plan

#: Seconds between two looks at the files.
INTERVAL = 2.0
#: Making pages takes at most one part in so many of the time: the cores are there for training.
_RARITY = 5
#: Seconds without a question after which nobody is taken to read.
_DESERTED = 60.0
Marks = tuple[tuple[int, int] | None, ...]


def serve(experiment: str, port: int) -> None:
    """Serve the growing report of a planned experiment until Ctrl-C or SIGTERM.

    Args:
        port: of 127.0.0.1; 0 for a free one.

    Raises:
        UserError: the experiment was never planned, or the port cannot be had.
    """
    read_plan(experiment)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="seggrid-live-") as scratch:
        page = LivePage(experiment, Path(scratch))
        try:
            with Server(experiment, port, page.reply) as server:
                print(f"{experiment}: {server.address}  (Ctrl-C ends it)", flush=True)  # noqa: T201 (where to look)
                while True:
                    page.look()
                    time.sleep(INTERVAL)
        except KeyboardInterrupt:
            return


@dataclass(frozen=True)
class Snapshot:
    """What readers are given.

    Attributes:
        version: stands for the page; empty before the first one.
        page: the last page that could be made, compressed.
        progress: how far the grid is, in words.
        problem: why there is no newer page, in a sentence; empty where there is none.
    """

    version: str = ""
    page: bytes = b""
    progress: str = ""
    problem: str = ""


class LivePage:
    """The page of an experiment as of its files, made anew when they have changed and somebody reads it."""

    def __init__(self, experiment: str, scratch: Path) -> None:
        self._own = ExperimentFolder(experiment)
        self._experiment = experiment
        self._scores = ExperimentFolder(experiment, scratch)
        self._runs: list[PlannedRun] = []
        self._plan: Marks = ()
        self._scored: Marks = ()
        self._drawn: Marks = ()
        self._asked = self._next = time.monotonic()
        self.snapshot = Snapshot()

    def reply(self, path: str) -> Reply | None:
        """Answer a reader: ``state`` or ``report``; ``None`` for what is not there."""
        self._asked = time.monotonic()
        shown = self.snapshot
        if path == "state":
            return Reply.json({key: getattr(shown, key) for key in ("version", "progress", "problem")})
        if path == "report" and shown.version:
            return Reply(HTML, shown.page, compressed=True)
        return None

    def look(self) -> bool:
        """Make a new page where files have changed; return whether one was made.

        Whatever goes wrong is told to the readers, who keep the last page, and is tried again.
        """
        began = time.monotonic()
        if began < self._next or began > self._asked + _DESERTED:
            return False
        try:
            made = self._make()
        # A file may be damaged in any way, and the server must live until it is mended.
        except Exception as error:
            self._drawn = self._scored = ()
            self._complain(error)
            made = False
        self._next = time.monotonic() + (time.monotonic() - began) * (_RARITY - 1)
        return made

    def _make(self) -> bool:
        plan = marks((self._own.plan, self._own.experiment))
        if plan != self._plan:
            self._runs, self._plan = read_plan(self._experiment), plan
        scored = plan + marks(_ended(self._runs))
        drawn = scored + marks(_others(self._runs))
        if drawn == self._drawn:
            return False
        grid = read_grid(self._experiment)
        if grid.runs and scored != self._scored:
            score_grid(grid, self._scores)
            self._scored = scored
        results = results_of(grid, self._scores)
        page = render(results, build_sections(results)).encode()
        version = hashlib.sha256(page).hexdigest()[:12]
        self.snapshot = Snapshot(version, gzip.compress(page, 6, mtime=0), progress(grid))
        self._drawn = drawn
        return True

    def _complain(self, error: Exception) -> None:
        problem = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        if problem != self.snapshot.problem and not isinstance(error, UserError):
            traceback.print_exception(error, file=sys.stderr)
        self.snapshot = replace(self.snapshot, problem=problem)


def progress(grid: Grid) -> str:
    """``3 of 8 runs completed, 1 failed, 2 training``."""
    states = grid.states()
    training = sum(run.state == "missing" and live_history(run) is not None for run in grid.runs)
    counts = {"failed": states["failed"], "not evaluated yet": states["unevaluated"], "training": training}
    rest = "".join(f", {number} {name}" for name, number in counts.items() if number)
    return f"{states['completed']} of {len(grid.runs)} runs completed{rest}"


def marks(paths: Iterable[Path]) -> Marks:
    """When each file was changed and how large it is; ``None`` where there is none."""
    return tuple(map(_mark, paths))


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


def _ended(runs: Sequence[PlannedRun]) -> Iterator[Path]:
    """What scoring reads."""
    for run in runs:
        folder = RunFolder(run.run_id)
        yield from (folder.status, folder.evaluation(run.eval_id).cases)
    for data_id in dict.fromkeys(run.data_id for run in runs):
        yield DataFolder(data_id).index


def _others(runs: Sequence[PlannedRun]) -> Iterator[Path]:
    """What the page shows beside the scores."""
    for run in runs:
        folder = RunFolder(run.run_id)
        yield from (folder.history, folder.live_history, folder.evaluation(run.eval_id).predictions)
    for data_id in dict.fromkeys(run.data_id for run in runs):
        yield DataFolder(data_id).card
