"""What 24 short runs cost on a cluster, by how many share an allocation: ``python benchmarks/slurm_packing.py``.

Throw-away clusters of two virtual nodes with one fake GPU each work on this machine (tests/slurm/cluster.py), so that
two jobs run at once. Every way starts in an empty folder with the data preprocessed, and looks at the queue every
second. Processor time is that of everything, Slurm's daemons included, and hardly depends on other work.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import yaml

from seggrid.provenance import processor

HOURS = 4 * 3600.0
REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.conftest import TINY, Workplace  # noqa: E402
from tests.slurm.cluster import Cluster, Size  # noqa: E402
from tests.slurm.grid import Grid  # noqa: E402

SHARED = [f"{rule}:{request}" for rule in ("train", "evaluate") for request in ("gpu=0", "gres=gpu:1", "place=1")]


def ways(share: int) -> dict[str, tuple[str, ...]]:
    """Options of Snakemake, by what they come to."""
    return {
        "train and evaluate apart": ("--groups", "train=train", "evaluate=evaluate"),
        "a run an allocation (the profile)": (),
        f"{share} runs an allocation, 2 at once on its GPU": (
            "--group-components", f"run={share}",
            "--set-resources", *SHARED, "--resources", "place=2", "--set-resource-scopes", "place=local",
        ),
    }  # fmt: skip


def workplace(folder: Path, runs: int) -> Workplace:
    """Two candidates on two folds with as many seeds as the number of runs needs."""
    folder.mkdir()
    path = folder / "short.yaml"
    path.write_text(yaml.safe_dump({**TINY, "seeds": list(range(runs // 4))}), encoding="utf-8")
    place = Workplace(folder, path)
    place.seggrid("plan", str(path))
    (data,) = (place.results / "data").glob("phantom-*")
    place.seggrid("preprocess", data.name)
    return place


def measure(folder: Path, runs: int, options: tuple[str, ...]) -> tuple[float, float, int]:
    """Let a way run on a cluster of its own; return wall seconds, processor seconds and the number of Slurm's jobs."""
    place = workplace(folder, runs)
    cluster = Cluster(folder / "cluster", Size(gpus=1))
    before = used()
    try:
        cluster.start()
        work = Grid(cluster, place, options)
        started = time.perf_counter()
        assert work.finish(work.start_ranking(), HOURS) == 0, work.log.read_text()
        wall, jobs = time.perf_counter() - started, len(work.jobs())
    finally:
        cluster.stop()
    return wall, used() - before, jobs


def used() -> float:
    """Processor seconds of all processes that ended, whoever started them; waits for those that still run."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def main() -> None:
    """Print the hardware and a line a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=24, help="a multiple of 4; default: 24")
    parser.add_argument("--share", type=int, default=6, help="runs that share an allocation; default: 6")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    # What a daemon leaves behind becomes a child of this process, and is counted.
    set_child_subreaper = 36
    ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    print(f"{f'{options.runs} runs':<44}{'wall s':>8}{'processor s':>13}{'Slurm jobs':>12}{'runs a minute':>15}")
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:
        for number, (way, arguments) in enumerate(ways(options.share).items()):
            wall, spent, jobs = measure(Path(name) / str(number), options.runs, arguments)
            print(f"{way:<44}{wall:>8.0f}{spent:>13.0f}{jobs:>12}{60 * options.runs / wall:>15.1f}", flush=True)
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
