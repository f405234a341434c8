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

from seggrid.paths import RunFolder
from seggrid.plan import Plan
from tests.browser.chromium import Tab, find_chromium, opened_tab
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
    find_chromium()
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
def tab(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """The live page in a browser."""
    with opened_tab(tmp_path_factory.mktemp("chromium")) as tab:
        tab.open(address)
        tab.until("document.querySelector('#pages iframe:not(.coming)')")
        yield tab


def progress(tab: Tab) -> str:
    return str(tab.run("document.getElementById('progress').textContent"))


def updated(tab: Tab, action: str) -> None:
    """Mark the page that is shown, and wait for one without the mark."""
    tab.until(f"document.querySelectorAll('#pages iframe').length === 1 && !{PAGE}.body.dataset.{action}")


def test_the_page_is_shown_without_errors(tab: Tab, address: str) -> None:
    assert progress(tab) == "6 of 8 runs completed"
    assert "comes first of 3 ranked candidates" in tab.run(f"{PAGE}.body.textContent")
    tab.until(f"{PAGE}.querySelectorAll('.plot svg.main-svg').length >= 4")
    assert tab.problems == []
    assert {urlsplit(request).netloc for request in tab.requests} == {urlsplit(address).netloc}


def test_a_new_page_keeps_the_place_of_its_reader(tab: Tab, plan: Plan) -> None:
    tab.run(f"""(() => {{
      const page = {PAGE}, all = (selector) => [...page.querySelectorAll(selector)];
      for (let click = 0; click < 2; click++) all('#ranking-table th button')[3].click();
      all('[data-filter="objects-table"] button')[2].click();
      page.querySelector('[data-toggle="hide-prediction"]').click();
      const select = page.getElementById('curve-candidate');
      select.selectedIndex = 1;
      select.dispatchEvent(new Event('change'));
      all('#provenance details')[0].open = true;
      select.focus({{ preventScroll: true }});
      const top = page.getElementById('curves').getBoundingClientRect().top;
      page.defaultView.scrollBy({{ top: top + 37, behavior: 'instant' }});
      page.body.dataset.old = 'yes';
    }})()""")
    before = tab.run(STATE)
    assert before["pressed"] == before["rows"] == [CLASSES[1]]
    assert (before["sorted"], before["outlines"], before["details"]) == ("descending", "none", True)
    assert (before["focus"], before["place"]) == ("curve-candidate", -37)
    for position in (6, 7):
        hidden(plan, position).rename(status(plan, position))
    updated(tab, "old")
    assert progress(tab) == "8 of 8 runs completed"
    assert "comes first of 4 ranked candidates" in tab.run(f"{PAGE}.body.textContent")
    assert tab.run(STATE) == before
    assert tab.problems == []


def test_a_damaged_file_leaves_the_last_page_and_is_named(tab: Tab, plan: Plan) -> None:
    whole = status(plan, 0).read_bytes()
    status(plan, 0).write_bytes(whole[:20])
    try:
        tab.until("!document.getElementById('problem').hidden")
        problem = tab.run("document.getElementById('problem').textContent")
        assert "This is the last page that could be made" in problem and "status.json" in problem
        assert "comes first of 4 ranked candidates" in tab.run(f"{PAGE}.body.textContent")
    finally:
        status(plan, 0).write_bytes(whole)
    tab.until("document.getElementById('problem').hidden")


def test_a_page_that_is_held_stays(tab: Tab, plan: Plan) -> None:
    tab.run(f"document.getElementById('hold').click(); {PAGE}.body.dataset.held = 'yes'")
    status(plan, 7).rename(hidden(plan, 7))
    tab.until("document.getElementById('age').textContent.includes('a newer one is there')")
    assert tab.run(f"{PAGE}.body.dataset.held") == "yes"
    tab.run("document.getElementById('hold').click()")
    updated(tab, "held")
    assert progress(tab) == "7 of 8 runs completed"
    assert tab.problems == []


def test_a_server_that_has_ended_is_told(tab: Tab, plan: Plan) -> None:
    tab.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    tab.until("document.getElementById('problem').textContent.includes('The server does not answer')")
    assert tab.run(f"{PAGE}.getElementById('ranking-table') !== null")
