"""A table of the manuscript: the data frame behind it, and how its columns are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

Better = Literal["higher", "lower", "zero", "none"]


@dataclass(frozen=True)
class Column:
    """One column of a table; it is text where it has no places.

    Attributes:
        key: the column of the frame.
        heading: in words, without the unit.
        unit: of the numbers as they are written.
        places: decimals of a number.
        sd: column of the frame with the standard deviation, written behind ±.
        interval: columns of the frame with the ends of an interval, written in brackets.
        better: what is best, and so in bold.
        signed: whether a plus stands before what is positive.
        per: what one unit is in the numbers of the frame, e.g. 1e6 for millions.
    """

    key: str
    heading: str
    unit: str = ""
    places: int | None = None
    sd: str = ""
    interval: tuple[str, str] | None = None
    better: Better = "none"
    signed: bool = False
    per: float = 1.0


@dataclass(frozen=True)
class Table:
    """One table; the frame is written to CSV as it is, unrounded and with the columns that are not shown.

    Attributes:
        name: of its files: letters, digits and hyphens.
        caption: in plain text: what it shows, n of cases, groups, folds and seeds, and what ± and brackets mean.
        frame: the data, tidy.
        columns: what is shown, in order.
        within: columns of the frame in each group of which a best value is marked; none: one in the whole table.
        competes: boolean column of the frame: the rows that can be best; none: all of them.
    """

    name: str
    caption: str
    frame: pd.DataFrame
    columns: tuple[Column, ...]
    within: tuple[str, ...] = ()
    competes: str = ""

    def best(self, column: Column) -> set[int]:
        """Positions of the rows that hold the best value of a column; ties are all best."""
        if column.better == "none" or self.frame.empty:
            return set()
        values = pd.to_numeric(self.frame[column.key]).reset_index(drop=True)
        if self.competes:
            values = values.where(self.frame[self.competes].to_numpy(bool))
        score = values if column.better == "higher" else -(values.abs() if column.better == "zero" else values)
        groups = self.frame[list(self.within)].reset_index(drop=True) if self.within else None
        keys = [groups[name] for name in self.within] if groups is not None else [pd.Series(0, index=score.index)]
        best = score.groupby(keys, sort=False, dropna=False).transform("max")
        return set(score.index[score.eq(best)].tolist())


def sample(scores: dict[str, Any]) -> str:
    """What the means are over: ``n = 48 test cases of 12 groups, 4 folds, 1 seed``."""
    counts = scores["counts"]
    folds, seeds = (f"{counts[name]} {name[:-1]}{'s' * (counts[name] != 1)}" for name in ("folds", "seeds"))
    return f"n = {counts['cases']} test cases of {counts['groups']} groups, {folds}, {seeds}"
