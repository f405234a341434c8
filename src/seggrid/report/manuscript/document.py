"""``main.tex``: a small document that holds the methods, every table and every figure, to see them typeset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seggrid.report.manuscript.latex import Tex, template
from seggrid.report.page import Section
from seggrid.report.results import Results


def document(results: Results, sections: Sequence[Section], tables: Path, figures: Path) -> str:
    """Return the document as LaTeX.

    Args:
        tables, figures: the folders whose ``*.tex`` and ``*.pdf`` it shows, as far as there are any.
    """
    captions = {
        drawing.name: drawing.caption
        for section in sections
        for figure in section.figures
        for drawing in figure.drawings
    }
    order = list(captions)
    drawn = sorted(figures.glob("*.pdf"), key=lambda path: (order.index(path.stem) if path.stem in order else -1, path))
    names = [table.name for section in sections for table in section.tables if (tables / f"{table.name}.tex").is_file()]
    return template(
        "main.tex.j2",
        name=results.grid.experiment.name,
        description=results.grid.experiment.description,
        tables=[Tex(name) for name in names],
        figures=[{"file": Tex(path.name), "caption": captions.get(path.stem, path.stem)} for path in drawn],
    )
