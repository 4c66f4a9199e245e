"""A real Chromium without a window; where there is none, tests are skipped, or fail in scripts/test-all."""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


@pytest.fixture(scope="session")
def browser() -> "Iterator[Chrome]":
    """Chromium, which logs what the pages report to its console."""
    try:
        from selenium.webdriver import Chrome, ChromeOptions, ChromeService
    except ImportError:
        _absent("selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        _absent("chromium and chromedriver (apt-get install chromium chromium-driver fonts-dejavu-core)")
    options = ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--force-prefers-reduced-motion"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=ChromeService(driver))
    yield chrome
    chrome.quit()


def _absent(what: str) -> None:
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(f"not installed: {what}")
    pytest.skip(f"not installed: {what}")
