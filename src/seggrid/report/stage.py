"""The report stage: from the files of an experiment to ``report.html`` and ``provenance.json``."""

from __future__ import annotations

from pathlib import Path

from seggrid.paths import ExperimentFolder
from seggrid.records import write_json, write_text
from seggrid.report.page import Section, render
from seggrid.report.results import Results, read_results
from seggrid.report.sections import (
    answer,
    curves,
    data_card,
    failures,
    heatmaps,
    objects,
    overlays,
    provenance,
    ranking,
)

#: The sections, in their order on the page.
SECTIONS = (answer, ranking, heatmaps, objects, curves, overlays, failures, data_card, provenance)


def write_report(experiment: str) -> Path:
    """Write ``report.html`` and ``provenance.json`` of a planned experiment, however far it has come.

    Same files, same bytes, but for the section on provenance, which tells of the machine that wrote it.

    Raises:
        UserError: the experiment was never planned, or one of its files is damaged.
    """
    results = read_results(experiment)
    folder = ExperimentFolder(experiment)
    write_json(folder.provenance, provenance.record(results))
    write_text(folder.report, render(results, build_sections(results)))
    return folder.report


def build_sections(results: Results) -> list[Section]:
    """Build every section of the page."""
    return [section.build(results) for section in SECTIONS]
