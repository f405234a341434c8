"""The ratio simplex: what was measured, a mixture model over it, its optimum, and where that may lie."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from seggrid.analysis.evidence import Evidence
from seggrid.analysis.response_surface import (
    RESPONSES,
    Simplex,
    Surface,
    find_simplices,
    fit_surface,
    surface_frame,
)
from seggrid.report.drawings import COLUMN, Drawing, draw_profile, draw_ternary
from seggrid.report.figures import Figure
from seggrid.report.numbers import LENGTH, SHARE, fixed
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.sections.curves import curve_frame
from seggrid.report.surfaces import RESPONSE_NAMES, draw_surface, has_effective
from seggrid.report.tables import Column, Table
from seggrid.scoring.criterion import Floats, absolute

_NOTHING = pd.Series(dtype=float)
#: R2 of mixtures left out up to which an optimum deserves no trust.
_TRUST = 0.2


def build(results: Results) -> Section:
    """Fit and draw every simplex of the ranked candidates; nothing where no mixtures share their terms."""
    evidence = results.evidence
    simplices = find_simplices(evidence) if evidence is not None else []
    if evidence is None or not simplices:
        return Section("simplex", "Ratio simplex", {"options": []})
    fitted = [
        (fit_surface(evidence, simplex, response), points)
        for simplex in simplices
        for points in [point_frame(evidence, simplex, results)]
        for response in RESPONSES
    ]
    surfaces = [surface for surface, _ in fitted]
    variants = tuple(draw_surface(surface, points, results.unit) for surface, points in fitted)
    frame = pd.concat(
        [surface_frame(s).assign(network=s.simplex.network, response=s.response) for s in surfaces], ignore_index=True
    )
    drawings = tuple(
        _drawing(number, surface, points, results.unit)
        for number, (surface, points) in enumerate(fitted)
        if len(surface.simplex.terms) <= 3 and surface.response in ("overlap", "distance")
    )
    figure = Figure("simplex", "The ratio simplex with a mixture model", frame, variants, 470, drawings)
    summaries = [summary(surface, points) for surface, points in fitted]
    values = {
        "options": [
            f"{s.simplex.network} · {' : '.join(s.simplex.terms)} · {RESPONSE_NAMES[s.response]}" for s in surfaces
        ],
        "summaries": summaries,
        "kinds": sorted({min(len(s.simplex.terms), 4) for s in surfaces}),
        "effective": any(len(s.simplex.terms) == 3 and has_effective(points, s.simplex.terms) for s, points in fitted),
        "enough": evidence.enough,
    }
    table = pd.DataFrame(summaries).drop(columns=["coefficients", "trusted"])
    return Section("simplex", "Ratio simplex", values, (figure,), (_table(table),))


def point_frame(evidence: Evidence, simplex: Simplex, results: Results) -> pd.DataFrame:
    """The mixtures of a simplex: weights, the responses, and each term's share of the gradient at the kept epoch."""
    rows = list(simplex.rows)
    frame = pd.DataFrame(simplex.weights, columns=list(simplex.terms))
    weights = frame.to_dict("records")
    frame["overlap"], frame["distance"] = evidence.overlap[rows], evidence.distance[rows]
    frame["absolute"] = absolute(evidence.overlap[rows], evidence.distance[rows], evidence.reference)
    frame["label"] = [evidence.candidates[row].label for row in rows]
    shares = [_effective(results, evidence, row, mixed) for row, mixed in zip(rows, weights, strict=True)]
    frame[[f"effective:{term}" for term in simplex.terms]] = [
        [share[term] for term in simplex.terms] for share in shares
    ]
    return frame


def _effective(results: Results, evidence: Evidence, row: int, weights: Mapping[Any, float]) -> dict[str, float]:
    """Each term's share of the gradient at the kept epoch, mean over the runs; NaN where it was not measured."""
    mixed = [term for term, weight in weights.items() if weight > 0]
    shares = {term: 1.0 if [term] == mixed else 0.0 for term in weights}
    if len(mixed) > 1:
        histories = curve_frame(results.runs_of(evidence.candidates[row]))
        kept = histories[histories["kept"]] if len(histories) else histories
        shares |= {term: float(kept.get(f"ratio:{term}", _NOTHING).mean()) for term in mixed}
    return shares


def summary(surface: Surface, points: pd.DataFrame) -> dict[str, Any]:
    """What the model says, as a row."""
    terms, response = surface.simplex.terms, surface.response
    values = points[response].to_numpy(float)
    best = int(values.argmin() if response == "distance" else values.argmax())
    region = surface.lattice[surface.region]
    places = LENGTH if response == "distance" else SHARE
    rows = zip(surface.names, surface.coefficients, surface.low, surface.high, strict=True)
    return {
        "network": surface.simplex.network,
        "terms": " : ".join(terms),
        "response": RESPONSE_NAMES[response],
        "mixtures": len(points),
        "order": surface.order,
        "explained": surface.explained,
        "predicted": surface.predicted,
        "trusted": surface.predicted > _TRUST,
        "optimum": _ratio(surface.optimum),
        "value": surface.value,
        "best": _ratio(surface.simplex.weights[best]),
        "best_value": float(values[best]),
        "region": ", ".join(
            f"{term} {fixed(weights.min(), 2)} to {fixed(weights.max(), 2)}"
            for term, weights in zip(terms, region.T, strict=True)
            if len(weights)
        ),
        "region_share": float(surface.region.mean()),
        "places": places,
        "coefficients": [
            {"name": name, "value": value, "low": low, "high": high} for name, value, low, high in rows
        ],
    }  # fmt: skip


def _ratio(weights: Floats) -> str:
    return " : ".join(fixed(float(weight), 2) for weight in weights)


def _drawing(number: int, surface: Surface, points: pd.DataFrame, unit: str) -> Drawing:
    terms, lower = list(surface.simplex.terms), surface.response == "distance"
    shown: dict[str, Any] = {
        "surface": surface_frame(surface),
        "points": points[terms].assign(value=points[surface.response]),
        "terms": terms,
        "optimum": surface.optimum.tolist(),
        "title": f"{surface.simplex.network}, {RESPONSE_NAMES[surface.response]}"
        + f" [{unit}]" * (lower and unit != ""),
    }
    three = len(terms) == 3
    draw = partial(draw_ternary, **shown, lower_is_better=lower) if three else partial(draw_profile, **shown)
    caption = (
        f"{shown['title']}: {surface.order} mixture model over the ratio simplex (R2 of mixtures left out "
        f"{fixed(surface.predicted, 2)}), what was measured (circles) and the optimum of the model (star)."
    )
    return Drawing(f"simplex-{number // len(RESPONSES) + 1}-{surface.response}", caption, COLUMN * 1.2, COLUMN, draw)


def _table(frame: pd.DataFrame) -> Table:
    columns = (
        Column("network", "Network"), Column("terms", "Terms"), Column("response", "Response"),
        Column("order", "Model"), Column("mixtures", "n", places=0), Column("predicted", "R² left out", places=2),
        Column("optimum", "Optimum"), Column("value", "Predicted", places=3), Column("best", "Best measured"),
        Column("best_value", "Value", places=3),
    )  # fmt: skip
    caption = (
        "Scheffé mixture models over the ratio simplex. R² left out: of mixtures predicted by a model that has not "
        "seen them. Optimum: the ratio at which the model is best."
    )
    return Table("simplex", caption, frame, columns)
