"""The pictures of the README, taken of the demo's report: ``python docs/screenshots.py`` after ``make demo``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from seggrid.paths import ExperimentFolder

IMAGES = Path(__file__).resolve().parent / "images"
#: Picture -> the first and the last section that it shows.
PICTURES = {"report.png": ("answer", "ranking"), "report-differences.png": ("comparisons", "stability")}
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
        for name, sections in PICTURES.items():
            shown = [tab.locator(f"#{section}") for section in sections]
            for figure in tab.locator(", ".join(f"#{section} [data-figure]:visible" for section in sections)).all():
                figure.scroll_into_view_if_needed()
                figure.locator("svg.main-svg").first.wait_for()
            tab.evaluate("scrollTo(0, 0)")
            boxes = [part.bounding_box() for part in shown]
            top = 0 if name == "report.png" else boxes[0]["y"] - 16  # type: ignore[index]
            bottom = boxes[-1]["y"] + boxes[-1]["height"] + 16  # type: ignore[index]
            clip = {"x": 0, "y": top, "width": 1180, "height": bottom - top}
            tab.screenshot(path=IMAGES / name, full_page=True, clip=clip)  # type: ignore[arg-type]
        browser.close()


if __name__ == "__main__":
    main()
