"""``claim.md``: the items of CLAIM 2024 (Tejani et al. 2024), filled as far as the files know.

The items are named in our words; the guideline itself says what each asks for. What no file knows is left to the
authors, and what a file knows in part says so.
"""

from __future__ import annotations

import re

from seggrid.catalogue.references import REFERENCES
from seggrid.report.manuscript.claim_answers import Answer, answers
from seggrid.report.results import Results

OPEN = "to be filled in by the authors"
#: Part of a paper -> number and subject of each of its items.
ITEMS: dict[str, dict[int, str]] = {
    "Title and abstract": {1: "Study of artificial intelligence, and of which kind", 2: "Structured summary"},
    "Introduction": {3: "Background, intended use and role of the method", 4: "Aims and hypotheses"},
    "Methods: design": {5: "Prospective or retrospective", 6: "Goal of the study"},
    "Methods: data": {
        7: "Sources of the data",
        8: "Who and what was included and excluded",
        9: "Preprocessing",
        10: "Parts of the data that were used",
        11: "De-identification",
        12: "Missing data",
        13: "Acquisition of the images",
    },
    "Methods: reference standard": {
        14: "How it was defined and obtained",
        15: "Why it was chosen",
        16: "Who annotated",
        17: "Annotation of the test set",
        18: "Variability within and between raters",
    },
    "Methods: partitions": {19: "How cases were assigned", 20: "Level at which partitions are disjoint"},
    "Methods: test data": {21: "Intended sample size"},
    "Methods: model": {22: "Model", 23: "Software", 24: "Initial parameters"},
    "Methods: training": {25: "Training", 26: "Choice of the final model", 27: "Ensembles"},
    "Methods: evaluation": {
        28: "Metrics",
        29: "Statistics of significance and uncertainty",
        30: "Robustness and sensitivity",
        31: "Explainability",
        32: "Evaluation on internal data",
        33: "Test on external data",
        34: "Registration of a clinical trial",
    },
    "Results: data": {35: "Patients or examinations included and excluded", 36: "Characteristics of the partitions"},
    "Results: performance": {
        37: "Performance with its uncertainty",
        38: "Diagnostic performance with its precision",
        39: "Analysis of failures",
    },
    "Discussion": {40: "Limitations", 41: "Implications for practice"},
    "Other information": {
        42: "Protocol and technical details",
        43: "Availability of software, model and data",
        44: "Funding",
    },
}


def claim(results: Results) -> str:
    """Return the checklist as Markdown."""
    known = answers(results)
    source = REFERENCES["tejani2024"]
    lines = [
        f"# CLAIM 2024 checklist: {escape(results.grid.experiment.name)}",
        "",
        f"After {source.title} (doi {source.fields['doi']}), whose text says what each item asks for. Filled from the "
        f"files of the experiment: {sum(not answer.rest for answer in known.values())} items, "
        f"{sum(bool(answer.rest) for answer in known.values())} in part; the others are left to the authors.",
    ]
    for part, items in ITEMS.items():
        lines += ["", f"## {part}", "", "| item | subject | answer |", "| --- | --- | --- |"]
        lines += [f"| {number} | {subject} | {_shown(known.get(number))} |" for number, subject in items.items()]
    return "\n".join(lines) + "\n"


def _shown(answer: Answer | None) -> str:
    if answer is None:
        return OPEN
    return f"{escape(answer.text)}{f' ({escape(answer.rest)}: {OPEN})' if answer.rest else ''}"


def escape(text: str) -> str:
    """Text that Markdown shows as it is written."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&$])", r"\\\1", " ".join(text.split()))
