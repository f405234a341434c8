"""The pictures of the README, taken of the demo's report: ``python docs/screenshots.py`` after ``make demo``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from seggrid.paths import ExperimentFolder

IMAGES = Path(__file__).resolve().parent / "images"
#: Picture -> the first and the last part of the page that it shows.
PICTURES = {"report.png": ("header", "#ranking-caption"), "report-differences.png": ("#comparisons", "#stability")}
MARGIN = 16
BOX = "(end) => document.querySelector(end).getBoundingClientRect().toJSON()"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Write every picture."""
    page = ExperimentFolder("demo").report
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        sys.exit("no Chromium is installed; install the package chromium")
    if not page.is_file():
        sys.exit(f"{page}: no such file; run `make demo` first")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 1180, "height": 900}, color_scheme="light")
        tab.goto(page.resolve().as_uri())
        for figure in tab.locator("[data-figure]:visible").all():
            figure.scroll_into_view_if_needed()
            figure.locator("svg.main-svg").first.wait_for()
        tab.evaluate("scrollTo(0, 0)")
        for name, ends in PICTURES.items():
            first, last = (tab.evaluate(BOX, end) for end in ends)
            top = max(0, first["top"] - MARGIN)
            height = last["bottom"] + MARGIN - top
            tab.screenshot(path=IMAGES / name, full_page=True, clip={"x": 0, "y": top, "width": 1180, "height": height})
        browser.close()


if __name__ == "__main__":
    main()
