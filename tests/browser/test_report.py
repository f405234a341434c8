"""The report in a real headless Chromium: it draws, sorts, filters, switches, asks for nothing, and names stay text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from seggrid.report.page import render
from seggrid.report.results import read_results
from seggrid.report.stage import build_sections
from seggrid.scoring.stage import score
from tests.browser.visits import Visit
from tests.unit.report.grid import CASES, CLASSES, LABEL, NAME, NETWORK, write_grid


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a made-up grid with one failed run."""
    folder = tmp_path_factory.mktemp("browser")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGGRID_RESULTS", str(folder / "results"))
        write_grid(folder, {0: "failed"})
        score(NAME)
        results = read_results(NAME)
        assert results.ranked["rank"].tolist() == [1, 2, 3]
        page: Path = folder / "report.html"
        page.write_text(render(results, build_sections(results)), encoding="utf-8")
    return page.as_uri()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """A fresh visit, which must end without a problem or a request."""
    visit = Visit(browser, address)
    yield visit
    assert visit.problems == []
    assert visit.requests == []
    visit.page.close()


def test_the_page_names_the_experiment(visit: Visit) -> None:
    assert visit.page.title() == f"{NAME} · seggrid"


def test_every_figure_is_drawn_when_it_comes_into_sight(visit: Visit) -> None:
    named = set(visit.value("Object.keys(JSON.parse(document.getElementById('figures').textContent))"))
    at_once = visit.page.locator("[data-figure]:visible svg.main-svg").count()
    assert at_once < len(named)
    assert set(visit.draw_all()) == named
    assert {"difference-overlap", "heat-object", "effect-distance", "cases", "data-areas"} < named


def test_everything_is_drawn_for_paper_and_back(visit: Visit, tmp_path: Path) -> None:
    widths = (
        "[...document.querySelectorAll('[data-figure]')].filter((plot) => !plot.hidden)"
        ".map((plot) => (plot.querySelector('svg.main-svg') || {}).clientWidth)"
    )
    visit.value("dispatchEvent(new Event('beforeprint'))")
    on_paper = visit.value(widths)
    assert all(0 < width <= 680 for width in on_paper)
    visit.value("dispatchEvent(new Event('afterprint'))")
    visit.page.wait_for_timeout(500)
    visit.draw_all()
    places = "[...document.querySelectorAll('[data-figure]')].filter((p) => !p.hidden).map((p) => p.clientWidth)"
    assert visit.value(widths) == visit.value(places) != on_paper
    visit.page.pdf(path=tmp_path / "page.pdf", format="A4")


def test_names_stay_text_in_figures(visit: Visit) -> None:
    visit.draw_all()
    ticks = visit.texts('[data-figure="heat-overlap"] .ytick text, [data-figure="heat-overlap"] .xtick text')
    assert LABEL in ticks
    assert NETWORK in ticks
    assert visit.page.locator(".plot a, .plot b, .plot i").count() == 0


def order(visit: Visit) -> list[str]:
    return [
        row.get_attribute("data-sort") or ""
        for row in visit.page.locator("#ranking-table tbody:first-of-type td:nth-child(4)").all()
    ]


def test_a_click_sorts_by_number_both_ways(visit: Visit) -> None:
    header = visit.page.locator("#ranking-table th").nth(3)
    header.locator("button").click()
    expect(header).to_have_attribute("aria-sort", "ascending")
    ascending = order(visit)
    assert ascending == sorted(ascending, key=float)
    assert len(set(ascending)) == 3
    header.locator("button").press("Enter")
    expect(header).to_have_attribute("aria-sort", "descending")
    assert order(visit) == ascending[::-1]
    assert visit.page.locator("#ranking-table tbody.unranked .reason").count() == 1


def test_tables_are_searched(visit: Visit) -> None:
    rows = visit.page.locator("#ranking-table tbody tr:visible")
    count = rows.count()
    field = visit.page.locator('[data-search="ranking-table"]')
    field.fill("unet_r18")
    assert 0 < rows.count() < count
    assert all("UNet_R18" in text for text in rows.all_text_contents())
    field.fill("")
    assert rows.count() == count


def test_objects_are_filtered(visit: Visit) -> None:
    button = visit.page.locator('[data-filter="objects-table"] button').nth(2)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert set(visit.texts("#objects-table tbody tr:visible td:nth-child(3)")) == {CLASSES[1]}


def test_outlines_and_errors_are_switched(visit: Visit) -> None:
    drawn, errors = (visit.page.locator(f"#overlays-pictures {kind}").first for kind in (".of-prediction", ".errors"))
    expect(drawn).to_be_visible()
    expect(errors).to_be_hidden()
    visit.page.locator('[data-toggle="hide-prediction"]').click()
    visit.page.locator('[data-toggle="hide-errors"]').click()
    expect(drawn).to_be_hidden()
    expect(errors).to_be_visible()


def test_a_click_on_a_point_shows_its_case(visit: Visit) -> None:
    plot = visit.page.locator('[data-figure="cases"]')
    plot.scroll_into_view_if_needed()
    point = plot.locator(".points path").first
    point.wait_for()
    box = point.bounding_box()
    assert box is not None
    visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    visit.page.mouse.down()
    visit.page.mouse.up()
    dialog = visit.page.locator("#case-dialog")
    expect(dialog).to_be_visible()
    assert visit.page.locator("#case-title").text_content() in CASES
    candidates = visit.value("JSON.parse(document.getElementById('gallery').textContent).candidates.length")
    assert dialog.locator("svg.overlay").count() == candidates > 1
    assert any(NETWORK in caption or "UNet_R18" in caption for caption in visit.texts("#case-dialog figcaption"))
    visit.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_any_case_is_shown_from_the_keyboard(visit: Visit) -> None:
    visit.page.locator("#case-choice").select_option(CASES[3])
    expect(visit.page.locator("#case-title")).to_have_text(CASES[3])
    expect(visit.page.locator("#case-dialog svg.overlay").first).to_be_visible()
    assert visit.page.locator("#case-dialog em").count() == 0


def test_differences_follow_the_reference(visit: Visit) -> None:
    choice = visit.page.locator("#difference-reference")
    choice.scroll_into_view_if_needed()
    plot = visit.page.locator('[data-figure="difference-overlap"]')
    plot.locator("svg.main-svg").first.wait_for()
    before = plot.evaluate("(plot) => plot.data[0].x")
    choice.select_option(index=2)
    visit.page.wait_for_timeout(200)
    assert plot.evaluate("(plot) => plot.data[0].x") != before


def test_curves_follow_the_candidate(visit: Visit) -> None:
    shown = []
    panels = visit.page.locator('[data-figure^="curves"]:visible')
    visit.page.locator("#curves").scroll_into_view_if_needed()
    for _ in range(visit.page.locator("#curve-candidate option").count()):
        visit.page.wait_for_timeout(200)
        shown.append(panels.count())
        visit.page.get_by_role("button", name="Next", exact=True).click()
    single, mixed = 2, 4
    assert sorted(shown) == [single, single, mixed, mixed]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_follow_the_theme_of_the_page(browser: Browser, address: str, scheme: str) -> None:
    visit = Visit(browser, address, scheme)
    visit.draw_all()
    ink = visit.value("getComputedStyle(document.body).color")
    assert visit.value("getComputedStyle(document.querySelector('.plot .gtitle')).fill") == ink
    dark = sum(map(int, re.findall(r"\d+", ink))) > 3 * 128
    assert dark == (scheme == "dark")
    assert visit.problems == []
    visit.page.close()


def test_the_page_is_usable_without_a_mouse(visit: Visit) -> None:
    unnamed = visit.value(
        "[...document.querySelectorAll('select, input, button')].filter((node) => !(node.labels && node.labels.length)"
        " && !node.textContent.trim() && !node.getAttribute('aria-label')).length"
    )
    assert unnamed == 0
    levels = visit.value("[...document.querySelectorAll('main h2, main h3')].map((node) => Number(node.tagName[1]))")
    assert levels[0] == 2
    assert visit.page.locator("main section:not([aria-labelledby])").count() == 0
    visit.page.keyboard.press("Tab")
    expect(visit.page.locator(".skip")).to_be_focused()
