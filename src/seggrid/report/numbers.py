"""How numbers are written in the report; what is undefined is a dash."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

from seggrid.scoring import criterion

DASH = "–"
MINUS = "\N{MINUS SIGN}"
#: Decimals of a share in [0, 1], and of a length.
SHARE, LENGTH = 3, 2


def fixed(value: float | None, places: int = SHARE) -> str:
    """``0.912``."""
    return DASH if _absent(value) else f"{value:.{places}f}".replace("-", MINUS)


def signed(value: float | None, places: int = SHARE) -> str:
    """``+0.012``; a difference that rounds to nothing has no sign."""
    if _absent(value):
        return DASH
    text = f"{value:+.{places}f}"
    return f"{0:.{places}f}" if Decimal(text) == 0 else text.replace("-", MINUS)


def between(row: Mapping[Any, Any], places: int = SHARE) -> str:
    """``+0.012 [+0.003, +0.020]`` of ``value, low, high``; without brackets where there is no interval."""
    ends = "" if _absent(row["low"]) else f" [{signed(row['low'], places)}, {signed(row['high'], places)}]"
    return signed(row["value"], places) + ends


def percent(value: float | None, places: int = 0) -> str:
    """``64 %``; not 0 or 100 unless it is exactly that."""
    if value is None or _absent(value):
        return DASH
    smallest = 10.0**-places
    if 0 < value * 100 < smallest / 2:
        return f"< {smallest:.{places}f} %"
    if 100 - smallest / 2 <= value * 100 < 100:
        return f"> {100 - smallest:.{places}f} %"
    return f"{value:.{places}%}".replace("%", " %")


def millions(value: float | None) -> str:
    """``3.56`` for 3,560,000."""
    return DASH if value is None or _absent(value) else f"{value / 1e6:.2f}"


def duration(seconds: float | None) -> str:
    """``45 s``, ``12.3 min``, ``4.1 h``."""
    if seconds is None or _absent(seconds):
        return DASH
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def grouped(value: float | None) -> str:
    """``1 234 567`` with narrow spaces."""
    return DASH if _absent(value) else f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def p_value(value: float | None, relation: bool = False) -> str:
    """``0.034``, ``< 0.001``; with ``relation`` the first is ``= 0.034``."""
    if value is None or _absent(value):
        return DASH
    return "< 0.001" if value < 0.001 else f"{'= ' * relation}{value:.3f}"


def score(value: float | None, name: criterion.Name) -> str:
    """A score of a criterion."""
    return fixed(value, score_places(name))


def score_places(name: criterion.Name) -> int:
    """Decimals of a score: fronts are whole numbers, mean ranks are halves."""
    return {"pareto": 0, "rank": 1}.get(name, SHARE)


def sort_key(value: Any) -> str:
    """What a table sorts by: the unrounded number, or nothing where it is undefined."""
    return "" if _absent(value) else repr(value.item() if hasattr(value, "item") else value)


def _absent(value: Any) -> bool:
    return value is None or bool(pd.isna(value))


FILTERS = {
    function.__name__: function
    for function in (fixed, signed, percent, millions, duration, grouped, p_value, score, sort_key)
}
