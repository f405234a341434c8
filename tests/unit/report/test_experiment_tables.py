"""The page of the papers' experiments holds what the report holds."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from seggrid.report.results import Results
from seggrid.scoring.claims import runs_agree
from tests.conftest import REPOSITORY
from tests.unit.report.conftest import MakeResults
from tests.unit.report.grid import LABEL, NAME
from tests.unit.report.test_published import naming

SCRIPT = runpy.run_path(str(REPOSITORY / "docs" / "experiment_tables.py"))
PAGE = REPOSITORY / "docs" / "results-experiments.md"


def test_runs_claims_and_tables_stand_in_it(complete: Results) -> None:
    claim = {"text": "this | that", "better": {"loss": LABEL}, "worse": {"loss": "ce"}, "source": "wang2026"}
    text = SCRIPT["section"](naming(complete, claims=[claim], tables=["wang2026"]))
    assert "`snakemake -c2 --config experiment=made-up data=FOLDER`: 8 of 8 runs completed, 10.0 min" in text
    assert "each run with 1 thread in fp32, on <cpu>, 2 cores; code of abc. Tested on 8 cases of 8 groups." in text
    (row,) = [line for line in text.splitlines() if line.startswith("| this &#124; that | Dice |")]
    assert row.endswith("| not decided here |")
    assert "| Network | Loss mixture | IoU | Dice |" in text
    assert all(line.count("|") == text[start:].splitlines()[0].count("|") for start, line in heads(text))


def heads(text: str) -> list[tuple[int, str]]:
    """Where every table begins, with its second line."""
    lines = text.splitlines()
    places = [number for number, line in enumerate(lines) if line.startswith("| ---")]
    return [(text.index(lines[number - 1]), lines[number]) for number in places]


def test_what_is_not_scored_is_not_written(make_results: MakeResults) -> None:
    with pytest.raises(SystemExit, match=f"{NAME} is not scored as it is planned now: call snakemake"):
        SCRIPT["section"](make_results({0: "missing"}, scored=False))


def test_every_experiment_of_the_page_has_its_tables() -> None:
    page = Path(PAGE).read_text(encoding="utf-8")
    for experiment in REPOSITORY.glob("config/experiments/*.yaml"):
        begin, end = f"<!-- {experiment.stem} -->", f"<!-- end of {experiment.stem} -->"
        assert (begin in page) == (end in page)
        if begin in page:
            assert f"experiment={experiment.stem}" in page.partition(begin)[2].partition(end)[0]


def test_verdicts_of_the_page_are_those_that_its_pairs_of_runs_allow() -> None:
    """Of pairs without a difference the page knows nothing; here there are none."""
    found = re.findall(r"\| (\d+) of (\d+) \| \*\*(held|did not hold)[^|]*\|$", PAGE.read_text(), re.MULTILINE)
    assert found
    for wins, pairs, verdict in found:
        assert runs_agree(int(wins), int(pairs) - int(wins), verdict == "held"), (wins, pairs, verdict)


def test_long_tables_open_at_a_click() -> None:
    folded = SCRIPT["folded"]
    assert folded("| a |", 40) == "| a |"
    assert folded("| a |", 41) == "<details>\n<summary>41 rows</summary>\n\n| a |\n\n</details>"
