"""Take the pictures of docs/serving.md: pages of a demo contest after its examples were graded.

    python docs/make_contest.py

It starts `grader serve --demo`, waits for the verdicts, and needs a chromium (CONTRIBUTING.md).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from browser_fixtures import QUIET, find_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES = Path(__file__).parent / "images"
DESKTOP, PHONE = {"width": 1000, "height": 640}, {"width": 390, "height": 640}
TALL = {"width": 1000, "height": 860}
# File, who, page, window, colours, language.
PICTURES = (
    ("contest_progress.png", "Organiser", "/organise/progress", TALL, "light", "en-US"),
    ("contest_attempt.png", "Ada Example", "/attempt/1", DESKTOP, "light", "en-US"),
    ("contest_board.png", "Chen Example", "/board", DESKTOP, "light", "en-US"),
    ("contest_task.png", "Ada Example", "/task/noisy_labels", PHONE, "dark", "en-US"),
    ("contest_attempt_phone.png", "Bela Example", "/attempt/2", PHONE, "dark", "de"),
    ("contest_people.png", "Organiser", "/organise/people", PHONE, "light", "en-US"),
)
MINUTES = 15


def take(browser: Browser, address: str, codes: dict[str, str]) -> None:
    """Take every picture as soon as all three verdicts are there."""
    for name, who, path, window, colours, language in PICTURES:
        context = browser.new_context(viewport=window, color_scheme=colours, locale=language)
        page = context.new_page()
        page.goto(f"{address}/sign-in")
        page.fill("#code", codes[who])
        page.click("main button")
        for number in (1, 2, 3) if who == "Organiser" else ():
            page.goto(f"{address}/attempt/{number}")
            page.locator("#outcome .verdict").wait_for(timeout=60_000 * MINUTES)
        page.goto(f"{address}{path}")
        page.screenshot(path=IMAGES / name)
        context.close()


def main() -> None:
    """Start the demo, take the pictures, and end it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "grader", "serve", f"{folder}/demo", "--demo", "--port", "0"]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as site,
            sync_playwright() as playwright,
        ):
            assert site.stdout is not None
            codes = dict(reversed(site.stdout.readline().strip().split("  ")) for _ in range(4))
            address = re.search(r"http://\S+", site.stdout.readline())
            assert address is not None
            browser = playwright.chromium.launch(executable_path=find_chromium(os.environ), args=QUIET)
            take(browser, address[0], codes)
            browser.close()
            site.terminate()


if __name__ == "__main__":
    main()
