"""Figures for a manuscript: same frames, same bytes, names as they are."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from seggrid.report.drawings import (
    Drawing,
    _box,
    draw_boxes,
    draw_critical_difference,
    draw_forest,
    draw_heat,
    draw_lines,
    draw_profile,
    draw_scatter,
    draw_ternary,
    write_drawings,
)

NAME = "<b>LCE2</b> $x_1$ & 50 %"
FOREST = pd.DataFrame({"label": [NAME, "ce"], "value": [0.1, -0.1], "low": [0.0, np.nan], "high": [0.2, np.nan]})
HEAT = pd.DataFrame([[0.5, np.nan], [0.25, 0.75]], index=[NAME, "ce"], columns=["UNet", "FPN"])
BOXES = pd.DataFrame({"candidate": [NAME] * 4, "object": ["a", "a", "b", "b"], "value": [0.1, 0.2, 0.3, np.nan]})
CURVES = pd.DataFrame(
    {"candidate": [NAME] * 3, "epoch": [1, 2, 2], "loss": [2.0, 1.0, 0.5], "val_dice": [0.1, np.nan, 0.2]}
)
CORNERS = pd.DataFrame(np.vstack([np.eye(3), np.full(3, 1 / 3)]), columns=["ce", "dice", NAME])
TRIALS = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [3.0, 1.0, 2.0], "front": [True, False, True]})


def words(path: Path) -> str:
    """All text of a figure."""
    return "".join(ET.parse(path).getroot().itertext()).replace("\xa0", " ")  # noqa: S314 (our own file)


DRAWINGS = {
    "forest": partial(draw_forest, panels=[("O", FOREST), ("D", FOREST)]),
    "heat": partial(draw_heat, frame=HEAT, title=NAME, places=2, lower_is_better=True),
    "lines": partial(draw_lines, frame=CURVES, columns=[("loss", NAME), ("val_dice", "Dice")]),
    "boxes": partial(draw_boxes, frame=BOXES, title=NAME),
    "critical": partial(
        draw_critical_difference, labels=[NAME, "ce", "dice"], ranks=[1.2, 1.8, 3.0], cliques=[(0, 1)], critical=0.9
    ),
    "ternary": partial(
        draw_ternary, surface=CORNERS.assign(value=[1.0, 2.0, 3.0, 2.0], region=[False, False, True, False]),
        points=CORNERS.assign(value=[1.0, 2.0, 3.0, 2.5]), terms=["ce", "dice", NAME], optimum=[0.0, 0.0, 1.0],
        title=NAME, lower_is_better=False,
    ),
    "profile": partial(
        draw_profile, terms=["ce", NAME], optimum=[0.0, 1.0], title="O",
        surface=pd.DataFrame({"ce": [0.0, 0.5, 1.0], "value": 1.0, "region": [True, True, False]}),
        points=pd.DataFrame({"ce": [0.0, 1.0], "value": [1.0, 2.0]}),
    ),
    "scatter": partial(draw_scatter, frame=TRIALS, x="x", y="y", names=(NAME, "D"), best="front"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DRAWINGS)
def test_same_frames_same_bytes_and_names_stay_text(tmp_path: Path, kind: str) -> None:
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        write_drawings([Drawing(kind, NAME, 3, 2, DRAWINGS[kind])], tmp_path / folder)
    for end in ("svg", "pdf"):
        content = (tmp_path / "one" / f"{kind}.{end}").read_bytes()
        assert content == (tmp_path / "other" / f"{kind}.{end}").read_bytes()
        assert b"CreationDate" not in content
    assert NAME in words(tmp_path / "one" / f"{kind}.svg")


def test_boxes_have_the_quartiles_of_the_page() -> None:
    # plotly's method "linear" on 1 to 4: as plotly.js draws them.
    found = _box(np.array([1.0, 2.0, 3.0, 4.0, 30.0]))
    assert (found["q1"], found["med"], found["q3"]) == (1.75, 3.0, 10.5)
    assert (found["whislo"], found["whishi"], found["fliers"].tolist()) == (1.0, 10.5, [30.0])
    assert np.isnan(_box(np.array([]))["med"])


def test_the_best_so_far_is_a_line_of_steps() -> None:
    sheet = Figure()
    frame = TRIALS.assign(best=[1.0, 1.0, 2.0])
    draw_scatter(sheet, frame, "x", "y", ("trial", "S"), steps="best")
    (line,) = sheet.axes[0].lines
    assert line.get_drawstyle() == "steps-post"
    assert list(line.get_ydata()) == [1.0, 1.0, 2.0]


def test_a_drawing_shows_its_numbers(tmp_path: Path) -> None:
    write_drawings([Drawing("heat", NAME, 3, 2, DRAWINGS["heat"])], tmp_path)
    shown = words(tmp_path / "heat.svg")
    assert all(number in shown for number in ("0.50", "0.25", "0.75"))
    assert "nan" not in shown
