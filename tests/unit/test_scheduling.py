"""Snakemake's own limit of jobs a second is taken away, that of a user is not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from snakemake.cli import get_argument_parser
from snakemake.settings.types import SchedulingSettings

from seggrid.scheduling import look_only_when_a_job_has_ended


@pytest.mark.parametrize(
    ("arguments", "kept"), [([], False), (["--max-jobs-per-timespan", "10/1s"], True), (["--cores", "2"], False)]
)
def test_only_the_limit_that_nobody_set_goes(arguments: list[str], kept: bool) -> None:
    asked = get_argument_parser().parse_args(["--snakefile", "Snakefile", *arguments])
    settings = SchedulingSettings(max_jobs_per_timespan=asked.max_jobs_per_timespan)
    limiter = object()
    workflow = SimpleNamespace(scheduling_settings=settings, scheduler=SimpleNamespace(job_rate_limiter=limiter))
    look_only_when_a_job_has_ended(workflow)
    assert (workflow.scheduler.job_rate_limiter is limiter) == kept
