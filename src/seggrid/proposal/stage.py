"""The init stage: look at a data set, say what is wrong with it, and write an experiment file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from seggrid.errors import UserError
from seggrid.paths import results_root
from seggrid.proposal.classes import name_classes, object_classes
from seggrid.proposal.findings import file_findings, list_findings, summary
from seggrid.proposal.fingerprint import Fingerprint, take_fingerprint
from seggrid.proposal.grids import Grid, propose_grids
from seggrid.proposal.layout import find_layout
from seggrid.proposal.probe import Probe, measure, usable_cores
from seggrid.proposal.settings import Settings, choose_settings
from seggrid.proposal.text import experiment_text, one_line
from seggrid.records import write_text

#: Findings of one kind that are told on the terminal; the file holds all of them.
_MOST_TOLD = 20


def propose(path: Path, out: Path | None, replace: bool, probe: bool, tell: Callable[[str], None]) -> str:
    """Write the experiment file of a data set; return what to do next.

    Args:
        path: folder of the data, or its annotation file.
        out: the file; default: ``config/experiments/NAME.yaml`` where the command runs, NAME that of the folder.
        replace: write over a file that is there.
        probe: measure how long runs take here.
        tell: called with each line for the user.

    Raises:
        UserError: the data are of no layout that is read, no case can be used, or the file is there.
    """
    layout = find_layout(path)
    out = out or Path("config", "experiments", f"{experiment_name(layout.data.path)}.yaml")
    if out.suffix not in (".yaml", ".yml"):
        raise UserError(f"{out}: an experiment file ends in .yaml")
    if out.exists() and not replace:
        raise UserError(f"{out}: is there already; give another file with --out, or --force to write over it")
    fingerprint = take_fingerprint(layout.data, tell)
    data, notes = name_classes(layout.data, fingerprint)
    classes = object_classes(data, fingerprint)
    tell(one_line_each(summary(data, fingerprint, classes)))
    settings = choose_settings(fingerprint, classes)
    findings = [*file_findings(fingerprint), *layout.notes, *notes]
    findings += list_findings(data, fingerprint, classes, settings)
    _tell_findings(findings, tell)
    grids = propose_grids(settings)

    def text(times: Sequence[str]) -> str:
        head = f"Proposed by `seggrid init {path}` from {len(fingerprint.cases)} images with masks."
        timed = list(zip(grids, times, strict=True))
        return experiment_text(head, data, fingerprint, classes, settings, timed, findings)

    times = ["time not measured"] * len(grids)
    if probe and not fingerprint.problems and not settings.blocks:
        proposed = yaml.safe_load(text(times))
        times = _times(
            grids, settings, fingerprint, lambda names: measure(proposed, names, fingerprint, classes, tell), tell
        )
    write_text(out, text(times))
    return _next_steps(out, grids[0], times[0])


def experiment_name(path: Path) -> str:
    """Return a name for the experiment on a folder of data: that of the folder, as far as a name may hold it."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", path.resolve().name).lstrip("._-")[:60]
    return name or "mine"


def one_line_each(text: str) -> str:
    """Return lines with nothing in them that controls a terminal."""
    return "\n".join(" " * (len(line) - len(line.lstrip())) + one_line(line) for line in text.splitlines())


def _tell_findings(findings: Sequence[str], tell: Callable[[str], None]) -> None:
    tell("what to look at in the data:" if findings else "nothing wrong was found with the data")
    for text in findings[:_MOST_TOLD]:
        tell(f"  - {one_line(text)}")
    if len(findings) > _MOST_TOLD:
        tell(f"  and {len(findings) - _MOST_TOLD} more, all of which stand in the file")


def _times(
    grids: Sequence[Grid],
    settings: Settings,
    fingerprint: Fingerprint,
    measured: Callable[[list[str]], Probe],
    tell: Callable[[str], None],
) -> list[str]:
    """Measure how long runs take; return what is to be said of each grid's time."""
    networks = list(dict.fromkeys(name for grid in grids for name in grid.networks))
    tell(f"timing a few training steps of {len(networks)} networks (--no-probe leaves it out) ...")
    try:
        probe = measured(networks)
    except UserError as error:
        tell("nothing could be timed, and a grid would not run either:")
        tell("\n".join(f"  - {one_line(problem)}" for problem in error.problems))
        return ["time unknown: the probe failed"] * len(grids)
    for network, reason in probe.failed.items():
        tell(f"  {network} could not be trained here, take it out of the grid: {one_line(reason)}")
    cores = f"{probe.cores} core{'s' * (probe.cores != 1)}"
    where = f"on {cores}" if probe.device == "cpu" else f"on {probe.device} with {cores}"
    seconds = [probe.seconds(grid, settings, len(fingerprint.cases)) for grid in grids]
    return [
        "time unknown: a network could not be timed" if time is None else f"about {duration(time)} {where}, an estimate"
        for time in seconds
    ]


def duration(seconds: float) -> str:
    """Return a time of about two digits."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.2g} {unit}" if seconds < 100 * length else f"{seconds / length:.0f} {unit}"
    return f"{max(1, round(seconds))} s"


def _next_steps(out: Path, grid: Grid, time: str) -> str:
    folder = Path("config", "experiments")
    given = out.stem if out.parent == folder else out
    return (
        f"{out}: {grid.name} grid of {grid.runs} runs, {time}\n"
        "next:\n"
        f"  snakemake -c{usable_cores()} --config experiment={given}\n"
        f"  python -m webbrowser {results_root() / 'experiments' / out.stem / 'report.html'}"
    )
