"""The live page in a real headless Chromium: it follows the grid, keeps its reader's place, and survives damage."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from seggrid.paths import RunFolder
from seggrid.plan import Plan
from tests.browser.visits import Visit
from tests.unit.report.grid import CLASSES, NAME, write_grid

#: The page that is read, in the frame of the live page.
PAGE = "document.querySelector('#pages iframe:not(.coming)').contentDocument"
#: What a reader changed on it.
STATE = f"""(() => {{
  const page = {PAGE}, all = (selector) => [...page.querySelectorAll(selector)];
  return {{
    sorted: all('#ranking-table th')[3].getAttribute('aria-sort'),
    pressed: all('[data-filter="objects-table"] [aria-pressed="true"]').map((node) => node.textContent),
    rows: [...new Set(all('#objects-table tbody tr:not([hidden])').map((row) => row.cells[2].textContent))],
    searched: all('#ranking-table tbody tr:not(.unfound)').length,
    outlines: getComputedStyle(page.querySelector('.of-prediction')).display,
    candidate: page.getElementById('curve-candidate').selectedOptions[0].textContent,
    details: all('#provenance details')[0].open,
    focus: page.activeElement.id,
    place: Math.round(page.getElementById('curves').getBoundingClientRect().top),
  }};
}})()"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """A made-up grid whose last two runs have not ended."""
    folder = tmp_path_factory.mktemp("live")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGGRID_RESULTS", str(folder / "results"))
        plan = write_grid(folder)
        for position in (6, 7):
            status(plan, position).rename(hidden(plan, position))
        yield plan


def status(plan: Plan, position: int) -> Path:
    return RunFolder(plan.runs[position].run_id).status


def hidden(plan: Plan, position: int) -> Path:
    return status(plan, position).with_suffix(".hidden")


@pytest.fixture(scope="module")
def address(plan: Plan) -> Iterator[str]:
    """Where `seggrid report --live` serves the grid."""
    process = subprocess.Popen(
        [sys.executable, "-m", "seggrid.cli", "report", "--live", NAME],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    assert process.stdout
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found
    yield found[0]
    process.terminate()
    assert process.wait(timeout=60) == 0


@pytest.fixture(scope="module")
def visit(address: str, browser: Browser) -> Visit:
    """The live page in a browser."""
    visit = Visit(browser, address)
    until(visit, "document.querySelector('#pages iframe:not(.coming)')")
    return visit


def until(visit: Visit, condition: str) -> None:
    """Wait until an expression is true. The policy of the page forbids the way in which Playwright waits."""
    for _ in range(600):
        if visit.value(f"!!({condition})"):
            return
        visit.page.wait_for_timeout(100)
    pytest.fail(f"{condition} never came true; problems: {visit.problems}")


def progress(visit: Visit) -> str:
    return str(visit.value("document.getElementById('progress').textContent"))


def updated(visit: Visit, action: str) -> None:
    """Mark the page that is shown, and wait for one without the mark."""
    until(visit, f"document.querySelectorAll('#pages iframe').length === 1 && !{PAGE}.body.dataset.{action}")


def test_the_page_is_shown_without_errors(visit: Visit, address: str) -> None:
    assert progress(visit) == "6 of 8 runs completed"
    assert "comes first of 3 ranked candidates" in visit.value(f"{PAGE}.body.textContent")
    visit.value(f"void {PAGE}.querySelector('[data-figure]').scrollIntoView({{ behavior: 'instant' }})")
    until(visit, f"{PAGE}.querySelector('[data-figure] svg.main-svg')")
    assert visit.problems == []
    assert {urlsplit(request).netloc for request in visit.requests} == {urlsplit(address).netloc}


def test_a_new_page_keeps_the_place_of_its_reader(visit: Visit, plan: Plan) -> None:
    visit.value(f"""(() => {{
      const page = {PAGE}, all = (selector) => [...page.querySelectorAll(selector)];
      for (let click = 0; click < 2; click++) all('#ranking-table th button')[3].click();
      all('[data-filter="objects-table"] button')[2].click();
      page.querySelector('[data-toggle="hide-prediction"]').click();
      const search = page.getElementById('ranking-table-search');
      search.value = 'unet_r18';
      search.dispatchEvent(new Event('input'));
      const select = page.getElementById('curve-candidate');
      select.selectedIndex = 1;
      select.dispatchEvent(new Event('change'));
      all('#provenance details')[0].open = true;
      select.focus({{ preventScroll: true }});
      const top = page.getElementById('curves').getBoundingClientRect().top;
      page.defaultView.scrollBy({{ top: top + 37, behavior: 'instant' }});
      page.body.dataset.old = 'yes';
    }})()""")
    before = visit.value(STATE)
    assert before["pressed"] == before["rows"] == [CLASSES[1]]
    assert (before["sorted"], before["outlines"], before["details"]) == ("descending", "none", True)
    assert (before["focus"], before["place"]) == ("curve-candidate", -37)
    assert before["searched"] == 2
    for position in (6, 7):
        hidden(plan, position).rename(status(plan, position))
    updated(visit, "old")
    assert progress(visit) == "8 of 8 runs completed"
    assert "comes first of 4 ranked candidates" in visit.value(f"{PAGE}.body.textContent")
    assert visit.value(STATE) == before
    assert visit.problems == []


def test_a_damaged_file_leaves_the_last_page_and_is_named(visit: Visit, plan: Plan) -> None:
    whole = status(plan, 0).read_bytes()
    status(plan, 0).write_bytes(whole[:20])
    try:
        until(visit, "!document.getElementById('problem').hidden")
        problem = visit.value("document.getElementById('problem').textContent")
        assert "This is the last page that could be made" in problem and "status.json" in problem
        assert "comes first of 4 ranked candidates" in visit.value(f"{PAGE}.body.textContent")
    finally:
        status(plan, 0).write_bytes(whole)
    until(visit, "document.getElementById('problem').hidden")


def test_a_page_that_is_held_stays(visit: Visit, plan: Plan) -> None:
    visit.value(f"document.getElementById('hold').click(); {PAGE}.body.dataset.held = 'yes'")
    status(plan, 7).rename(hidden(plan, 7))
    until(visit, "document.getElementById('age').textContent.includes('a newer one is there')")
    assert visit.value(f"{PAGE}.body.dataset.held") == "yes"
    visit.value("document.getElementById('hold').click()")
    updated(visit, "held")
    assert progress(visit) == "7 of 8 runs completed"
    assert visit.problems == []


def test_a_server_that_has_ended_is_told(visit: Visit) -> None:
    visit.page.context.set_offline(True)
    until(visit, "document.getElementById('problem').textContent.includes('The server does not answer')")
    assert visit.value(f"{PAGE}.getElementById('ranking-table') !== null")
