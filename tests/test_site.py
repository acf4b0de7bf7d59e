"""The site of docs/ is built without a warning, holds what its pages lead to, and asks no other host for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Request, ViewportSize

ROOT = Path(__file__).resolve().parent.parent
PHONE: ViewportSize = {"width": 360, "height": 740}
# What a browser fetches by itself; a link is followed by a reader.
FETCHED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}

pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install -e '.[docs]'")
pytestmark = pytest.mark.slow
pytest_plugins = ["browser_fixtures"]


class Addresses(HTMLParser):
    """What a page fetches, and what it links to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.linked: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        address = attributes.get(FETCHED.get(tag, ""))
        if address:
            self.fetched.append(address)
        if tag == "a" and (link := attributes.get("href")):
            self.linked.append(link)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as `make docs` builds it: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def pages(site: Path) -> list[Path]:
    paths = sorted(site.rglob("*.html"))
    assert len(paths) > 15
    return paths


def test_every_page_of_the_repository_is_a_page_of_the_site(site: Path) -> None:
    names = {page.relative_to(site).as_posix() for page in pages(site)}
    wanted = [page.name for page in (ROOT / "docs").glob("*.md")]
    wanted += ["SECURITY.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    assert {name.replace(".md", ".html") for name in wanted} <= names
    assert {f"tasks/{folder.parent.name}/index.html" for folder in ROOT.glob("tasks/*/README.md")} <= names
    last = (ROOT / "SECURITY.md").read_text(encoding="utf-8").split("\n## ")[-1]
    text = " ".join(re.sub(r"<[^>]+>", "", (site / "SECURITY.html").read_text(encoding="utf-8")).split())
    assert " ".join(last.partition("\n")[2].replace("`", "").split()) in text


def test_no_page_fetches_anything_from_another_host(site: Path) -> None:
    for page in pages(site):
        addresses = Addresses(page).fetched
        assert addresses
        assert [address for address in addresses if re.match(r"(\w+:)?//", address)] == []
    for style in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", style.read_text(encoding="utf-8")), (
            style
        )


def test_every_link_within_the_site_leads_somewhere(site: Path) -> None:
    for page in pages(site):
        if page.name == "404.html":
            continue  # served at any depth, so its links begin at the root
        addresses = Addresses(page)
        for address in (*addresses.fetched, *addresses.linked):
            path = unquote(address.partition("#")[0].partition("?")[0])
            if path and ":" not in path:
                assert (page.parent / path).is_file(), f"{page.relative_to(site)}: {address}"


def test_a_notebook_that_a_page_links_to_is_in_the_site_as_it_is(site: Path) -> None:
    name = "starter_notebooks/noisy_labels.ipynb"
    assert name in Addresses(site / "students.html").linked
    assert (site / name).read_bytes() == (ROOT / name).read_bytes()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A page of a browser that notes what goes wrong, and whoever is asked for something."""
    wrong: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            wrong.append(request.url)

    opened = browser.new_page(viewport=PHONE)
    opened.on("request", note)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    yield opened
    opened.close()
    assert wrong == []


def test_pages_open_from_the_disk_ask_nobody_and_fit_a_phone(site: Path, tab: Page) -> None:
    for page in pages(site):
        if page.name == "404.html":
            continue  # for servers
        tab.goto(page.as_uri())
        assert tab.locator("article h1").count() == 1, page.name
        assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], page.name


def test_the_search_finds_a_field_on_pages_from_the_disk(site: Path, tab: Page) -> None:
    tab.set_viewport_size({"width": 1200, "height": 900})
    tab.goto((site / "index.html").as_uri())
    tab.locator("input[name=query]").click()
    tab.keyboard.type("wall_seconds")
    results = tab.locator(".md-search-result__link")
    results.first.wait_for()
    links = [str(link.get_attribute("href")) for link in results.element_handles()]
    assert [link for link in links if "configuration.html" in link]
