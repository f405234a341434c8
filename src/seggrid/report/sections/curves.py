"""Learning curves of every candidate: loss, validation Dice, the terms of the mixture and what their weights mean."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from seggrid.config import Mixture
from seggrid.config.ensemble import ENSEMBLE
from seggrid.paths import RunFolder
from seggrid.report.drawings import PAGE, Drawing, draw_lines
from seggrid.report.figures import Figure, Spec, rounded, spec, text, tone
from seggrid.report.gallery import notable
from seggrid.report.numbers import fixed
from seggrid.report.page import Section
from seggrid.report.results import Results, place
from seggrid.scoring.grid import Candidate, GridRun
from seggrid.scoring.histories import live_history
from seggrid.specification import read_run

_TITLES = {
    "loss": "Training loss",
    "val_dice": "Validation Dice",
    "terms": "Terms, before weighting",
    "ratios": "Share of the gradient",
}
_DASHES = ("solid", "dash", "dashdot", "longdash", "dot")


def build(results: Results) -> Section:
    """Draw four small figures per candidate; a switch of the page chooses the candidate."""
    drawn = [
        (candidate, frame) for candidate in results.candidates if len(frame := curve_frame(results.runs_of(candidate)))
    ]
    mixtures = {c: read_run(results.runs_of(c)[0].planned.run_id).mixture for c, _ in drawn}
    variants = [_panels(mixtures[candidate], frame) for candidate, frame in drawn]
    everything = pd.concat([frame for _, frame in drawn], ignore_index=True) if drawn else pd.DataFrame()
    figures = tuple(
        Figure(
            f"curves-{name}",
            f"{title} by epoch",
            everything,
            tuple(panels.get(name) for panels in variants),
            drawings=_drawings(results, drawn) if name == "loss" else (),
        )
        for name, title in _TITLES.items()
        if drawn
    )
    values = {
        "candidates": [candidate for candidate, _ in drawn],
        "without": sum(candidate.network != ENSEMBLE for candidate in results.candidates) - len(drawn),
        "shares": [row for c, frame in drawn for row in share_rows(c, mixtures[c], frame)],
    }
    return Section("curves", "Learning curves", values, figures)


def _drawings(results: Results, drawn: Sequence[tuple[Candidate, pd.DataFrame]]) -> tuple[Drawing, ...]:
    """The curves of the winner, the runner-up, the choice of val and the baseline, means over their runs."""
    frames = [
        frame.assign(candidate=f"{candidate.network}, {candidate.label}")
        for chosen in notable(results)
        for candidate, frame in drawn
        if candidate == chosen
    ]
    if not frames:
        return ()
    columns = [("loss", _TITLES["loss"]), ("val_dice", _TITLES["val_dice"])]
    draw = partial(draw_lines, frame=pd.concat(frames, ignore_index=True), columns=columns)
    caption = "Training loss and validation Dice by epoch, means over folds and seeds as far as all of their runs go."
    return (Drawing("learning-curves", caption, PAGE, 2.2, draw),)


def curve_frame(runs: Sequence[GridRun]) -> pd.DataFrame:
    """The histories of some runs behind one another, with ``run`` (its fold and seed) and ``kept`` (best epoch).

    A run that is still training gives what it has written so far, which knows nothing of the terms.
    """
    frames = []
    for run in runs:
        path = RunFolder(run.planned.run_id).history
        history = pd.read_csv(path) if path.is_file() else None if run.status else live_history(run)
        if history is not None:
            kept = run.status.best_epoch if run.status else None
            history["val_dice"] = history.get("val_dice", float("nan"))  # absent without validation cases
            frames.append(history.assign(run=place(run), kept=history["epoch"] == kept))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def nominal_shares(mixture: Mixture, frame: pd.DataFrame) -> pd.DataFrame:
    """Each term's weight over the sum of the weights: a column per term, a row per row of ``frame``.

    Undefined in epochs of a schedule in which all weights are 0.
    """
    names = [term.name for term in mixture.terms]
    if mixture.scheduled:
        weights = frame[[f"weight:{name}" for name in names]].set_axis(names, axis="columns")
    else:
        weights = pd.DataFrame(dict(zip(names, mixture.weights_at(0, 1), strict=True)), index=frame.index)
    total = weights.sum(axis="columns")
    return weights.div(total.where(total > 0), axis="index")


def share_rows(candidate: Candidate, mixture: Mixture, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Nominal and effective share of each term: at the first epoch, the kept one and the last, as means over the runs.

    The nominal share is that of the kept epoch where weights follow a schedule. A single term has no rows,
    nor has a candidate of which no run has ended.
    """
    if not _measured(mixture, frame):
        return []
    rows = []
    nominal = nominal_shares(mixture, frame[frame["kept"]] if mixture.scheduled else frame).mean()
    for term in nominal.index:
        column = f"ratio:{term}"
        measured = frame[frame[column].notna()].groupby("run", sort=False)[column]
        rows.append(
            {
                "candidate": candidate,
                "term": term,
                "nominal": nominal[term],
                "runs": len(measured),
                "first": measured.first().mean(),
                "kept": frame.loc[frame["kept"], column].mean(),
                "last": measured.last().mean(),
            }
        )
    return rows


def _panels(mixture: Mixture, frame: pd.DataFrame) -> dict[str, Spec]:
    """Four figures by name; two where there is one term, which has nothing to share, or no run has ended."""
    terms = [term.name for term in mixture.terms]
    figures = {
        "loss": go.Figure([*_run_lines(frame, "loss"), _mean_line(frame, "loss", "mean of runs", 0)]),
        "val_dice": go.Figure(
            [*_run_lines(frame, "val_dice"), _mean_line(frame, "val_dice", "mean of runs", 0), _kept(frame)]
        ),
    }
    if _measured(mixture, frame):
        figures["terms"] = go.Figure([_mean_line(frame, f"loss:{term}", term, k) for k, term in enumerate(terms)])
        figures["ratios"] = go.Figure(_share_lines(mixture, frame))
    for name, figure in figures.items():
        figure.update_layout(
            title={"text": _TITLES[name]},
            xaxis={"title": {"text": "epoch"}},
            legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"},
            showlegend=name in ("terms", "ratios") or _several(frame),
        )
        if name in ("val_dice", "ratios"):
            figure.update_yaxes(range=[-0.02, 1.02])
    return {name: spec(figure) for name, figure in figures.items()}


def _measured(mixture: Mixture, frame: pd.DataFrame) -> bool:
    """Whether there are several terms, and a run that has measured each."""
    return len(mixture.terms) > 1 and f"ratio:{mixture.terms[0].name}" in frame


def _several(frame: pd.DataFrame) -> bool:
    return len(frame["run"].unique()) > 1


def _run_lines(frame: pd.DataFrame, column: str) -> list[go.Scatter]:
    """A thin line per run; one run has no mean beside it, so its own line is left to ``_mean_line``."""
    if not _several(frame):
        return []
    lines = []
    for name, rows in frame.groupby("run", sort=False):
        known = rows[rows[column].notna()]
        lines.append(
            go.Scatter(
                x=known["epoch"].tolist(),
                y=rounded(known[column]),
                name=text(str(name)),
                mode="lines",
                line={"width": 1},
                opacity=0.45,
                meta=tone(0),
                showlegend=False,
            )
        )
    return lines


def _mean_line(frame: pd.DataFrame, column: str, name: str, number: int) -> go.Scatter:
    """The mean over the runs, as far as all of them go: beyond that it would jump when a run stops."""
    counts = frame.groupby("epoch")[column].count()
    means = frame.groupby("epoch")[column].mean()[counts == counts.max()]
    return go.Scatter(
        x=means.index.tolist(),
        y=rounded(means),
        name=text(name),
        mode="lines",
        line={"width": 2.5, "dash": _DASHES[number % len(_DASHES)]},
        meta=tone(number),
    )


def _kept(frame: pd.DataFrame) -> go.Scatter:
    kept = frame[frame["kept"] & frame["val_dice"].notna()]
    return go.Scatter(
        x=kept["epoch"].tolist(),
        y=rounded(kept["val_dice"]),
        text=[text(name) for name in kept["run"]],
        name="weights kept",
        mode="markers",
        marker={"size": 8, "symbol": "circle-open", "line": {"width": 2}},
        meta=tone(1),
    )


def _share_lines(mixture: Mixture, frame: pd.DataFrame) -> list[go.Scatter]:
    """Effective share of each term, and its nominal share dotted in the same colour."""
    lines = []
    # The same in every run; of a constant the two ends are enough.
    shares = nominal_shares(mixture, frame).groupby(frame["epoch"]).first()
    drawn = shares if mixture.scheduled else shares.iloc[[0, -1]]
    for number, term in enumerate(shares):
        ends = dict.fromkeys(fixed(share, 2) for share in shares[term].iloc[[0, -1]])
        effective = _mean_line(frame, f"ratio:{term}", f"{term}, nominal {' to '.join(ends)}", number)
        level = go.Scatter(
            x=drawn.index.tolist(),
            y=rounded(drawn[term]),
            mode="lines",
            hoverinfo="skip",
            line={"width": 1.5, "dash": "dot"},
            meta=tone(number),
            showlegend=False,
        )
        lines += [effective, level]
    return lines
