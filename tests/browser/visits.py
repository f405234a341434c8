"""A visit to a page, with all that goes wrong on it and all that it asks for."""

from __future__ import annotations

from typing import Any, Literal

from playwright.sync_api import Browser, Page

#: Names under which Chromium is installed.
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


class Visit:
    """An open page.

    Attributes:
        problems: exceptions, console errors and warnings (a violated policy is one of them), dialogs.
        requests: addresses asked for behind the first, but data and blob ones.
    """

    def __init__(self, browser: Browser, address: str, scheme: Literal["light", "dark"] = "light") -> None:
        self.page: Page = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme=scheme)
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.problems.append(said.text))
        self.page.on("dialog", lambda dialog: (self.problems.append(dialog.message), dialog.dismiss()))
        self.page.goto(address)
        self.page.on("request", lambda asked: self._note(asked.url))

    def _note(self, address: str) -> None:
        if not address.startswith(("data:", "blob:")):
            self.requests.append(address)

    def texts(self, selector: str) -> list[str]:
        """The text of every element."""
        return self.page.locator(selector).all_text_contents()

    def value(self, script: str) -> Any:
        """The value of an expression on the page."""
        return self.page.evaluate(script)

    def draw_all(self) -> list[str]:
        """Scroll every figure into sight; return the names of those that were drawn."""
        for figure in self.page.locator("[data-figure]:visible").all():
            figure.scroll_into_view_if_needed()
            figure.locator("svg.main-svg").first.wait_for(timeout=10_000)
        return list(
            self.value(
                "[...document.querySelectorAll('[data-figure]')]"
                ".filter((plot) => !plot.hidden && plot.querySelector('svg.main-svg'))"
                ".map((plot) => plot.dataset.figure)"
            )
        )
