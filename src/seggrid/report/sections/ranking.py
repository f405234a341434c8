"""The ranking table, and the winner under each criterion."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seggrid.motion.measures import MEASURES
from seggrid.report.numbers import LENGTH, SHARE, score_places
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.tables import Column, Table, sample
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
    ended = (run.status for run in results.grid.runs if run.status and run.status.state == "completed")
    devices = {status.device for status in ended if status.device}
    values = {
        "rows": list(frame[ranked].itertuples()),
        "unranked": list(frame[~ranked].itertuples()),
        "criteria": criteria_table(scores),
        "criterion": scores["criterion"],
        "meaning": MEANINGS[scores["criterion"]],
        "scores": scores,
        "intervals": bool(frame["overlap_low"].notna().any()),
        "several_runs": bool((frame["runs_completed"] > 1).any()),
        "devices": ", ".join(sorted(devices)),
        "motion": motion_columns(frame, results),
        "baseline": results.grid.baseline,
    }
    return Section("ranking", "Ranking", values, tables=(ranking_table(frame, scores, results.unit),))


def motion_columns(frame: pd.DataFrame, results: Results) -> list[dict[str, Any]]:
    """The measures of motion that stand beside O and D, where the experiment measures them."""
    unit = {"degrees": "°", "length": results.unit, "ratio": ""}
    digits = {"degrees": 1, "length": LENGTH, "ratio": SHARE}
    return [
        {"key": name, "title": kind.title, "short": kind.short, "unit": unit[kind.unit], "places": digits[kind.unit]}
        for name, kind in MEASURES.items()
        if f"{name}_mae" in frame
    ]


def ranking_table(frame: pd.DataFrame, scores: dict[str, Any], unit: str) -> Table:
    """The ranking for a manuscript; candidates without a rank stand below, with dashes.

    Args:
        frame: see ``ranking_frame``.
    """
    name: criterion.Name = scores["criterion"]
    lower = name in criterion.LOWER_IS_BETTER
    caption = (
        f"Candidates on the test folds, ranked by the criterion {name}: {MEANINGS[name]}. {sample(scores)}. "
        "O: overlap, higher is better; D: distance, lower is better; ± standard deviation over folds and seeds; "
        f"brackets: 95 % interval of a bootstrap over groups ({scores['bootstrap']['resamples']} resamples); first: "
        "share of the resamples in which a candidate comes first; time: mean training time of a run. Bold: best."
    )
    columns = (
        Column("rank", "Rank", places=0),
        Column("network", "Network"),
        Column("label", "Loss mixture"),
        Column("overlap", "O", "", SHARE, "overlap_sd", ("overlap_low", "overlap_high"), "higher"),
        Column("distance", "D", unit, LENGTH, "distance_sd", ("distance_low", "distance_high"), "lower"),
        Column("score", "Score", places=score_places(name), better="lower" if lower else "higher"),
        Column("first_share", "First", "%", 0, better="higher", per=0.01),
        Column("parameters", "Parameters", "M", 2, per=1e6),
        Column("seconds", "Time", "min", 1, per=60),
    )
    return Table("ranking", caption, frame, columns)


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
