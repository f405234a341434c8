"""The page of two experiments in a real headless Chromium: it draws, sorts, filters, asks for nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seggrid.report.comparison.stage import write_comparison
from tests.browser.chromium import Tab, opened_tab
from tests.unit.report.grid import LABEL
from tests.unit.report.pairs import FIRST, SECOND, write_pair


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """The page of two made-up experiments in a browser."""
    folder = tmp_path_factory.mktemp("compare")
    with opened_tab(folder) as tab:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SEGGRID_RESULTS", str(folder / "results"))
            write_pair(folder)
            page = write_comparison(FIRST, SECOND)
        tab.open(page.resolve().as_uri())
        tab.until("document.querySelector('.plot svg.main-svg')")
        yield tab


def texts(tab: Tab, selector: str) -> list[str]:
    return list(tab.run(f"[...document.querySelectorAll({selector!r})].map((node) => node.textContent)"))


def test_the_page_is_shown_without_errors_or_requests(tab: Tab) -> None:
    assert tab.problems == []
    assert [request for request in tab.requests if not request.startswith("file:")] == []
    assert tab.run("document.title") == f"{FIRST} and {SECOND} · seggrid"


def test_the_figure_shows_every_candidate_of_both(tab: Tab) -> None:
    assert tab.run("document.querySelector('.plot').data.map((trace) => trace.x.length)") == [4, 2]
    assert texts(tab, ".plot .legendtext") == [f"A: {FIRST}", f"B: {SECOND}"]
    assert tab.run("document.querySelectorAll('.plot a, .plot b, .plot i').length") == 0
    assert LABEL in tab.run("document.querySelector('#ranking-table').textContent")


def test_rankings_are_filtered_and_sorted(tab: Tab) -> None:
    shown = "#ranking-table tbody tr:not([hidden]) td:nth-child(2)"
    assert texts(tab, shown) == ["A", "A", "A", "A", "B", "B"]
    tab.run('document.querySelector(\'[data-filter="ranking-table"] [data-value="B"]\').click()')
    assert texts(tab, shown) == ["B", "B"]
    tab.run('document.querySelector(\'[data-filter="ranking-table"] [data-value=""]\').click()')
    tab.run("document.querySelectorAll('#ranking-table th button')[4].click()")
    assert texts(tab, shown) == ["B", "A", "B", "A", "A", "A"]


def test_the_letters_have_the_colours_of_the_figure(tab: Tab) -> None:
    for number, letter in enumerate("ab"):
        colours = tab.run(
            f"[getComputedStyle(document.querySelector('.side-{letter}')).color,"
            f" getComputedStyle(document.documentElement).getPropertyValue('--tone-{number}')]"
        )
        assert "rgb({}, {}, {})".format(*bytes.fromhex(colours[1].strip(" #"))) == colours[0]
