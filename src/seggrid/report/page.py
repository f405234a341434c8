"""The page: sections put into templates, with styles, scripts and plotly in the one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from seggrid.report.figures import Figure, script_json
from seggrid.report.numbers import DASH, FILTERS
from seggrid.report.results import Results
from seggrid.report.tables import Table
from seggrid.scoring.grid import DEMONSTRATION


@dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes:
        name: of its template and its anchor.
        title: its heading.
        values: what its template shows.
        figures: its interactive figures by name.
        tables: what it gives to the manuscript.
    """

    name: str
    title: str
    values: dict[str, Any]
    figures: tuple[Figure, ...] = field(default=())
    tables: tuple[Table, ...] = ()

    def figure(self, name: str) -> Figure:
        """The figure of that name."""
        return next(figure for figure in self.figures if figure.name == name)


def render(results: Results, sections: Sequence[Section]) -> str:
    """Return the page of an experiment as HTML; same inputs, same text."""
    return document("page.html.j2", sections, folder="sections", results=results, experiment=results.grid.experiment)


def document(template: str, sections: Sequence[Section], folder: str, **values: Any) -> str:
    """Return a page as HTML, self-contained.

    Args:
        template: of the whole page.
        folder: of the templates of its sections.
        values: what the templates read beside the sections.
    """
    environment = Environment(
        loader=PackageLoader("seggrid.report"),
        autoescape=True,
        undefined=StrictUndefined,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(FILTERS)
    environment.filters["script_json"] = lambda value: Markup(script_json(value))  # noqa: S704 (escaped)
    figures = {figure.name: figure.variants for section in sections for figure in section.figures}

    def asset(name: str) -> Markup:
        source, _, _ = environment.loader.get_source(environment, name)  # type: ignore[union-attr]
        return Markup(source)  # noqa: S704 (our own file)

    return environment.get_template(template).render(
        **values,
        sections=sections,
        folder=folder,
        asset=asset,
        demonstration=DEMONSTRATION,
        dash=DASH,
        plotly=Markup(get_plotlyjs()) if figures else "",  # noqa: S704 (plotly's own file)
        figures=Markup(script_json(figures)),  # noqa: S704 (escaped for a script element)
    )
