"""What runs write while they train."""

from __future__ import annotations

import io

import pandas as pd

from seggrid.paths import RunFolder
from seggrid.scoring.grid import GridRun


def live_history(run: GridRun) -> pd.DataFrame | None:
    """What a run has written so far, whole lines only; ``None`` before its first epoch."""
    try:
        text = RunFolder(run.planned.run_id).live_history.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    lines = text[: text.rfind("\n") + 1]
    return pd.read_csv(io.StringIO(lines)) if lines.count("\n") > 1 else None
