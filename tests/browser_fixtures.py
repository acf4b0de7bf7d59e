"""The system's chromium for tests; where there is none, they are skipped, or fail if REQUIRE_BROWSER is set."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser

# Chromium itself, too, finds no other host than this one.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


def find_chromium(environment: Mapping[str, str]) -> str | None:
    """Return the browser that CHROMIUM names, else the system's."""
    path = environment.get("PATH", "")
    names = [environment["CHROMIUM"]] if environment.get("CHROMIUM") else ["chromium", "chromium-browser"]
    return next(filter(None, (shutil.which(name, path=path) for name in names)), None)


def go_without(reason: str, environment: Mapping[str, str]) -> NoReturn:
    """Skip the test, unless this is a place where no test of a browser may be skipped."""
    if environment.get("REQUIRE_BROWSER"):
        pytest.fail(f"{reason}; REQUIRE_BROWSER is set, so that is a failure", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser, started once for the tests of a file."""
    if find_spec("playwright") is None:
        go_without("playwright is not installed: pip install -e '.[dev]'", os.environ)
    chromium = find_chromium(os.environ)
    if chromium is None:
        go_without("there is no chromium: apt-get install chromium, or name one in CHROMIUM", os.environ)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield started
        started.close()
