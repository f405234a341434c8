"""The data card: cases, groups, class areas, intensities, sizes and folds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from seggrid.data.index import read_index
from seggrid.data.splits import SIDES
from seggrid.data.store import Store
from seggrid.records import read_json
from seggrid.report.figures import Figure, rounded, spec, text, tone
from seggrid.report.page import Section
from seggrid.report.results import Results


def build(results: Results) -> Section:
    """Show the data set; nothing but its id before preprocessing."""
    data = results.grid.experiment.data
    values: dict[str, Any] = {"source": data.source, "data_id": results.data.folder.name, "card": results.card}
    if results.card is not None:
        values["classes"] = class_frame(results.card, results.grid.class_names).to_dict("records")
        values["folds"] = fold_frame(results).to_dict("records")
        frame = case_values(Store.open(results.data), results.grid.class_names)
        figures = (_area_figure(frame, results.grid.class_names), _intensity_figure(frame))
        return Section("data", "Data", values, figures)
    return Section("data", "Data", values)


def case_values(store: Store, class_names: tuple[str, ...]) -> pd.DataFrame:
    """A row per case: the area of each object in pixels, and ``median`` of the image as it is shown (0 to 255)."""
    rows = []
    for index in range(len(store.cases)):
        areas = np.bincount(store.truth(index).ravel(), minlength=len(class_names) + 1)[1:]
        rows.append([*areas.tolist(), float(np.median(store.original(index)))])
    return pd.DataFrame(rows, columns=[*range(len(class_names)), "median"])


def _area_figure(frame: pd.DataFrame, class_names: tuple[str, ...]) -> Figure:
    """How large each object is, on a log scale; cases without it are left out."""
    figure = go.Figure(
        [
            go.Box(
                y=rounded(frame.loc[frame[number] > 0, number].astype(float)), name=text(name), meta=tone(number),
                boxpoints=False, showlegend=False,
            )
            for number, name in enumerate(class_names)
        ]
    )  # fmt: skip
    title = "Area of each object where it is [pixels]"
    figure.update_layout(title={"text": title}, xaxis={"type": "category"}, yaxis={"type": "log"})
    return Figure("data-areas", "Areas of the objects", frame, (spec(figure),), 300)


def _intensity_figure(frame: pd.DataFrame) -> Figure:
    """Whether all cases are of one kind: their median intensities."""
    trace = go.Histogram(x=rounded(frame["median"]), nbinsx=30, meta=tone(0))
    title = "Median intensity of each case, as it is shown (0 to 255)"
    layout = go.Layout(title={"text": title}, yaxis={"title": {"text": "cases"}}, bargap=0.05)
    return Figure("data-intensities", "Median intensities of the cases", frame, (spec(go.Figure(trace, layout)),), 300)


def class_frame(card: dict[str, Any], class_names: tuple[str, ...]) -> pd.DataFrame:
    """A row per object, and the background first: area, share of all pixels, cases and groups that show it.

    Args:
        class_names: of the objects as the experiment has them; the card may have been written under others.
    """
    names = {"background": "background", **dict(zip(card["class_names"], class_names, strict=True))}
    return pd.DataFrame(
        [
            {
                "name": name,
                "area": card["areas"][key],
                "share": card["shares"][key],
                "cases": card["cases_with"].get(key, card["cases"]),
                "groups": card["groups_with"].get(key, card.get("patients", card["groups"])),
            }
            for key, name in names.items()
        ]
    )


def fold_frame(results: Results) -> pd.DataFrame:
    """Cases and groups on each side of each fold, and whether the experiment runs the fold."""
    one = results.grid.one_patient
    groups = {entry.case: entry.case if one else entry.group for entry in read_index(results.data.index)}
    run = results.grid.experiment.all_folds()
    return pd.DataFrame(
        [
            {
                "fold": number,
                "run": number in run,
                **{f"{side}_cases": len(fold[side]) for side in SIDES},
                **{f"{side}_groups": len({groups[case] for case in fold[side]}) for side in SIDES},
            }
            for number, fold in enumerate(read_json(results.data.splits)["folds"])
        ]
    )
