"""Snakemake as users call it, but for its pauses: ``python tests/slurm/controller.py ARGUMENTS``.

Slurm's plugin waits ten seconds longer after every look at the queue that finds no job finished. On a cluster that is
courtesy; jobs of a few seconds would be noticed half a minute late. The jobs themselves call the ordinary Snakemake.
"""

from __future__ import annotations

import sys

from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor

SECONDS = 1

if __name__ == "__main__":
    Executor.next_seconds_between_status_checks = property(lambda _: SECONDS, lambda *_: None)
    sys.exit(main())
