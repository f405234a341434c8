"""The page of two experiments in a real headless Chromium: it draws, sorts, filters, asks for nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from seggrid.report.comparison.stage import write_comparison
from tests.browser.visits import Visit
from tests.unit.report.grid import LABEL
from tests.unit.report.pairs import FIRST, SECOND, write_pair


@pytest.fixture(scope="module")
def visit(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """The page of two made-up experiments in a browser."""
    folder = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGGRID_RESULTS", str(folder / "results"))
        write_pair(folder)
        return Visit(browser, write_comparison(FIRST, SECOND).resolve().as_uri())


def test_the_page_is_shown_without_errors_or_requests(visit: Visit) -> None:
    assert visit.problems == []
    assert visit.requests == []
    assert visit.value("document.title") == f"{FIRST} and {SECOND} · seggrid"


def test_the_figure_shows_every_candidate_of_both(visit: Visit) -> None:
    assert visit.draw_all() == ["overlap-distance"]
    assert visit.value("document.querySelector('.plot').data.map((trace) => trace.x.length)") == [4, 2]
    assert visit.texts(".plot .legendtext") == [f"A: {FIRST}", f"B: {SECOND}"]
    assert visit.value("document.querySelectorAll('.plot a, .plot b, .plot i').length") == 0
    assert LABEL in visit.value("document.querySelector('#ranking-table').textContent")


def test_rankings_are_filtered_and_sorted(visit: Visit) -> None:
    shown = "#ranking-table tbody tr:not([hidden]) td:nth-child(2)"
    assert visit.texts(shown) == ["A", "A", "A", "A", "B", "B"]
    visit.value('document.querySelector(\'[data-filter="ranking-table"] [data-value="B"]\').click()')
    assert visit.texts(shown) == ["B", "B"]
    visit.value('document.querySelector(\'[data-filter="ranking-table"] [data-value=""]\').click()')
    visit.page.locator("#ranking-table-search").fill("only")
    assert visit.page.locator("#ranking-table tbody tr:visible").count() == 1
    visit.page.locator("#ranking-table-search").fill("")
    visit.value("document.querySelectorAll('#ranking-table th button')[4].click()")
    assert visit.texts(shown) == ["B", "A", "B", "A", "A", "A"]


def test_the_letters_have_the_colours_of_the_figure(visit: Visit) -> None:
    for number, letter in enumerate("ab"):
        colours = visit.value(
            f"[getComputedStyle(document.querySelector('.side-{letter}')).color,"
            f" getComputedStyle(document.documentElement).getPropertyValue('--tone-{number}')]"
        )
        assert "rgb({}, {}, {})".format(*bytes.fromhex(colours[1].strip(" #"))) == colours[0]
