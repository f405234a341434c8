"""The data card: cases, groups, class areas, sizes and folds."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seggrid.data.index import read_index
from seggrid.data.splits import SIDES
from seggrid.records import read_json
from seggrid.report.page import Section
from seggrid.report.results import Results


def build(results: Results) -> Section:
    """Show the data set; nothing but its id before preprocessing."""
    data = results.grid.experiment.data
    values: dict[str, Any] = {"source": data.source, "data_id": results.data.folder.name, "card": results.card}
    if results.card is not None:
        values["classes"] = class_frame(results.card, results.grid.class_names).to_dict("records")
        values["folds"] = fold_frame(results).to_dict("records")
    return Section("data", "Data", values)


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
                "groups": card["groups_with"].get(key, card["groups"]),
            }
            for key, name in names.items()
        ]
    )


def fold_frame(results: Results) -> pd.DataFrame:
    """Cases and groups on each side of each fold, and whether the experiment runs the fold."""
    groups = {entry.case: entry.group for entry in read_index(results.data.index)}
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
