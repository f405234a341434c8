"""Paired differences between candidates, group by group.

The interval is that of the bootstrap over groups. The p-value is Wilcoxon's signed-rank test on the groups' differences
(zeros as Pratt has them), adjusted by Holm for all candidates that are compared with the reference. The unit is the
group: images of one patient are no independent witnesses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from seggrid.analysis.evidence import MEASURES, Evidence, Measure
from seggrid.scoring.criterion import Floats
from seggrid.scoring.paired import holm, signed_rank
from seggrid.scoring.statistics import MINIMUM_GROUPS

Rows = npt.NDArray[np.int64]


def differences(evidence: Evidence, reference: Sequence[int]) -> pd.DataFrame:
    """Compare every candidate with its reference.

    Args:
        reference: row of each candidate's reference; its own row or -1: it is not compared.

    Returns:
        A row per candidate that is compared: ``candidate`` and ``reference`` (rows), and for O and D the difference
        ``overlap``, its interval ``overlap_low, overlap_high`` (NaN with fewer than 6 groups), and the number of groups
        in which it is better, ``overlap_wins``, of ``overlap_groups``.
    """
    own = np.array([row for row, other in enumerate(reference) if other not in (-1, row)], dtype=np.int64)
    other = np.array([reference[row] for row in own], dtype=np.int64)
    columns: dict[str, Floats | Rows] = {"candidate": own, "reference": other}
    for measure in MEASURES:
        values, resampled = evidence.values(measure), evidence.resampled(measure)
        by_group = _by_group(evidence, measure, own, other)
        low, high = evidence.interval(resampled[:, own] - resampled[:, other])
        better = by_group > 0 if measure == "overlap" else by_group < 0
        columns |= {
            measure: values[own] - values[other],
            f"{measure}_low": low,
            f"{measure}_high": high,
            f"{measure}_wins": better.sum(axis=1),
            f"{measure}_groups": np.isfinite(by_group).sum(axis=1),
        }
    return pd.DataFrame(columns)


def with_p_values(evidence: Evidence, table: pd.DataFrame) -> pd.DataFrame:
    """Add p-values to ``differences``: ``overlap_p``, adjusted ``overlap_holm``, and the same for D.

    They are NaN where fewer than 6 groups have a value of both candidates.
    """
    found = table.copy()
    own, other = (table[name].to_numpy(int) for name in ("candidate", "reference"))
    for measure in MEASURES:
        by_group = _by_group(evidence, measure, own, other)
        enough = np.isfinite(by_group).sum(axis=1) >= MINIMUM_GROUPS
        p_values = np.array(
            [signed_rank(row) if tested else np.nan for row, tested in zip(by_group, enough, strict=True)], dtype=float
        )
        found[f"{measure}_p"], found[f"{measure}_holm"] = p_values, holm(p_values)
    return found


def _by_group(evidence: Evidence, measure: Measure, own: Rows, other: Rows) -> Floats:
    """Differences within every group; what differs by the order of a sum does not differ."""
    values = evidence.by_group(measure)
    return np.round(values[own] - values[other], 12)


def against_baseline(evidence: Evidence, loss: str) -> list[int]:
    """The baseline mixture in each candidate's own network; -1 where it is not ranked."""
    found = [evidence.position(candidate.network, loss) for candidate in evidence.candidates]
    return [-1 if row is None else row for row in found]
