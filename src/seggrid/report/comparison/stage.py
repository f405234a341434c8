"""The comparison stage: from two planned experiments to ``compare.html``."""

from __future__ import annotations

from pathlib import Path

from seggrid.paths import ComparisonFolder
from seggrid.records import write_text
from seggrid.report.comparison.pair import Pair, read_pair
from seggrid.report.comparison.sections import build_sections
from seggrid.report.page import document


def write_comparison(first: str, second: str) -> Path:
    """Write the page that sets two planned experiments side by side, however far they have come.

    Same files, same bytes.

    Raises:
        UserError: one was never planned, a file is damaged, or the two measure nothing in common.
    """
    folder = ComparisonFolder(first, second)
    write_text(folder.page, render_comparison(read_pair(first, second)))
    return folder.page


def render_comparison(pair: Pair) -> str:
    """Return the page as HTML."""
    return document("compare.html.j2", build_sections(pair), folder="comparison", pair=pair)
