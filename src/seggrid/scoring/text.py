"""The ranking as plain text for a terminal."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import pandas as pd

from seggrid.scoring.claims import claim_lines
from seggrid.scoring.grid import STATES, Grid
from seggrid.scoring.ranking import SCORE_COLUMNS, Ranking

WIDTH = 120
#: Rows shown; the rest is in ``ranking.csv``.
_ROWS = 30
_LABEL, _NETWORK = 52, 24


def ranking_text(grid: Grid, ranking: Ranking, summary: dict[str, Any], claims: pd.DataFrame) -> str:
    """Return the ranking, what val would choose, the claims, what is missing and the warnings; at most 120 columns."""
    lines = [*_wrap(_headline(grid, summary)), "", *_table(ranking.table, summary)]
    rest = len(ranking.table) - _ROWS
    if rest > 0:
        lines.append(f"... and {rest} more in ranking.csv")
    lines += ["", *_wrap(_stability(summary)), *_wrap(_choice(summary)), *_wrap(_missing(summary))]
    for line in (*claim_lines(claims), *(f"note: {warning}" for warning in summary["warnings"])):
        lines += _wrap(line)
    return "\n".join(line.rstrip() for line in lines)


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ")


def _headline(grid: Grid, summary: dict[str, Any]) -> str:
    counts = summary["counts"]
    parts = [_many(counts[key], key[:-1]) for key in ("candidates", "folds", "seeds", "groups", "cases")]
    return f"{grid.experiment.name}: {', '.join(parts)}; ranked on test by {summary['criterion']}"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _table(table: pd.DataFrame, summary: dict[str, Any]) -> list[str]:
    score = SCORE_COLUMNS[summary["criterion"]]
    unit = f" [{summary['unit']}]" if summary["unit"] else ""
    cells = [["rank", "network", "mixture", "O", f"D{unit}", "score", "Dice", "runs"]]
    for _, row in table.head(_ROWS).iterrows():
        cells.append(
            [
                "-" if pd.isna(row["rank"]) else str(row["rank"]),
                _cut(row["network"], _NETWORK),
                _cut(row["label"], _LABEL),
                _number(row["overlap"], 4),
                _number(row["distance"], 2),
                _number(row[score], 0 if summary["criterion"] == "pareto" else 4),
                _number(row.get("dice", math.nan), 4),
                f"{row['runs_completed']}/{row['runs_planned']}",
            ]
        )
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    left = (1, 2)
    return [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _number(value: float, places: int) -> str:
    return "-" if pd.isna(value) else f"{value:.{places}f}"


def _stability(summary: dict[str, Any]) -> str:
    """The winner under each criterion, and how often it stays first."""
    winners = summary["winners"]
    if winners[summary["criterion"]] is None:
        return ""
    parts = []
    for name, first in winners.items():
        share = "" if first["first_share"] is None else f" ({first['first_share']:.0%})"
        parts.append(f"{name}: {first['network']}, {_cut(first['label'], _LABEL)}{share}")
    return f"winner under each criterion (first place kept under resampled groups): {'; '.join(parts)}"


def _choice(summary: dict[str, Any]) -> str:
    chosen = summary["validation_winner"]
    if chosen is None:
        return "val chooses no winner: no candidate has all its runs and validation cases"
    optimism = summary["optimism"]["test_choice_minus_val_choice"]
    nested = summary["nested_choice"]
    by_fold = f"; chosen fold by fold on val: O {nested['overlap']:.4f}, D {nested['distance']:.2f}" if nested else ""
    return (
        f"val would choose {chosen['network']}, {chosen['label']}: rank {chosen['rank']} on test, "
        f"O {chosen['overlap']:.4f}, D {chosen['distance']:.2f}; choosing on test changes "
        f"O by {optimism['overlap']:+.4f} and D by {optimism['distance']:+.2f}{by_fold}"
    )


def _missing(summary: dict[str, Any]) -> str:
    runs = summary["runs"]
    if runs["completed"] == runs["planned"]:
        return f"all {_many(runs['planned'], 'run')} are completed"
    absent = ", ".join(f"{runs[state]} {state}" for state in STATES[1:] if runs[state])
    ranked = "" if summary["counts"]["ranked"] else "; no candidate can be ranked yet"
    return f"{runs['completed']} of {runs['planned']} runs are completed: {absent} (see runs.csv){ranked}"
