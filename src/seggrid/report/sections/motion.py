"""Motion of knees: the measures over a sequence against the truth, and every candidate's errors."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure as Sheet

from seggrid.motion.measures import MEASURES
from seggrid.report.drawings import DASHES, PAGE, TONES, Drawing, draw_forest
from seggrid.report.figures import Figure, Spec, rounded, spec, text, tone
from seggrid.report.gallery import notable
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.tables import Column, Table, sample

#: Sequences that can be chosen on the page; of more, the first by name.
SEQUENCES = 24
_DASHES = ("dash", "dashdot", "longdash", "dot")
#: What is drawn beside the candidates: column, name in the legend.
_TRUTHS = (("reference", "true mask"), ("known", "known pose"))
_WORDS = dict.fromkeys(("network", "loss", "label", "group", "sequence", "case", "measure", "unit", "split"), "str")


def places(unit: str) -> int:
    """Decimals of a measure."""
    return {"": 3, "degrees": 1}.get(unit, 2)


def build(results: Results) -> Section | None:
    """Draw the measures; nothing where the experiment measures no motion or nothing is scored yet."""
    folder = results.folder
    if results.scores is None or results.grid.experiment.motion is None or not folder.motion_errors.is_file():
        return None
    errors = _read(folder.motion_errors)
    frame = sequence_frame(results, _read(folder.motion))
    sequences = list(dict.fromkeys(frame["sequence"]))
    figures = tuple(_figure(name, frame, sequences[:SEQUENCES]) for name in MEASURES) if sequences else ()
    shown = _named(errors)
    against = ["difference", "difference_low", "difference_high", "compared"]
    shown.loc[shown["loss"] == results.grid.baseline, against] = np.nan  # the baseline itself
    values = {
        "rows": shown.to_dict("records"),
        "best": _best(shown),
        "sequences": sequences[:SEQUENCES],
        "left_out": max(0, len(sequences) - SEQUENCES),
        "measures": [kind.title for kind in MEASURES.values()],
        "known": bool(errors["known_mae"].notna().any()),
        "intervals": bool(errors["low"].notna().any()),
        "places": places,
    }
    if figures:
        drawings = (*_sequence_drawing(frame, sequences), *_error_drawing(shown))
        first = figures[0]
        figures = (
            Figure(first.name, first.alternative, first.frame, first.variants, first.height, drawings),
            *figures[1:],
        )
    return Section("motion", "Motion", values, figures, (_table(shown, results),))


def _read(path: Any) -> pd.DataFrame:
    numbers = {"mae", "mae_sd", "low", "high", "difference", "difference_low", "difference_high", "compared", "bias",
               "known_mae", "known_bias", "predicted", "reference", "known", "projected"}  # fmt: skip
    return pd.read_csv(path, dtype=_WORDS, keep_default_na=False, na_values={name: [""] for name in numbers})


def sequence_frame(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    """The test frames of the candidates that matter: a row per candidate, frame and measure, means over seeds.

    Returns:
        ``measure, unit, sequence, frame, case, candidate, position, predicted, reference, known``.
    """
    test = rows[rows["split"] == "test"]
    keys = ["measure", "unit", "sequence", "frame", "case"]
    tables = []
    for position, candidate in enumerate(notable(results)):
        own = test[(test["network"] == candidate.network) & (test["loss"] == candidate.loss)]
        means = own.groupby(keys, sort=True)[["predicted", "reference", "known"]].mean().reset_index()
        tables.append(means.assign(candidate=f"{candidate.network}, {candidate.label}", position=position))
    found = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*keys, "position"])
    return found.sort_values(["sequence", "position", "frame"], kind="stable")


def _figure(measure: str, frame: pd.DataFrame, sequences: list[str]) -> Figure:
    kind = MEASURES[measure]
    own = frame[frame["measure"] == measure]
    variants = tuple(_lines(own[own["sequence"] == sequence], kind.title) for sequence in sequences)
    return Figure(f"motion-{measure}", f"{kind.title} over the frames of a sequence", own, variants, 300)


def _title(rows: pd.DataFrame, title: str) -> str:
    unit = rows["unit"].iloc[0] if len(rows) else ""
    return f"{title} [{unit}]" if unit else title


def _lines(rows: pd.DataFrame, title: str) -> Spec:
    """A line per candidate; the truth is the same for all of them."""
    first = rows[rows["position"] == rows["position"].min()]
    traces = [
        _line(first, column, name, number, "solid") for number, (column, name) in enumerate(_TRUTHS, start=4)
        if first[column].notna().any()
    ]  # fmt: skip
    for position, own in rows.groupby("position", sort=True):
        number = int(str(position))
        traces.append(
            _line(own, "predicted", own["candidate"].iloc[0], number, _DASHES[number % len(_DASHES)], width=1.6)
        )
    layout = go.Layout(
        title={"text": text(_title(rows, title))},
        xaxis={"title": {"text": "frame"}, "dtick": 1},
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"},
        showlegend=True,
    )
    return spec(go.Figure(traces, layout))


def _line(rows: pd.DataFrame, column: str, name: str, number: int, dash: str, width: float = 2.2) -> go.Scatter:
    return go.Scatter(
        x=rows["frame"].tolist(),
        y=rounded(rows[column]),
        name=text(name),
        mode="lines+markers",
        line={"width": width, "dash": dash},
        marker={"size": 5},
        hovertext=[text(case) for case in rows["case"]],
        hoverinfo="text+y+name",
        connectgaps=False,
        meta=tone(number),
    )


def _named(errors: pd.DataFrame) -> pd.DataFrame:
    """The errors with the measures' titles, the mixtures' labels, and which rows missed least of their measure."""
    titles = errors["measure"].map({name: kind.title for name, kind in MEASURES.items()})
    label = errors["label"].where(errors["label"] != "", errors["loss"])
    fewest = errors["missed"] == errors.groupby("measure")["missed"].transform("min")
    return errors.assign(title=titles, label=label, fewest=fewest)


def _best(shown: pd.DataFrame) -> set[int]:
    """Rows with the least error of their measure among the candidates that missed least."""
    competing = shown[shown["fewest"]]
    return set(competing.index[competing["mae"] == competing.groupby("measure")["mae"].transform("min")])


def _table(shown: pd.DataFrame, results: Results) -> Table:
    caption = (
        "Measures of motion on the predicted against the true masks of the test folds. "
        f"{sample(results.scores or {})}. MAE: mean absolute error over frames within a group, groups, then runs; "
        "brackets: 95 % interval of a bootstrap over groups; difference: of the absolute errors from those of the "
        "baseline mixture in the same network, on the frames that both measured; bias: predicted minus true. Frames: "
        "those, over all runs, that the true masks allow to measure; missed: those of them that the predicted ones do "
        "not. Bold: the least MAE among the candidates that missed least."
    )
    order = {name: place for place, name in enumerate(MEASURES)}
    rows = shown.sort_values("measure", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)
    columns = (
        Column("title", "Measure"), Column("unit", "Unit"), Column("network", "Network"),
        Column("label", "Loss mixture"), Column("mae", "MAE", "", 3, interval=("low", "high"), better="lower"),
        Column("difference", "Difference", "", 3, interval=("difference_low", "difference_high"), signed=True),
        Column("bias", "Bias", "", 3, signed=True), Column("frames", "Frames", places=0),
        Column("missed", "Missed", places=0),
    )  # fmt: skip
    return Table("motion", caption, rows, columns, within=("measure",), competes="fewest")


def _sequence_drawing(frame: pd.DataFrame, sequences: list[str]) -> tuple[Drawing, ...]:
    """The sequence with most frames of which the flexion is known, the first of them by name."""
    flexion = frame[(frame["measure"] == "flexion") & (frame["position"] == 0)]
    counts = flexion["reference"].notna().groupby(flexion["sequence"]).sum()
    sequence = str(counts.idxmax()) if len(counts) else sequences[0]
    rows = frame[frame["sequence"] == sequence]
    caption = f"Measures of motion over the sequence {sequence}: predicted masks against the true ones."
    return (Drawing("motion-sequence", caption, PAGE, 3.6, partial(_draw_sequence, frame=rows)),)


def _draw_sequence(sheet: Sheet, frame: pd.DataFrame) -> None:
    axes = sheet.subplots(2, 3, gridspec_kw={"wspace": 0.3, "hspace": 0.5}).ravel()
    for panel, (name, kind) in zip(axes, MEASURES.items(), strict=False):
        rows = frame[frame["measure"] == name]
        first = rows[rows["position"] == 0]
        for number, (column, told) in enumerate(_TRUTHS, start=4):
            if first[column].notna().any():
                panel.plot(first["frame"], first[column], ".-", color=TONES[number], label=told)
        for position, own in rows.groupby("position", sort=True):
            number = int(str(position))
            style: dict[str, Any] = {"color": TONES[number % 4], "linestyle": DASHES[1 + number % 4]}
            panel.plot(own["frame"], own["predicted"], marker=".", label=own["candidate"].iloc[0], **style)
        panel.set_title(_title(rows, kind.title), fontsize=7)
        panel.set_xlabel("frame")
        panel.xaxis.get_major_locator().set_params(integer=True)
    handles, labels = axes[0].get_legend_handles_labels()
    axes[-1].set_axis_off()
    axes[-1].legend(handles, labels, loc="center", fontsize=6)


def _error_drawing(shown: pd.DataFrame) -> tuple[Drawing, ...]:
    """The mean absolute errors of the ten best candidates, a panel a measure."""
    panels = []
    for name, kind in MEASURES.items():
        rows = shown[shown["measure"] == name].iloc[:10]
        drawn = pd.DataFrame(
            {"label": rows["network"] + ", " + rows["label"], "value": rows["mae"],
             "low": rows["low"].fillna(rows["mae"]), "high": rows["high"].fillna(rows["mae"])}
        )  # fmt: skip
        panels.append((_title(rows, kind.short), drawn))
    most = max(len(drawn) for _, drawn in panels)
    caption = (
        "Mean absolute error of each measure of motion, with its 95 % interval of a bootstrap over groups; every "
        "candidate on the frames that its masks allow to measure."
    )
    draw = partial(draw_forest, panels=panels, zero=False)
    return (
        (Drawing("motion-errors", caption, PAGE, 0.6 + 0.17 * most, draw),) if np.isfinite(shown["mae"]).any() else ()
    )
