"""How often Snakemake looks at the jobs that are ready."""

from __future__ import annotations

from typing import Any


def look_only_when_a_job_has_ended(workflow: Any) -> None:
    """Take away the limit of jobs a second that Snakemake sets where nobody does; called as a workflow starts.

    With a limit, the scheduler of Snakemake 9.27 looks at all ready jobs again after every second, once more for every
    job that has ended; ``benchmarks/scheduling.py`` shows what that costs.
    """
    limit = workflow.scheduling_settings.max_jobs_per_timespan
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None
