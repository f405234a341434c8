"""Figures for a manuscript: what the page draws with plotly, drawn from the same frames with matplotlib as SVG and PDF.

Widths are those of a column (85 mm) or of a page (175 mm) of most journals. Same frames, same bytes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Sheet

from seggrid.records import atomic

COLUMN, PAGE = 85 / 25.4, 175 / 25.4
#: The tones of the page in its light theme (Okabe and Ito's, darkened for thin lines).
TONES = ("#0072b2", "#c2470a", "#00805e", "#a3457e", "#6b6100", "#5a4fb0")
DASHES = ("-", "--", "-.", (0, (8, 3)), ":")
SHADES = ("#f4f1e8", "#b5d3ea", "#5fa3dc")
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 7,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    # A name may hold a dollar sign.
    "text.parse_math": False,
    "text.usetex": False,
    "svg.hashsalt": "seggrid",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Drawing:
    """A figure of the manuscript.

    Attributes:
        name: of its files.
        caption: in plain text.
        width, height: in inches.
        draw: draws on an empty sheet.
    """

    name: str
    caption: str
    width: float
    height: float
    draw: Callable[[Sheet], None]


def write_drawings(drawings: Iterable[Drawing], folder: Path) -> None:
    """Write every drawing as ``NAME.svg`` and ``NAME.pdf``."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # A script that the font does not know is drawn as boxes; the page and the tables have the names.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font")
        for drawing in drawings:
            sheet = Sheet(figsize=(drawing.width, drawing.height))
            drawing.draw(sheet)
            for kind, metadata in (("svg", {"Date": None}), ("pdf", {"CreationDate": None})):
                with atomic(folder / f"{drawing.name}.{kind}") as temporary:
                    # The paper grows with the labels beside the axes, whose size is that of the drawing.
                    sheet.savefig(temporary, format=kind, metadata=metadata, bbox_inches="tight", pad_inches=0.02)


def shades(reverse: bool = False) -> LinearSegmentedColormap:
    """One hue from worst to best, in every shade of which black numbers can be read."""
    return LinearSegmentedColormap.from_list("seggrid", SHADES[::-1] if reverse else SHADES)


def draw_heat(sheet: Sheet, frame: pd.DataFrame, title: str, places: int, lower_is_better: bool) -> None:
    """A field per cell with its number; columns above one another are comparable.

    Args:
        frame: index and columns are the labels.
    """
    axes = sheet.subplots()
    values = frame.to_numpy(float)
    axes.imshow(values, cmap=shades(lower_is_better), aspect="auto")
    axes.set_xticks(range(len(frame.columns)), [str(name) for name in frame.columns], rotation=30, ha="right")
    axes.set_yticks(range(len(frame)), [str(name) for name in frame.index])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            axes.text(column, row, f"{value:.{places}f}", ha="center", va="center")
    axes.set_title(title)


def draw_forest(sheet: Sheet, panels: Sequence[tuple[str, pd.DataFrame]], zero: bool = True) -> None:
    """Points with intervals beside one another, one panel a measure, the same rows in each.

    Args:
        panels: title, and a frame with ``label, value, low, high``, the first row on top.
        zero: whether a line marks where nothing differs.
    """
    for number, (axes, (title, frame)) in enumerate(zip(_row(sheet, len(panels)), panels, strict=True)):
        places = np.arange(len(frame))
        value = frame["value"].to_numpy(float)
        reach = np.stack([value - frame["low"], frame["high"] - value]).astype(float)
        if zero:
            axes.axvline(0, color="#888888", linewidth=0.8)
        axes.errorbar(value, places, xerr=np.nan_to_num(reach), fmt="o", color=TONES[0], markersize=3, linewidth=1)
        axes.set_yticks(places, frame["label"] if number == 0 else [])
        axes.set_ylim(len(frame) - 0.5, -0.5)
        axes.set_title(title)


def draw_lines(sheet: Sheet, frame: pd.DataFrame, columns: Sequence[tuple[str, str]]) -> None:
    """Curves over ``epoch``, one panel a column: each ``candidate``'s mean, as far as all of its runs go.

    Args:
        columns: of the frame, and their titles.
    """
    for number, (axes, (column, title)) in enumerate(zip(_row(sheet, len(columns)), columns, strict=True)):
        for place, (name, rows) in enumerate(frame.groupby("candidate", sort=False)):
            by_epoch = rows.groupby("epoch")[column]
            mean = by_epoch.mean()[by_epoch.count() == by_epoch.count().max()]
            style: dict[str, Any] = {"color": TONES[place % len(TONES)], "linestyle": DASHES[place % len(DASHES)]}
            axes.plot(mean.index, mean, label=str(name), **style)
        axes.set_xlabel("epoch")
        axes.set_title(title)
        if number == 0:
            axes.legend(loc="upper left", bbox_to_anchor=(0, -0.2), fontsize=6)


def draw_boxes(sheet: Sheet, frame: pd.DataFrame, title: str) -> None:
    """Boxes of ``value`` by ``object``, one beside another for each ``candidate``; whiskers at 1.5 of the box."""
    axes = sheet.subplots()
    candidates, objects = (list(dict.fromkeys(frame[name])) for name in ("candidate", "object"))
    width = 0.8 / max(1, len(candidates))
    for number, candidate in enumerate(candidates):
        rows = frame[frame["candidate"] == candidate]
        values = [rows.loc[rows["object"] == name, "value"].dropna().to_numpy() for name in objects]
        places = np.arange(len(objects)) + (number - (len(candidates) - 1) / 2) * width
        tone = TONES[number % len(TONES)]
        axes.bxp(
            [_box(part) for part in values], positions=places, widths=0.85 * width, manage_ticks=False,
            boxprops={"color": tone}, whiskerprops={"color": tone}, capprops={"color": tone},
            medianprops={"color": tone}, flierprops={"marker": ".", "markersize": 3, "markeredgecolor": tone},
        )  # fmt: skip
        axes.plot([], [], color=tone, label=str(candidate))
    axes.set_xticks(range(len(objects)), [str(name) for name in objects])
    axes.set_title(title)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), fontsize=6)


def _box(values: np.ndarray) -> dict[str, Any]:
    """What a box shows, by the quartiles of plotly (Hazen's), that both figures are the same."""
    if not len(values):
        return dict.fromkeys(("q1", "med", "q3", "whislo", "whishi"), np.nan) | {"fliers": []}
    low, middle, high = np.percentile(values, (25, 50, 75), method="hazen")
    inside = values[(values >= low - 1.5 * (high - low)) & (values <= high + 1.5 * (high - low))]
    ends = {"whislo": min(low, inside.min()), "whishi": max(high, inside.max())}
    beyond = values[(values < ends["whislo"]) | (values > ends["whishi"])]
    return {"q1": low, "med": middle, "q3": high, **ends, "fliers": beyond}


def draw_critical_difference(
    sheet: Sheet, labels: Sequence[str], ranks: Sequence[float], cliques: Sequence[tuple[int, int]], critical: float
) -> None:
    """Mean ranks on a line, the best on the left; bars join what Nemenyi's test does not tell apart."""
    axes = sheet.subplots()
    count = len(ranks)
    half = math.ceil(count / 2)
    low, high = 1.0, float(max(count, 2))
    axes.plot([low, high], [0, 0], color="black")
    for tick in range(1, count + 1):
        axes.plot([tick, tick], [0, 0.1], color="black", linewidth=0.8)
        axes.text(tick, 0.2, str(tick), ha="center", va="bottom")
    axes.plot([low, low + critical], [0.9, 0.9], color="black", linewidth=2)
    axes.text(low, 1.0, f"CD = {critical:.2f}", va="bottom")
    for number, bar in enumerate(cliques):
        level = -0.25 - 0.2 * number
        axes.plot([ranks[bar[0]] - 0.04, ranks[bar[1]] + 0.04], [level, level], color="black", linewidth=2.5)
    start = -0.35 - 0.2 * len(cliques)
    for place, (label, rank) in enumerate(zip(labels, ranks, strict=True)):
        left = place < half
        level = start - 0.35 * (place if left else count - 1 - place)
        end = low - 0.2 if left else high + 0.2
        axes.plot([rank, rank, end], [0, level, level], color="black", linewidth=0.7)
        axes.text(end, level, f" {label} ({rank:.2f}) ", ha="right" if left else "left", va="center")
    axes.set_axis_off()


def draw_ternary(
    sheet: Sheet,
    surface: pd.DataFrame,
    points: pd.DataFrame,
    terms: Sequence[str],
    optimum: Sequence[float],
    title: str,
    lower_is_better: bool,
) -> None:
    """The simplex of three terms as a triangle, the first on top.

    Args:
        surface: a column per term, ``value`` and ``region`` over the lattice.
        points: a column per term and ``value`` of what was measured.
    """
    axes = sheet.subplots()
    x, y = _corners(surface[list(terms)].to_numpy())
    ends = [float(f(np.concatenate([surface["value"], points["value"]]))) for f in (np.min, np.max)]
    colours: dict[str, Any] = {"cmap": shades(lower_is_better), "vmin": ends[0], "vmax": ends[1]}
    drawn = axes.tripcolor(x, y, surface["value"].to_numpy(), shading="gouraud", **colours)
    inside = surface["region"].to_numpy(bool)
    axes.plot(x[inside], y[inside], ".", color="#333333", markersize=1.5, alpha=0.5)
    at = _corners(points[list(terms)].to_numpy())
    axes.scatter(*at, c=points["value"], s=22, edgecolors="black", linewidths=0.6, **colours)
    axes.plot(*_corners(np.array([optimum])), "*", color="black", markersize=9)
    corners = _corners(np.eye(3))
    for number, (name, place) in enumerate(zip(terms, zip(*corners, strict=True), strict=True)):
        axes.annotate(
            name, place, (0, 5 if number == 0 else -5), textcoords="offset points",
            ha="center", va="bottom" if number == 0 else "top",
        )  # fmt: skip
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_title(title)
    sheet.colorbar(drawn, ax=axes, shrink=0.6)


def draw_profile(
    sheet: Sheet,
    surface: pd.DataFrame,
    points: pd.DataFrame,
    terms: Sequence[str],
    optimum: Sequence[float],
    title: str,
) -> None:
    """The simplex of two terms as a line over the weight of the first; the frames are those of ``draw_ternary``."""
    axes = sheet.subplots()
    first, second = terms
    inside = surface.loc[surface["region"], first]
    if len(inside):
        axes.axvspan(inside.min(), inside.max(), color="#888888", alpha=0.15)
    axes.plot(surface[first], surface["value"], color=TONES[0])
    axes.plot(points[first], points["value"], "o", color=TONES[1], markersize=4)
    best = surface["value"].to_numpy()[(surface[first] - optimum[0]).abs().to_numpy().argmin()]
    axes.plot(optimum[0], best, "*", color="black", markersize=9)
    axes.set_xlabel(f"weight of {first}, the rest {second}")
    axes.set_title(title)


def draw_scatter(
    sheet: Sheet, frame: pd.DataFrame, x: str, y: str, names: tuple[str, str], best: str = "", steps: str = ""
) -> None:
    """Points, those where ``best`` is true drawn full and joined, and a line of steps through ``steps``."""
    axes = sheet.subplots()
    axes.scatter(frame[x], frame[y], s=12, facecolors="none", edgecolors=TONES[0])
    if best:
        front = frame[frame[best]].sort_values(x)
        axes.plot(front[x], front[y], "o-", color=TONES[1], markersize=4)
    if steps:
        axes.step(frame[x], frame[steps], where="post", color=TONES[1])
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])


def _row(sheet: Sheet, count: int) -> list[Axes]:
    return list(sheet.subplots(1, count, squeeze=False, gridspec_kw={"wspace": 0.25})[0])


def _corners(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places in the plane of weights of three terms, shape ``(..., 3)``: the first on top, the second on the left."""
    return weights[..., 2] + weights[..., 0] / 2, weights[..., 0] * math.sqrt(3) / 2
