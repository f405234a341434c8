"""What the page says of claims."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seggrid.report.manuscript.table_files import tex
from seggrid.report.page import render
from seggrid.report.results import Results, read_results
from seggrid.report.sections import claims
from seggrid.scoring.stage import score
from seggrid.specification import PlannedRun
from tests.unit.report.conftest import MakeResults
from tests.unit.report.grid import LABEL
from tests.unit.report.test_published import naming
from tests.unit.scoring.conftest import write_grid

HELD = "LCE2 <i>over</i> LCE1"
CLAIMS = [
    {"text": HELD, "better": {"loss": "dual_level_ce"}, "worse": {"loss": "weighted_ce"}, "source": "wang2026"},
    {"text": "less far", "better": {"loss": "weighted_ce"}, "worse": {"loss": "dual_level_ce"}, "metric": "distance"},
]


def planted(run: PlannedRun, split: str, group: str, *_: str) -> tuple[float, float]:
    value = 0.6 + 0.01 * int(group[1:]) + 0.02 * (run.loss == "dual_level_ce")
    return value, 20 * (1 - value)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGGRID_RESULTS", str(tmp_path_factory.mktemp("claims") / "results"))
        losses = ("dual_level_ce", "weighted_ce")
        write_grid(planted, mixtures=losses, seeds=(0, 1, 2), groups=8, claims=CLAIMS)
        score("grid")
        yield read_results("grid")


def test_the_page_says_what_held_and_what_did_not(results: Results) -> None:
    page = render(results, [claims.build(results)])
    assert "LCE2 &lt;i&gt;over&lt;/i&gt; LCE1" in page and HELD not in page
    assert '<span class="tag held">held</span>' in page
    assert '<span class="tag reversed">did not hold (the other way round)</span>' in page
    assert "Wang et al. 2026" in page
    assert "+0.020 <span" in page
    assert "+0.40 <span" in page and "D [px]" in page


def test_the_rows_are_those_of_the_file(results: Results) -> None:
    frame = claims.claim_frame(results)
    assert frame["difference"].to_list() == pytest.approx([0.02, 0.4])
    assert frame["places"].to_list() == [3, 2]


def test_the_manuscript_has_the_verdicts(results: Results) -> None:
    (table,) = claims.build(results).tables
    text = tex(table)
    assert "3 seeds x all 2 folds" in text and "did not hold" in text
    assert "n = 8 test cases of 8 groups, 2 folds, 3 seeds" in text


def test_no_claims_no_section(complete: Results) -> None:
    assert claims.build(complete) is None


def test_before_scoring_there_is_nothing_to_say(make_results: MakeResults) -> None:
    claim = {"text": "CE", "better": {"loss": "ce"}, "worse": {"loss": LABEL}}
    results = naming(make_results(dict.fromkeys(range(8), "missing"), scored=False), claims=[claim])
    page = render(results, [claims.build(results)])
    assert "1 claim to test, and nothing is scored yet." in page
