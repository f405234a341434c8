"""The report in a real headless Chromium: it draws, sorts, switches, asks for nothing, and names stay text."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seggrid.report.results import read_results
from seggrid.report.stage import write_report
from seggrid.scoring.stage import score
from tests.unit.report.grid import CLASSES, LABEL, NAME, NETWORK, write_grid

#: Stands before everything else on the page and collects what goes wrong.
WATCH = """<script>
window.problems = [];
addEventListener("error", (event) => problems.push(String(event.message)), true);
addEventListener("unhandledrejection", (event) => problems.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => problems.push(event.violatedDirective + " " + event.blockedURI));
for (const kind of ["error", "warn"]) console[kind] = (...words) => problems.push(words.join(" "));
window.alert = (word) => problems.push("alert " + word);
</script>"""

#: Uses the page as a reader would and writes down what it saw.
PROBE = r"""<script>
addEventListener("load", () => setTimeout(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const texts = (selector) => all(selector).map((node) => node.textContent);
  const drawn = () => all("[data-figure]").filter((plot) => !plot.hidden && plot.querySelector("svg.main-svg"))
    .map((plot) => plot.dataset.figure);
  const sorted = (table, body, column) => [...document.querySelector(table).tBodies[body].rows]
    .map((row) => row.cells[column].dataset.sort);
  const seen = { title: document.title, drawn: drawn(), theme: matchMedia("(prefers-color-scheme: dark)").matches };
  seen.ink = [getComputedStyle(document.body).color, getComputedStyle(document.querySelector(".plot .gtitle")).fill];
  seen.ticks = texts('[data-figure="heat-overlap"] .ytick text, [data-figure="heat-overlap"] .xtick text');
  seen.links = all(".plot a, .plot b, .plot i").length;

  const header = all("#ranking-table thead th")[3];
  header.querySelector("button").click();
  seen.ascending = [header.getAttribute("aria-sort"), sorted("#ranking-table", 0, 3)];
  header.querySelector("button").click();
  seen.descending = [header.getAttribute("aria-sort"), sorted("#ranking-table", 0, 3)];
  seen.unsorted = all('#ranking-table th[aria-sort="none"]').length - all("#ranking-table th[aria-sort]").length;
  seen.unranked = texts("#ranking-table tbody.unranked .reason");

  const rows = () => all("#objects-table tbody tr").filter((row) => !row.hidden).map((row) => row.cells[2].textContent);
  all('[data-filter="objects-table"] button')[2].click();
  seen.filtered = [...new Set(rows())];
  seen.pressed = texts('[data-filter="objects-table"] [aria-pressed="true"]');

  const visible = () => getComputedStyle(document.querySelector(".of-prediction")).display !== "none";
  seen.outlines = [visible()];
  document.querySelector('[data-toggle="hide-prediction"]').click();
  seen.outlines.push(visible());

  seen.curves = [];
  for (let number = 0; number < document.getElementById("curve-candidate").options.length; number++) {
    seen.curves.push(drawn().filter((name) => name.startsWith("curves")));
    document.querySelector('[data-step="1"]').click();
  }
  seen.again = drawn();
  setTimeout(() => {
    seen.requests = performance.getEntriesByType("resource").map((entry) => entry.name)
      .filter((name) => !/^(data|blob):/.test(name));
    seen.problems = problems;
    const found = document.createElement("pre");
    found.id = "seen";
    found.textContent = JSON.stringify(seen);
    document.body.append(found);
  }, 500);
}, 500));
</script>"""

Browse = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def chromium() -> str:
    """The command of a Chromium; skips where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no chromium is installed: the report is not looked at in a browser")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a made-up grid with one failed run, as HTML."""
    folder = tmp_path_factory.mktemp("browser")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGGRID_RESULTS", str(folder / "results"))
        write_grid(folder, {0: "failed"})
        score(NAME)
        assert read_results(NAME).ranked["rank"].tolist() == [1, 2, 3]
        return write_report(NAME).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browse(chromium: str, page: str, tmp_path_factory: pytest.TempPathFactory) -> Browse:
    """Open a copy of the page that looks at itself; return what it saw."""

    def open_page(*options: str) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp("chromium")
        copy = folder / "page.html"
        copy.write_text(page.replace("<head>", "<head>" + WATCH, 1).replace("</body>", PROBE + "</body>"), "utf-8")
        done = subprocess.run([*_command(chromium, folder), *options, copy.as_uri()], capture_output=True, text=True)
        found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
        assert found, f"the page did not finish: {done.stderr[-2000:]}"
        seen: dict[str, Any] = json.loads(html.unescape(found[1]))
        return seen

    return open_page


def _command(chromium: str, folder: Path) -> list[str]:
    return [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        "--disable-dev-shm-usage",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000",
        "--window-size=1200,900", "--dump-dom",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def seen(browse: Browse) -> dict[str, Any]:
    """What a light page saw."""
    return browse()


def test_page_loads_without_errors_or_requests(seen: dict[str, Any]) -> None:
    assert seen["problems"] == []
    assert seen["requests"] == []
    assert seen["title"] == f"{NAME} · seggrid"


def test_every_figure_is_drawn(seen: dict[str, Any]) -> None:
    assert set(seen["drawn"]) >= {"heat-overlap", "heat-distance", "curves-loss", "curves-val_dice"}


def test_names_stay_text_in_figures(seen: dict[str, Any]) -> None:
    assert LABEL in seen["ticks"]
    assert NETWORK in seen["ticks"]
    assert seen["links"] == 0


def test_click_sorts_by_number_both_ways(seen: dict[str, Any]) -> None:
    (up, ascending), (down, descending) = seen["ascending"], seen["descending"]
    assert (up, down) == ("ascending", "descending")
    assert ascending == sorted(ascending, key=float)
    assert descending == ascending[::-1]
    assert len(set(ascending)) == 3
    assert seen["unsorted"] == -1
    assert len(seen["unranked"]) == 1


def test_objects_are_filtered(seen: dict[str, Any]) -> None:
    assert seen["filtered"] == [CLASSES[1]]
    assert seen["pressed"] == [CLASSES[1]]


def test_outlines_are_switched(seen: dict[str, Any]) -> None:
    assert seen["outlines"] == [True, False]


def test_curves_follow_the_candidate(seen: dict[str, Any]) -> None:
    single, mixed = 2, 4
    assert sorted(len(names) for names in seen["curves"]) == [single, single, mixed, mixed]
    assert seen["again"] == seen["drawn"]


def test_figures_follow_the_theme_of_the_page(browse: Browse, seen: dict[str, Any]) -> None:
    dark = browse("--blink-settings=preferredColorScheme=0")
    assert (seen["theme"], dark["theme"]) == (False, True)
    for found in (seen, dark):
        assert found["ink"][0] == found["ink"][1]
    assert dark["ink"] != seen["ink"]
    assert dark["problems"] == []
