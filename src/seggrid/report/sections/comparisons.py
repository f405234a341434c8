"""How much better: paired differences of every candidate from the baseline, the winner, or any other."""

from __future__ import annotations

from functools import partial

import pandas as pd

from seggrid.analysis.differences import against_baseline, differences, with_p_values
from seggrid.analysis.evidence import MEASURES, Evidence, Measure
from seggrid.report.drawings import PAGE, Drawing, draw_forest
from seggrid.report.figures import Figure, forest
from seggrid.report.numbers import LENGTH, SHARE, between
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.tables import Column, Table
from seggrid.scoring.grid import Candidate

#: Candidates that are drawn, the best first; all stand in the table.
SHOWN = 25
#: Candidates, each of which can be made the reference on the page.
_REFERENCES = 30
_PLACES: dict[Measure, int] = {"overlap": SHARE, "distance": LENGTH}


def build(results: Results) -> Section:
    """Compare the ranked candidates; nothing with one of them or fewer than two groups."""
    evidence = results.evidence
    if evidence is None or len(evidence.candidates) < 2:
        return Section("comparisons", "Differences", {"rows": []})
    pairs = pair_frame(evidence, results)
    references = reference_names(evidence, results)
    values = {
        "rows": pairs.to_dict("records"),
        "references": list(references),
        "groups": len(evidence.groups),
        "enough": evidence.enough,
        "hidden": max(0, len(evidence.candidates) - SHOWN),
    }
    figures = tuple(_difference_figure(evidence, results, measure, references) for measure in MEASURES)
    return Section("comparisons", "Differences", values, figures, (_table(pairs, results, evidence),))


def candidate_names(evidence: Evidence) -> list[str]:
    """``network, label`` of every candidate; without the network where there is only one."""
    several = len({candidate.network for candidate in evidence.candidates}) > 1
    return [f"{c.network}, {c.label}" if several else c.label for c in evidence.candidates]


def reference_names(evidence: Evidence, results: Results) -> dict[str, list[int]]:
    """What the others can be compared with on the page: the row of each candidate's reference, by name."""
    count, names = len(evidence.candidates), candidate_names(evidence)
    baseline = against_baseline(evidence, results.grid.baseline)
    compared = any(other not in (-1, row) for row, other in enumerate(baseline))
    found = {"the baseline mixture in the same network": baseline} if compared else {}
    for row in range(min(_REFERENCES, count)):
        found[f"{'the winner, ' if row == 0 else ''}{names[row]}"] = [row] * count
    return found


def pair_frame(evidence: Evidence, results: Results) -> pd.DataFrame:
    """Differences from the baseline mixture and from the winner with intervals and p-values, a row per candidate."""
    tables = []
    references = {
        "baseline": against_baseline(evidence, results.grid.baseline),
        "winner": [0] * len(evidence.candidates),
    }
    for against, rows in references.items():
        table = with_p_values(evidence, differences(evidence, rows))
        for role in ("candidate", "reference"):
            chosen = [evidence.candidates[row] for row in table[role]]
            end = "" if role == "candidate" else "reference_"
            table[[f"{end}network", f"{end}loss", f"{end}label"]] = pd.DataFrame(
                chosen, index=table.index, columns=Candidate._fields
            )
        tables.append(table.drop(columns=["candidate", "reference"]).assign(against=against))
    return pd.concat(tables, ignore_index=True)


def _difference_figure(
    evidence: Evidence, results: Results, measure: Measure, references: dict[str, list[int]]
) -> Figure:
    """A forest of differences; a switch of the page chooses the reference."""
    title = _title(measure, results)
    better = "right" if measure == "overlap" else "left"
    frames = [_forest_frame(evidence, measure, rows) for rows in references.values()]
    variants = tuple(forest(frame, f"{title}, better to the {better}") if len(frame) else None for frame in frames)
    rows = max((len(frame) for frame in frames), default=0)
    drawings = (_drawing(evidence, results, references),) if measure == "overlap" else ()
    return Figure(
        f"difference-{measure}",
        f"{title} of every candidate" + (", with 95 % intervals" if evidence.enough else ""),
        pd.concat([frame.assign(reference=name) for name, frame in zip(references, frames, strict=True)]),
        variants,
        110 + 32 * rows,
        drawings,
    )


def _title(measure: Measure, results: Results) -> str:
    unit = f" [{results.unit}]" if measure == "distance" and results.unit else ""
    return f"Difference in {'O' if measure == 'overlap' else 'D'}{unit}"


def _drawing(evidence: Evidence, results: Results, references: dict[str, list[int]]) -> Drawing:
    """Both measures against the first reference: the baseline mixture, or the winner where nobody has a baseline."""
    name, rows = next(iter(references.items()))
    who = "winner" if name.startswith("the winner") else "baseline"
    panels = [
        (f"{_title(measure, results)}, from {who}", _forest_frame(evidence, measure, rows)) for measure in MEASURES
    ]
    caption = f"Paired differences in O and in D from the {who}, over {len(evidence.groups)} test groups"
    caption += ", with 95 % intervals of a bootstrap over groups." if evidence.enough else "."
    return Drawing("differences", caption, PAGE, 0.6 + 0.17 * len(panels[0][1]), partial(draw_forest, panels=panels))


def _forest_frame(evidence: Evidence, measure: Measure, rows: list[int]) -> pd.DataFrame:
    table = differences(evidence, [row if place < SHOWN else -1 for place, row in enumerate(rows)])
    names = candidate_names(evidence)
    places = _PLACES[measure]
    frame = pd.DataFrame(
        {
            "label": [names[row] for row in table["candidate"]],
            "value": table[measure],
            "low": table[f"{measure}_low"],
            "high": table[f"{measure}_high"],
        }
    )
    frame["hover"] = [f"{row['label']}: {between(row, places)}" for row in frame.to_dict("records")]
    return frame


def _table(pairs: pd.DataFrame, results: Results, evidence: Evidence) -> Table:
    columns = [
        Column("against", "Against"),
        Column("network", "Network"),
        Column("label", "Mixture"),
    ]
    for measure, heading in zip(MEASURES, "OD", strict=True):
        columns += [
            Column(
                measure, f"Difference in {heading}", results.unit if measure == "distance" else "", _PLACES[measure],
                interval=(f"{measure}_low", f"{measure}_high"), signed=True,
            ),
            Column(f"{measure}_holm", f"p ({heading})", places=3),
        ]  # fmt: skip
    caption = (
        f"Paired differences over {len(evidence.groups)} test groups, with 95 % intervals of a bootstrap over groups; "
        "p: Wilcoxon's signed-rank test, adjusted by Holm within each reference."
    )
    return Table("differences", caption, pairs, tuple(columns))
