"""A headless Chromium: the system's own, for nothing is fetched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.visits import PROGRAMS


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A fresh browser that resolves no name, so that no other machine can be reached; skips where there is none."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip("no chromium is installed: the page is not looked at in a browser")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=[*options, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        )
        yield browser
        browser.close()
