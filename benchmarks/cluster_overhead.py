"""What the workflow costs a controller and a job at 5,000 runs, beside a workflow of as many empty jobs.

``python benchmarks/cluster_overhead.py``: dry-runs of both take turns, then both start as they do inside a cluster job,
where the Snakefile is parsed anew. Nothing is submitted, so no Slurm is needed. Processor time shows what a busy
machine adds to the wall time; ratios are of medians of processor time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from seggrid.provenance import processor
from start_up import EXPERIMENT, RUNS

REPOSITORY = Path(__file__).resolve().parents[1]
PROFILE = REPOSITORY / "profiles" / "slurm"

#: The same graph: a data set, training and evaluation of each run, ranking, report and import; no code, no input.
EMPTY = f"""\
rule all:
    input: "report", "tracked"
rule preprocess:
    output: "data/index"
    shell: "touch {{output}}"
rule train:
    input: "data/index"
    output: "runs/{{run}}/status"
    group: "run"
    shell: "touch {{output}}"
rule evaluate:
    input: "runs/{{run}}/status"
    output: "runs/{{run}}/cases"
    group: "run"
    shell: "touch {{output}}"
rule score:
    input: [f"runs/{{run}}/cases" for run in range({RUNS})]
    output: "ranking"
    shell: "touch {{output}}"
rule report:
    input: "ranking"
    output: "report"
    shell: "touch {{output}}"
rule track:
    input: "ranking"
    output: "tracked"
    shell: "touch {{output}}"
"""


@dataclass
class Call:
    """A Snakemake command and what each of its runs took."""

    name: str
    arguments: list[str]
    folder: Path
    wall: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)
    memory_mb: float = 0.0

    def run(self) -> None:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "snakemake", *self.arguments],
            cwd=self.folder,
            env={**os.environ, "SEGGRID_RESULTS": str(self.folder / "results")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, errors.decode()
        self.wall.append(time.perf_counter() - started)
        self.used.append(usage.ru_utime + usage.ru_stime)
        self.memory_mb = max(self.memory_mb, usage.ru_maxrss / 1024)


def calls(folder: Path) -> list[Call]:
    """Dry-runs, then starts inside a job: in pairs of ours and the empty one's."""
    ours, empty, nothing = (folder / name for name in ("ours", "empty", "nothing"))
    for place in (ours, empty, nothing):
        place.mkdir()
    (ours / "study.yaml").write_text(EXPERIMENT, encoding="utf-8")
    (empty / "Snakefile").write_text(EMPTY, encoding="utf-8")
    (nothing / "Snakefile").write_text(
        'rule train:\n    output: "runs/0/status"\n    shell: "true"\n', encoding="utf-8"
    )
    mine = ["-s", str(REPOSITORY / "Snakefile"), "--config", "experiment=study.yaml"]
    # The first one plans; the dry-runs that are timed find the specifications unchanged.
    Call("", [*mine, "--profile", str(PROFILE), "--dry-run", "--quiet", "rules", "progress"], ours).run()
    run = next((ours / "results" / "runs").iterdir()).name
    dry = ["--profile", str(PROFILE), "--dry-run", "--quiet", "rules", "progress"]
    job = [
        "--mode",
        "remote",
        "--cores",
        "1",
        "--force",
        "--no-hooks",
        "--nolock",
        "--dry-run",
        "--quiet",
        "rules",
        "progress",
    ]

    def one(number: str) -> list[str]:
        return ["--target-jobs", f"train:run={number}", "--allowed-rules", "train"]

    return [
        Call("dry-run", [*mine, *dry], ours),
        Call("dry-run, empty jobs", dry, empty),
        Call("start in a job", [*mine, *job, *one(run)], ours),
        Call("start in a job, empty jobs", [*job, *one("0")], empty),
        Call("start in a job, one rule without wildcards", [*job, "--target-jobs", "train:"], nothing),
    ]


def main() -> None:
    """Print the hardware, a line a call, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        measured = calls(Path(name))
        for _ in range(options.rounds):
            for call in measured:
                call.run()
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {options.rounds}")
    print(f"{RUNS} runs{'':<36}{'wall s':>9}{'processor s':>13}{'memory MB':>11}")
    for call in measured:
        wall, used = statistics.median(call.wall), statistics.median(call.used)
        print(f"{call.name:<45}{wall:>9.2f}{used:>13.2f}{call.memory_mb:>11.0f}")
    dry, empty, ours, _, least = (statistics.median(call.used) for call in measured)
    print(f"dry-run beside empty jobs: {dry / empty:.2f}; parsing the Snakefile inside a job: {ours - least:.2f} s")


if __name__ == "__main__":
    main()
