"""``seggrid track --follow``: curves of runs that are training, sent by one process that reads what they write.

Training itself talks to no server. A run that has ended takes the place of its curve, as every import makes it.
"""

from __future__ import annotations

import fcntl
import sys
import time
from dataclasses import dataclass

from mlflow import MlflowClient

from seggrid.errors import UserError
from seggrid.paths import SearchFolder, tracking_store
from seggrid.scoring.grid import Grid, GridRun, read_grid
from seggrid.scoring.histories import live_history
from seggrid.tracking.children import all_runs, epoch_metrics, log_batches, run_tags
from seggrid.tracking.finished import finished_runs
from seggrid.tracking.importing import import_runs
from seggrid.tracking.parent import find_parent
from seggrid.tracking.store import ServerDownError, find_experiment, open_store

#: Seconds between two looks at the files.
INTERVAL = 10.0
_LIVE = "seggrid.live"


@dataclass
class _Curve:
    """A live child: its MLflow run, when it began, and the last epoch that was sent."""

    child: str
    started: int
    epoch: int = 0


def follow(experiment: str) -> str:
    """Send what the runs of an experiment write until all have ended and all rounds of its search are told.

    While the server is down nothing is lost: the next look sends what it missed.

    Returns:
        A summary.

    Raises:
        UserError: the experiment was not planned, the store cannot be used, or another process follows it.
    """
    tracking_store().mkdir(parents=True, exist_ok=True)
    with (tracking_store() / f".follow-{experiment}").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{experiment}: another `seggrid track --follow` is at work") from None
        follower = _Follower(experiment)
        while not follower.look():
            time.sleep(INTERVAL)
    return f"{experiment}: all runs have ended; `seggrid score` and `seggrid track` name the champion"


class _Follower:
    def __init__(self, experiment: str) -> None:
        self._experiment = experiment
        self._curves: dict[str, _Curve] = {}
        self._ended = -1
        self._begun = False
        self._said = ""

    def look(self) -> bool:
        """Send what is new; return whether nothing more can come."""
        grid = read_grid(self._experiment)
        states = grid.states()
        ended = states["completed"] + states["failed"]
        training = [run for run in grid.runs if run.state == "missing" and live_history(run) is not None]
        rounds = _rounds_to_tell(grid)
        # A search has no runs before its first round.
        news = grid.runs and (training or self._stopped(grid) or ended != self._ended)
        try:
            if news:
                self._send(grid, training, ended)
            self._say(
                f"{ended} of {len(grid.runs)} runs have ended, {len(training)} are training"
                + (f", {rounds} rounds are to come or not told yet" if rounds else "")
            )
        except ServerDownError as error:
            self._say(f"{error}; what it misses is sent when it does")
            return False
        return ended == len(grid.runs) and not rounds

    def _say(self, text: str) -> None:
        if text != self._said:
            print(f"{self._experiment}: {text}", file=sys.stderr, flush=True)  # noqa: T201 (who follows wants to see it)
        self._said = text

    def _send(self, grid: Grid, training: list[GridRun], ended: int) -> None:
        settings = grid.experiment.tracking
        with open_store(settings) as client:
            experiment_id = find_experiment(client, self._experiment, local=settings.uri is None)
            parent_id = find_parent(client, experiment_id, grid)
            if not self._begun:
                _delete_old(client, experiment_id)
                self._begun = True
            for run in training:
                self._extend(client, experiment_id, parent_id, run)
            for run_id in self._stopped(grid):
                client.set_terminated(self._curves[run_id].child, "KILLED")
                del self._curves[run_id]
            if ended != self._ended:
                import_runs(client, experiment_id, parent_id, finished_runs(grid))
                self._ended = ended

    def _stopped(self, grid: Grid) -> list[str]:
        """The live children whose run a search has stopped, so that it is no longer planned."""
        planned = {run.planned.run_id for run in grid.runs}
        return [run_id for run_id in self._curves if run_id not in planned]

    def _extend(self, client: MlflowClient, experiment_id: str, parent_id: str, run: GridRun) -> None:
        """Send the epochs that a run has trained since the last look."""
        history = live_history(run)
        if history is None:
            return
        run_id = run.planned.run_id
        curve = self._curves.get(run_id)
        if curve is None:
            started = int(1000 * (time.time() - history["seconds"].sum()))
            tags = {**run_tags(run.planned, parent_id), _LIVE: "true"}
            child = client.create_run(experiment_id, started, tags, run_id)
            curve = self._curves[run_id] = _Curve(str(child.info.run_id), started)
        # The times count from the first epoch, so that what is sent twice is the same.
        metrics = [metric for metric in epoch_metrics(history, curve.started) if metric.step > curve.epoch]
        log_batches(client, curve.child, metrics, [])
        curve.epoch = max(curve.epoch, int(history["epoch"].max()))


def _rounds_to_tell(grid: Grid) -> int:
    """Rounds of the experiment's search that are not told yet, each of which may bring runs."""
    search, folder = grid.experiment.search, SearchFolder(grid.experiment.name)
    return sum(not folder.tell(number).is_file() for number in range(search.rounds)) if search else 0


def _delete_old(client: MlflowClient, experiment_id: str) -> None:
    """Delete the curves of an earlier process: they are sent again from their first epoch."""
    for run in all_runs(client, experiment_id, f"tags.`{_LIVE}` = 'true' AND attributes.status = 'RUNNING'"):
        client.delete_run(run.info.run_id)
