"""What happens on clusters, done to a small grid: ``python -m tests.slurm.faults`` (`make slurm-faults`).

Each fault ends with the ranking of an undisturbed run of the same experiment without Slurm, and with no epoch trained
twice but those that no checkpoint held yet. The section goes to docs/results-slurm.md, also where a fault failed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from seggrid.provenance import processor
from tests.conftest import REPOSITORY, TINY, Workplace
from tests.slurm.cluster import Cluster, wait_until
from tests.slurm.grid import EXPERIMENT, RUNS, Grid, ranking, undisturbed, with_data_of

PAGE = REPOSITORY / "docs" / "results-slurm.md"
MARK = "<!-- faults: written by `make slurm-faults` -->"


def nothing(grid: Grid) -> None:
    """nothing"""
    assert grid.finish(grid.start_ranking()) == 0, grid.log.read_text()


def scancel(grid: Grid) -> None:
    """`scancel` of a job that trains"""
    workflow = grid.start_ranking()
    grid.cluster.call(f"scancel {grid.wait_for_training(workflow)}")
    assert grid.finish(workflow) == 0, grid.log.read_text()


def timeout(grid: Grid) -> None:
    """the time limit of a job that trains is reached"""
    workflow = grid.start_ranking()
    job = grid.wait_for_training(workflow)
    grid.freeze(job)  # so that it lasts until the shortest limit, a minute
    grid.cluster.call(f"scontrol update JobId={job} TimeLimit=1")
    wait_until(lambda: grid.cluster.jobs().get(job) == "TIMEOUT", "the job times out", 180)
    assert grid.finish(workflow) == 0, grid.log.read_text()
    limits = grid.cluster.call(f"squeue --noheader --states=all --job={','.join(grid.jobs())} --format=%l").split()
    assert "10:00:00" in limits, f"the second attempt asks for twice the time: {limits}"


def out_of_memory(grid: Grid) -> None:
    """a job needs more memory than it asked for"""
    requests = [f"{rule}:mem_mb=250 if attempt == 1 else 4000" for rule in ("train", "evaluate")]
    grid.options = ("--set-resources", *requests)
    assert grid.finish(grid.start_ranking()) == 0, grid.log.read_text()
    states = [grid.cluster.jobs()[job] for job in grid.jobs()]
    assert any(state != "COMPLETED" for state in states), "the small request was enough"


def node_lost(grid: Grid) -> None:
    """power cut of a node with running jobs"""
    workflow = grid.start_ranking()
    job = grid.wait_for_training(workflow)
    node = grid.cluster.call(f"squeue --noheader --job={job} --format=%N")
    grid.cluster.lose_node(node)
    try:
        wait_until(lambda: node in grid.cluster.down(), "the node is down", 120)
        assert grid.finish(workflow) == 0, grid.log.read_text()
    finally:
        grid.cluster.start_node(node)
        wait_until(lambda: node not in grid.cluster.down(), "the node is back", 120)


def preempted(grid: Grid) -> None:
    """preemption with requeue, by a job of higher priority"""
    workflow = grid.start_ranking()
    job = grid.wait_for_training(workflow)
    node = grid.cluster.call(f"squeue --noheader --job={job} --format=%N")
    urgent = grid.cluster.call(f"sbatch --parsable -p urgent --exclusive -w {node} --output=/dev/null --wrap 'sleep 5'")
    wait_until(lambda: grid.cluster.jobs().get(urgent) == "COMPLETED", "the urgent job runs", 120)
    grid.before.add(urgent)
    assert grid.finish(workflow) == 0, grid.log.read_text()
    assert int(grid.cluster.call(f"scontrol show job {job}").split("Restarts=")[1].split()[0]) >= 1


def controller_killed(grid: Grid) -> None:
    """`kill -9` of Snakemake; its jobs go on; the same command again"""
    workflow = grid.start_ranking()
    grid.wait_for_training(workflow)
    workflow.kill()
    workflow.wait()
    assert grid.jobs("running"), "the jobs outlive their Snakemake"
    assert grid.finish(grid.start_ranking()) == 0, grid.log.read_text()
    assert "cancelled jobs" in grid.log.read_text(encoding="utf-8")


def full_disk(grid: Grid) -> None:
    """the disk of the results is full; room is made; the same command again"""
    data = grid.place.folder / "data"
    grid.place.results.rename(data)
    grid.place.results.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500m", "tmpfs", str(grid.place.results)], check=True)
    shutil.copytree(data, grid.place.results, dirs_exist_ok=True)
    grid.options = ("--retries", "0")
    workflow = grid.start_ranking()
    grid.wait_for_training(workflow)
    filler = grid.place.results / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass
    assert grid.finish(workflow) != 0, "there was room enough"
    filler.unlink()
    assert grid.finish(grid.start_ranking()) == 0, grid.log.read_text()


FAULTS: tuple[Callable[[Grid], None], ...] = (
    nothing, scancel, timeout, out_of_memory, node_lost, preempted, controller_killed, full_disk,
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """A row of the table."""

    what: str
    calls: int
    jobs: int
    starts: int
    twice: int
    same: bool
    seconds: float

    def row(self) -> str:
        same = "yes" if self.same else "**no**"
        cells = (self.what, self.calls, self.jobs, self.starts, self.twice, same, f"{self.seconds:.0f}")
        return "| " + " | ".join(map(str, cells)) + " |"


SECTION = f"""\
{MARK}
## Faults

Two candidates on one fold. Every fault happens while runs are trained. "Same ranking" compares `ranking.csv` (without \
the column of training times) and `cases.csv` with those of the same experiment trained without Slurm. An epoch is \
trained twice where its job was ended before its checkpoint was written. Snakemake looks at the queue every second. \
The times contain Slurm's own pauses, such as the two minutes before a requeued job begins.

{{where}}

| what happens | calls of Snakemake | Slurm jobs | runs trained from the start (of {RUNS}) | epochs trained twice | \
same ranking | s |
| --- | ---: | ---: | ---: | ---: | --- | ---: |
{{rows}}
{MARK}"""


def outcome(fault: Callable[[Grid], None], grid: Grid, expected: str) -> Outcome:
    """Let a fault happen to a grid."""
    started = time.perf_counter()
    try:
        fault(grid)
        same = ranking(grid.place) == expected
        return Outcome(
            str(fault.__doc__), grid.calls, len(grid.jobs()), sum(grid.from_start()), grid.twice(), same,
            time.perf_counter() - started,
        )  # fmt: skip
    finally:
        if os.path.ismount(grid.place.results):
            subprocess.run(["umount", str(grid.place.results)], check=True)


def workplace(folder: Path) -> Workplace:
    folder.mkdir()
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**TINY, **EXPERIMENT}), encoding="utf-8")
    return Workplace(folder, path)


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster that ends with the block."""
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def let_happen(faults: list[Callable[[Grid], None]]) -> tuple[list[str], list[str], str]:
    """Let faults happen, each to a grid of its own; return the rows, those that failed, and Slurm's version."""
    rows, failed = [], []
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:
        folder = Path(name)
        laptop = workplace(folder / "laptop")
        expected = undisturbed(laptop)
        with running_cluster(folder / "cluster") as cluster:
            for fault in faults:
                grid = Grid(cluster, with_data_of(workplace(folder / fault.__name__), laptop))
                try:
                    done = outcome(fault, grid, expected)
                    row, well = done.row(), done.same
                except Exception:  # the others are tried all the same
                    traceback.print_exc()
                    row, well = f"| {fault.__doc__} | | | | | **failed** | |", False
                    grid.cancel()
                rows.append(row)
                failed += [] if well else [fault.__name__]
                print(row, flush=True)
            return rows, failed, cluster.call("sinfo --version")


def write_section(rows: list[str], version: str, began: datetime, load: float) -> None:
    """Put the table into the page of results, with when and where it was made."""
    minutes = (datetime.now() - began).total_seconds() / 60
    where = (
        f"By `make slurm-faults` on {began:%Y-%m-%d}, in {minutes:.0f} minutes: {version}, {processor()}, "
        f"{os.cpu_count()} cores, load {load:.1f} at the start and {os.getloadavg()[0]:.1f} at the end."
    )
    before, _, after = PAGE.read_text(encoding="utf-8").split(MARK)
    PAGE.write_text(before + SECTION.format(where=where, rows="\n".join(rows)) + after, encoding="utf-8")


def main() -> int:
    """Do all faults and write the section, or only the faults that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = {fault.__name__: fault for fault in FAULTS}
    parser.add_argument("faults", nargs="*", choices=[[], *names], help="default: all, and the page is written")
    options = parser.parse_args()
    began, load = datetime.now(), os.getloadavg()[0]
    rows, failed, version = let_happen([names[name] for name in options.faults] or list(FAULTS))
    if not options.faults:
        write_section(rows, version, began, load)
    print(f"failed: {', '.join(failed)}" if failed else "all ended with the same ranking")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
