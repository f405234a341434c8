"""Wall time of 24 short runs on a cluster, by how many share an allocation: ``python benchmarks/slurm_packing.py``.

A throw-away cluster of two virtual nodes with one fake GPU each works on this machine (tests/slurm/cluster.py), so that
two jobs run at once. Every way starts in an empty folder with the data preprocessed, and asks the queue as often.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import yaml

from seggrid.provenance import processor

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.conftest import TINY, Workplace  # noqa: E402
from tests.slurm.cluster import Cluster, Size  # noqa: E402
from tests.slurm.grid import Grid  # noqa: E402

SHARED = [f"{rule}:{request}" for rule in ("train", "evaluate") for request in ("gpu=0", "gres=gpu:1", "place=1")]


def ways(share: int) -> dict[str, tuple[str, ...]]:
    """Options of Snakemake, by what they come to."""
    packed = ("--group-components", f"run={share}")
    return {
        "train and evaluate apart": ("--groups", "train=train", "evaluate=evaluate"),
        "a run an allocation (the profile)": (),
        f"{share} runs an allocation": packed,
        f"{share} runs an allocation, 2 at once on its GPU": (
            *packed, "--set-resources", *SHARED, "--resources", "place=2", "--set-resource-scopes", "place=local",
        ),
    }  # fmt: skip


def grid(cluster: Cluster, folder: Path, runs: int, options: tuple[str, ...]) -> Grid:
    """Two candidates on two folds with as many seeds as the number of runs needs."""
    folder.mkdir()
    path = folder / "short.yaml"
    path.write_text(yaml.safe_dump({**TINY, "seeds": list(range(runs // 4))}), encoding="utf-8")
    place = Workplace(folder, path)
    place.seggrid("plan", str(path))
    (data,) = (place.results / "data").glob("phantom-*")
    place.seggrid("preprocess", data.name)
    return Grid(cluster, place, options)


def main() -> None:
    """Print the hardware and a line a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=24, help="a multiple of 4; default: 24")
    parser.add_argument("--share", type=int, default=6, help="runs that share an allocation; default: 6")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    print(f"{f'{options.runs} runs':<44}{'wall s':>8}{'Slurm jobs':>12}{'runs a minute':>15}")
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:
        cluster = Cluster(Path(name) / "cluster", Size(gpus=1))
        try:
            cluster.start()
            for number, (way, arguments) in enumerate(ways(options.share).items()):
                work = grid(cluster, Path(name) / str(number), options.runs, arguments)
                started = time.perf_counter()
                assert work.finish(work.start_ranking()) == 0, work.log.read_text()
                wall = time.perf_counter() - started
                print(f"{way:<44}{wall:>8.0f}{len(work.jobs()):>12}{60 * options.runs / wall:>15.1f}", flush=True)
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
