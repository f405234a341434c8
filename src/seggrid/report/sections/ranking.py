"""The ranking table, and the winner under each criterion."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.scoring import criterion
from seggrid.scoring.ranking import SCORE_COLUMNS

#: What each criterion does, in a phrase.
MEANINGS: dict[criterion.Name, str] = {
    "minmax": "mean of O and D, each scaled to the range of the candidates; higher is better",
    "rank": "mean of the rank by O and the rank by D; lower is better",
    "pareto": "front of candidates that no other betters in both O and D; 1 is best, the winner has its highest O",
    "absolute": "O / 2 + 1 / (1 + D/d0) / 2, independent of the other candidates; higher is better",
}


def build(results: Results) -> Section:
    """Build the ranking; empty before scoring."""
    scores = results.scores
    if scores is None or results.ranking.empty:
        return Section("ranking", "Ranking", {"rows": [], "unranked": [], "criteria": []})
    frame = ranking_frame(results.ranking, scores)
    ranked = frame["rank"].notna()
    values = {
        "rows": list(frame[ranked].itertuples()),
        "unranked": list(frame[~ranked].itertuples()),
        "criteria": criteria_table(scores),
        "criterion": scores["criterion"],
        "meaning": MEANINGS[scores["criterion"]],
        "scores": scores,
        "intervals": bool(frame["overlap_low"].notna().any()),
        "several_runs": bool((frame["runs_completed"] > 1).any()),
    }
    return Section("ranking", "Ranking", values)


def ranking_frame(ranking: pd.DataFrame, scores: dict[str, Any]) -> pd.DataFrame:
    """``ranking.csv`` with the score of the configured criterion, the place on val, and who val would choose."""
    frame = ranking.copy()
    frame["score"] = frame[SCORE_COLUMNS[scores["criterion"]]]
    validated = frame["score_val"].notna()
    values = (frame.loc[validated, name].to_numpy(float) for name in ("score_val", "overlap_val", "distance_val"))
    frame.loc[validated, "rank_val"] = criterion.ranks(scores["criterion"], *values)
    chosen = scores["validation_winner"] or {}
    frame["chosen"] = (frame["network"] == chosen.get("network")) & (frame["loss"] == chosen.get("loss"))
    return frame


def criteria_table(scores: dict[str, Any]) -> list[dict[str, Any]]:
    """A row per criterion with its winner; empty while nobody is ranked."""
    return [
        {"name": name, "meaning": MEANINGS[name], "configured": name == scores["criterion"], **winner}
        for name in criterion.CRITERIA
        if (winner := scores["winners"][name]) is not None
    ]
