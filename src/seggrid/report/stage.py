"""The report stage: from the files of an experiment to the page, and to what a manuscript takes from it."""

from __future__ import annotations

from pathlib import Path

from seggrid.paths import ExperimentFolder
from seggrid.records import fresh_folder, write_json, write_text
from seggrid.report.drawings import write_drawings
from seggrid.report.manuscript.write import write_manuscript
from seggrid.report.page import Section, render
from seggrid.report.results import Results, read_results
from seggrid.report.sections import (
    answer,
    cases,
    claims,
    comparisons,
    curves,
    data_card,
    effects,
    ensembles,
    failures,
    forms,
    heatmaps,
    instability,
    motion,
    objects,
    overlays,
    postprocessing,
    provenance,
    published,
    ranking,
    search,
    simplex,
    stability,
)

#: The sections, in their order on the page.
SECTIONS = (
    answer, ranking, claims, comparisons, stability, heatmaps, simplex, effects, ensembles, objects, motion,
    postprocessing, forms, published, cases, overlays, curves, instability, search, failures, data_card, provenance,
)  # fmt: skip


def write_report(experiment: str) -> Path:
    """Write the report of a planned experiment, however far it has come.

    That is ``report.html``, ``provenance.json``, ``ro-crate-metadata.json`` and the folders ``figures``, ``tables`` and
    ``manuscript``.

    Same files, same bytes, but for the section on provenance, which tells of the machine that wrote it.

    Raises:
        UserError: the experiment was never planned, or one of its files is damaged.
    """
    results = read_results(experiment)
    folder = ExperimentFolder(experiment)
    sections = build_sections(results)
    write_json(folder.provenance, provenance.record(results))
    with fresh_folder(folder.figures) as figures:
        write_drawings((d for section in sections for figure in section.figures for d in figure.drawings), figures)
    write_text(folder.report, render(results, sections))
    write_manuscript(results, sections)
    return folder.report


def build_sections(results: Results) -> list[Section]:
    """Build every section of the page that the experiment has."""
    return [built for section in SECTIONS if (built := section.build(results)) is not None]
