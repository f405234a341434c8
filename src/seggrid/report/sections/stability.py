"""Would other patients give the same order: tests over groups, and ranks under resampled groups."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from seggrid.analysis.evidence import MEASURES, Evidence, Measure
from seggrid.analysis.friedman import Friedman, friedman
from seggrid.analysis.stability import rank_ranges
from seggrid.report.drawings import COLUMN, PAGE, Drawing, draw_critical_difference, draw_forest
from seggrid.report.figures import Figure, forest, positions, rounded, spec, text, tone, wrapped
from seggrid.report.numbers import fixed, p_value, percent
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.sections.comparisons import SHOWN, candidate_names

#: Candidates that are ranked within groups together: the more, the larger the critical difference.
TOGETHER = 15


def build(results: Results) -> Section:
    """Test the order of the ranked candidates; nothing with one of them or fewer than two groups."""
    evidence = results.evidence
    if evidence is None or len(evidence.candidates) < 2:
        return Section("stability", "Stability", {"tests": None})
    tests = {measure: friedman(evidence, measure, TOGETHER) for measure in MEASURES}
    names = candidate_names(evidence)
    ranges = rank_ranges(evidence)
    figures = [_stability_figure(ranges, names)]
    figures += [_critical_figure(measure, test, names) for measure, test in tests.items() if test]
    values = {
        "tests": tests,
        "rows": rank_rows(ranges, evidence, tests),
        "enough": evidence.enough,
        "symbols": {"overlap": "O", "distance": "D"},
        "candidates": len(names),
        "together": min(TOGETHER, len(names)),
        "hidden": max(0, len(names) - SHOWN),
        "groups": len(evidence.groups),
        "resamples": evidence.bootstrap.resamples,
    }
    return Section("stability", "Stability", values, tuple(figures))


def _critical_figure(measure: Measure, test: Friedman, names: list[str]) -> Figure:
    """Mean ranks within groups, with bars over what is not told apart."""
    labels = [names[row] for row in test.rows]
    frame = pd.DataFrame({"candidate": labels, "mean_rank": test.mean_ranks})
    symbol = "O" if measure == "overlap" else "D"
    title = f"Mean rank by {symbol} within groups, critical difference {fixed(test.critical_difference, 2)}"
    points = go.Scatter(
        x=rounded(test.mean_ranks), y=list(range(len(labels))), mode="markers", marker={"size": 8}, meta=tone(0),
        hovertext=[f"{text(name)}: {fixed(rank, 2)}" for name, rank in zip(labels, test.mean_ranks, strict=True)],
        hoverinfo="text", showlegend=False,
    )  # fmt: skip
    bars = [
        go.Scatter(
            x=rounded([test.mean_ranks[first], test.mean_ranks[last]]), y=[last + 0.3] * 2, mode="lines",
            line={"width": 5}, opacity=0.7, meta=tone(1), hoverinfo="skip", showlegend=False,
        )
        for first, last in test.cliques
    ]  # fmt: skip
    layout = go.Layout(
        title={"text": title},
        yaxis=positions([wrapped(name, 34) for name in labels], reverse=True),
        xaxis={"dtick": 1, "range": [0.8, len(labels) + 0.2]},
    )
    draw = partial(
        draw_critical_difference,
        labels=labels, ranks=test.mean_ranks, cliques=test.cliques, critical=test.critical_difference,
    )  # fmt: skip
    height = 0.8 + 0.12 * len(labels) + 0.06 * len(test.cliques)
    caption = (
        f"{title}, in {test.groups} test groups; bars join candidates that Nemenyi's test does not tell apart at a "
        f"level of 5 %. Friedman's test: chi-squared {fixed(test.statistic, 1)}, "
        f"p {p_value(test.p_value, relation=True)}."
    )
    drawing = Drawing(f"critical-difference-{measure}", caption, PAGE, height, draw)
    alternative = f"Critical-difference diagram: {title}"
    variant = spec(go.Figure([*bars, points], layout))
    return Figure(f"critical-{measure}", alternative, frame, (variant,), 100 + 30 * len(labels), (drawing,))


def _stability_figure(ranges: pd.DataFrame, names: list[str]) -> Figure:
    """The rank of every candidate under resampled groups: median, and where 95 % of the resamples lie."""
    frame = ranges.assign(candidate=names)
    shown = frame.iloc[:SHOWN]
    title = "Rank under resampled groups: median" + (" and 95 % range" if shown["low"].notna().any() else "")
    drawn = pd.DataFrame(
        {"label": shown["candidate"], "value": shown["median"], "low": shown["low"], "high": shown["high"]}
    ).assign(hover=[_said(row) for row in shown.to_dict("records")])
    variant = forest(drawn, title)
    variant["layout"]["xaxis"] = {"range": [0.5, float(np.nanmax(shown[["median", "high"]].to_numpy())) + 0.5]}
    draw = partial(draw_forest, panels=[(title, drawn)], zero=False)
    caption = f"{title}; the networks are not trained again."
    drawing = Drawing("rank-stability", caption, COLUMN * 1.4, 0.6 + 0.17 * len(shown), draw)
    return Figure("stability", "Ranks under resampled groups", frame, (variant,), 110 + 32 * len(shown), (drawing,))


def _said(row: Mapping[Any, Any]) -> str:
    ends = f", {row['low']:.0f} to {row['high']:.0f}" if row["low"] == row["low"] else ""
    return (
        f"{row['candidate']}: median rank {row['median']:g}{ends}; first in {percent(row['first'])}, "
        f"among the first three in {percent(row['top3'])}"
    )


def rank_rows(
    ranges: pd.DataFrame, evidence: Evidence, tests: Mapping[Measure, Friedman | None]
) -> list[dict[Any, Any]]:
    """The numbers of the figures, a row per candidate; ``mean_overlap`` and ``mean_distance`` of those compared."""
    found = ranges.assign(
        network=[candidate.network for candidate in evidence.candidates],
        label=[candidate.label for candidate in evidence.candidates],
    )
    for measure, test in tests.items():
        ranks = dict(zip(test.rows, test.mean_ranks, strict=True)) if test else {}
        found[f"mean_{measure}"] = [ranks.get(row, float("nan")) for row in range(len(found))]
    return found.to_dict("records")
