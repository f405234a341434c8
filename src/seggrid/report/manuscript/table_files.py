"""A table as CSV, unrounded, and as LaTeX with booktabs.

The LaTeX needs the packages array, booktabs and graphicx. A table that is wider than the text is scaled down to it; one
that is longer than a page is set in parts under one number.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from seggrid.records import write_text
from seggrid.report.manuscript.latex import ABSENT, Tex, escape, number
from seggrid.report.tables import Column, Table
from seggrid.scoring.tables import write_table

#: Characters of a text cell in one line, and lines of a table on one page.
_WIDTH, _LINES = 28, 46
#: Parts of a table after which LaTeX is made to set those that wait; it keeps some dozens at most.
_FLOATS = 12


@dataclass(frozen=True)
class _TexColumn:
    """A column as it is set.

    Attributes:
        lines: of each cell.
    """

    layout: str
    heading: Tex
    cells: list[Tex]
    lines: list[int]


def write_tables(tables: list[Table], folder: Path) -> None:
    """Write ``NAME.csv`` and ``NAME.tex`` of every table that has rows."""
    for table in tables:
        if len(table.frame):
            write_table(table.frame, folder / f"{table.name}.csv")
            write_text(folder / f"{table.name}.tex", tex(table))


def tex(table: Table) -> str:
    """Return a table as LaTeX."""
    columns = [part for column in table.columns for part in _columns(table, column)]
    pages = list(_pages(columns, len(table.frame)))
    lines = ["% Needs \\usepackage{array,booktabs,graphicx}."]
    for place, rows in enumerate(pages):
        lines += ["\\clearpage"] if place and place % _FLOATS == 0 else []
        lines += ["\\begin{table}[htbp]", "\\centering", "\\setlength{\\belowcaptionskip}{4pt}"]
        lines += [*_caption(table, place, len(pages)), "\\footnotesize", "\\setlength{\\tabcolsep}{4pt}"]
        lines += ["\\sbox0{%", *_tabular(columns, rows, _starts(table)), "}%"]
        lines += ["\\ifdim\\wd0>\\linewidth\\resizebox{\\linewidth}{!}{\\usebox0}\\else\\usebox0\\fi", "\\end{table}"]
    return "\n".join(lines) + "\n"


def _tabular(columns: list[_TexColumn], rows: range, starts: set[int]) -> Iterator[str]:
    yield f"\\begin{{tabular}}{{@{{}}{''.join(column.layout for column in columns)}@{{}}}}"
    yield from ("\\toprule", " & ".join(column.heading for column in columns) + r" \\", "\\midrule")
    for row in rows:
        if row > rows.start and row in starts:
            yield "\\addlinespace"
        yield " & ".join(column.cells[row] for column in columns) + r" \\"
    yield from ("\\bottomrule", "\\end{tabular}")


def _starts(table: Table) -> set[int]:
    """Rows with which a group of ``within`` begins."""
    groups = [tuple(row) for row in table.frame[list(table.within)].to_numpy()]
    return {row for row in range(1, len(groups)) if groups[row] != groups[row - 1]}


def _caption(table: Table, place: int, pages: int) -> list[str]:
    if place:
        return ["\\addtocounter{table}{-1}", f"\\caption{{Continued, part {place + 1} of {pages}.}}"]
    more = f" Part 1 of {pages}." if pages > 1 else ""
    return [f"\\caption{{{escape(table.caption)}{more}}}", f"\\label{{tab:{table.name}}}"]


def _pages(columns: list[_TexColumn], rows: int) -> Iterator[range]:
    """The rows of each page; a page holds a row at least."""
    heights = [max(column.lines[row] for column in columns) for row in range(rows)]
    start = 0
    while start < rows:
        ends = (start + n for n, sum_ in enumerate(itertools.accumulate(heights[start:]), start=1) if sum_ <= _LINES)
        stop = max(start + 1, max(ends, default=0))
        yield range(start, stop)
        start = stop


def _columns(table: Table, column: Column) -> Iterator[_TexColumn]:
    values = table.frame[column.key].tolist()
    heading = escape(f"{column.heading} [{column.unit}]" if column.unit else column.heading)
    if column.places is None:
        yield _text_column(heading, ["" if pd.isna(value) else str(value) for value in values])
        return
    best = table.best(column)
    spread = _shown(table, column, column.sd)
    cells = []
    for row, (value, sd) in enumerate(zip(_shown(table, column, column.key), spread, strict=True)):
        text = f"\\textbf{{{value}}}" if row in best else value
        cells.append(Tex(f"{text} $\\pm$ {sd}" if sd != ABSENT else text))
    yield _TexColumn("r", heading, cells, [1] * len(cells))
    low, high = (_shown(table, column, key) for key in column.interval or ("", ""))
    if any(end != ABSENT for end in low):
        ends = [Tex(f"{{[}}{a}, {b}{{]}}" if a != ABSENT else ABSENT) for a, b in zip(low, high, strict=True)]
        yield _TexColumn("r", Tex(r"95\,\% interval"), ends, [1] * len(ends))


def _shown(table: Table, column: Column, key: str) -> list[Tex]:
    """The numbers of one column of the frame as they are written; dashes where it is none."""
    if not key:
        return [Tex(ABSENT)] * len(table.frame)
    values = pd.to_numeric(table.frame[key]) / column.per
    return [number(value, column.places or 0, column.signed) for value in values]


def _text_column(heading: Tex, values: list[str]) -> _TexColumn:
    """As wide as it needs to be, at most ``_WIDTH`` characters; longer ones are broken."""
    longest = max(map(len, values), default=0)
    if longest <= _WIDTH:
        return _TexColumn("l", heading, [escape(value) for value in values], [1] * len(values))
    layout = f">{{\\raggedright\\arraybackslash}}p{{{_WIDTH / 2:g}em}}"
    return _TexColumn(
        layout, heading, [escape(value) for value in values], [math.ceil(len(v) / _WIDTH) or 1 for v in values]
    )
