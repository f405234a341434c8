"""Runs that failed, are missing or were not evaluated, by name and with their reasons."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seggrid.report.page import Section
from seggrid.report.results import Results, place
from seggrid.scoring.grid import STATES


def build(results: Results) -> Section:
    """List what is not completed, the failed runs first."""
    frame = failure_frame(results)
    values: dict[str, Any] = {
        "states": results.grid.states(),
        "planned": len(results.grid.runs),
        "rows": frame.to_dict("records"),
        "unfinished": STATES[1:],
        "experiment": results.grid.experiment.name,
        "outdated": outdated(results),
    }
    return Section("failures", "Failures and missing runs", values)


def outdated(results: Results) -> int | None:
    """Completed runs that the ranking knows, where runs were completed or cleared since; else ``None``."""
    if results.scores is None:
        return None
    known: int = results.scores["runs"]["completed"]
    return known if known != results.grid.states()["completed"] else None


def failure_frame(results: Results) -> pd.DataFrame:
    """A row per candidate, state and reason with its runs: hundreds of runs that wait make a few rows."""
    rows = [
        {
            "network": run.planned.network,
            "label": run.planned.label,
            "state": run.state,
            "reason": run.reason,
            "place": place(run),
            "run_id": run.planned.run_id,
        }
        for run in results.grid.runs
        if run.state != "completed"
    ]
    columns = ["network", "label", "state", "reason"]
    if not rows:
        return pd.DataFrame(columns=[*columns, "places", "run_ids"])
    groups = pd.DataFrame(rows).groupby(columns, sort=False)
    grouped = groups.agg(places=("place", list), run_ids=("run_id", list)).reset_index()
    return grouped.sort_values("state", key=lambda state: state.map(STATES.index), kind="stable")
