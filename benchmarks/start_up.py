"""Start-up of the command line: from the start of a process to its end, beside ``python -c pass``.

``python benchmarks/start_up.py`` measures ``seggrid --help`` and ``seggrid plan`` on 5,000 runs, the latter in an
empty results folder and again where nothing is to be done. The commands take turns; processor time is that of the
process and shows what a busy machine adds to the wall time. Ratios are of medians of wall time, to ``python -c pass``.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seggrid.provenance import processor

#: 5 networks x 200 mixtures x 5 folds.
EXPERIMENT = """\
data: {source: phantom, knee: {subjects: 20}}
networks: [UNet_R18, UNet_R34, UNet++_R18, FPN_R18, SegFormer_B0]
mixtures:
  - simplex: {terms: [ce, dual_level_ce, dice, boundary], step: 0.125}
  - simplex: {terms: [weighted_ce, dice(squared=true), dice(batch=true), dice(smooth=0.1)], step: 0.25}
splits: {folds: 5}
"""
RUNS = 5000
SEGGRID = [sys.executable, "-m", "seggrid.cli"]


@dataclass
class Command:
    """A command and the time of each of its runs, in seconds."""

    name: str
    arguments: Sequence[str]
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def run(self, folder: Path, results: Path) -> str:
        """Run once in ``folder``."""
        used, started = _processor_time(), time.perf_counter()
        done = subprocess.run(
            self.arguments,
            cwd=folder,
            env={**os.environ, "SEGGRID_RESULTS": str(results)},
            capture_output=True,
            text=True,
            check=True,
        )
        self.wall.append(time.perf_counter() - started)
        self.processor.append(_processor_time() - used)
        return done.stdout


def main() -> None:
    """Print the hardware and a line a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    options = parser.parse_args()
    commands = [
        Command("python -c pass", [sys.executable, "-c", "pass"]),
        Command("seggrid --help", [*SEGGRID, "--help"]),
        Command("seggrid plan, fresh", [*SEGGRID, "plan", "study.yaml"]),
        Command("seggrid plan, unchanged", [*SEGGRID, "plan", "study.yaml"]),
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "study.yaml").write_text(EXPERIMENT, encoding="utf-8")
        for number in range(options.rounds):
            # A folder of its own a round: where thousands of files were just deleted, the system creates them slowly.
            outputs = [command.run(folder, folder / f"results-{number}") for command in commands]
            assert f": {RUNS} runs" in outputs[-1], outputs[-1]
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {options.rounds}")
    print(f"{'command':<26}{'wall s':>9}{'processor s':>13}{'ratio':>8}")
    base = statistics.median(commands[0].wall)
    for command in commands:
        wall, used = statistics.median(command.wall), statistics.median(command.processor)
        print(f"{command.name:<26}{wall:>9.3f}{used:>13.3f}{wall / base:>8.1f}")


def _processor_time() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
