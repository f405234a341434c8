"""What Snakemake takes for itself while jobs run, with its own limit of jobs a second and without.

``python benchmarks/scheduling.py [--jobs 400] [--seconds 0.35]``: as many jobs, all ready at once, that only sleep, two
at a time. Processor time of Snakemake, of its children too, of which a job takes a few ms.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from seggrid.provenance import processor

SNAKEFILE = """\
from seggrid.scheduling import look_only_when_a_job_has_ended
rule all:
    input: [f"done/{{number}}" for number in range({jobs})]
rule one:
    output: "done/{{number}}"
    shell: "sleep {seconds}; touch {{output}}"
onstart:
    if {without}:
        look_only_when_a_job_has_ended(workflow)
"""


def run(jobs: int, seconds: float, without: bool) -> tuple[float, float]:
    """Wall and processor time of the workflow."""
    with tempfile.TemporaryDirectory() as folder:
        text = SNAKEFILE.format(jobs=jobs, seconds=seconds, without=without)
        Path(folder, "Snakefile").write_text(text, encoding="utf-8")
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [sys.executable, "-m", "snakemake", "-c2", "--quiet", "all", "--scheduler", "greedy"]
        subprocess.run(command, cwd=folder, check=True)
        wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print a line per way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=0.35)
    options = parser.parse_args()
    print(f"{processor()}, {os.cpu_count()} cores; {options.jobs} jobs of {options.seconds:g} s, two at a time")
    for name, without in (("with its limit", False), ("without", True)):
        wall, used = run(options.jobs, options.seconds, without)
        print(f"{name:<16}{wall:8.1f} s   {used:7.1f} s of processor")


if __name__ == "__main__":
    main()
