"""Everything for a manuscript, written beside the report."""

from __future__ import annotations

from collections.abc import Sequence

from seggrid.config.published import load_published
from seggrid.paths import ExperimentFolder
from seggrid.records import fresh_folder, write_json, write_text
from seggrid.report.manuscript.bibliography import bibliography, cited
from seggrid.report.manuscript.claim import claim
from seggrid.report.manuscript.crate import crate
from seggrid.report.manuscript.document import document
from seggrid.report.manuscript.latex import characters
from seggrid.report.manuscript.methods import methods
from seggrid.report.manuscript.table_files import write_tables
from seggrid.report.page import Section
from seggrid.report.results import Results


def write_manuscript(results: Results, sections: Sequence[Section]) -> None:
    """Write ``tables/``, ``manuscript/`` and the crate; of an earlier report nothing stays in the two folders.

    The figures and the report must lie there before: the document shows the figures, the crate describes all files.
    """
    folder = ExperimentFolder(results.grid.experiment.name)
    with fresh_folder(folder.tables) as tables:
        write_tables([table for section in sections for table in section.tables], tables)
    paragraph = methods(results)
    keys = [*cited(paragraph), *(load_published(name).reference for name in results.grid.experiment.published)]
    main = document(results, sections, folder.tables, folder.figures)
    typeset = [main, paragraph, *(path.read_text(encoding="utf-8") for path in sorted(folder.tables.glob("*.tex")))]
    with fresh_folder(folder.manuscript) as manuscript:
        write_text(manuscript / "main.tex", main)
        write_text(manuscript / "methods.tex", paragraph)
        write_text(manuscript / "characters.tex", characters(typeset))
        write_text(manuscript / "references.bib", bibliography(keys))
        write_text(manuscript / "claim.md", claim(results))
    write_json(folder.crate, crate(results, dict.fromkeys(keys)))
