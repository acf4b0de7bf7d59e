"""Bring what pages link to outside docs/ into the site: other pages of the repository, notebooks, pictures.

A hook of mkdocs, named in mkdocs.yml. In the repository every link is a path, so that it works on a code host and in an
editor. Here a linked page of Markdown becomes a page of the site, any other linked file lies beside them, and links are
written anew; nothing is copied into docs/. What is not there is left as it is, and `mkdocs build --strict` complains.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
RENAMED = {"README.md": "overview.md"}  # mkdocs takes the name README.md for the home page
FENCED = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()([^)\s#]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add every file outside docs/ that a page leads to, and what those pages lead to in turn."""
    pages = [Path(str(page.abs_src_path)) for page in files.documentation_pages()]
    while pages:
        page = pages.pop()
        for target in _linked(page):
            if target.is_relative_to(DOCS) or files.get_file_from_path(site_path(target)):
                continue
            files.append(File.generated(config, site_path(target), abs_src_path=str(target)))
            if target.suffix == ".md":
                pages.append(target)
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 -- mkdocs gives them by name
    """Return the page with links that lead to where its targets lie in the site."""
    source = Path(str(page.file.abs_src_path))
    here = os.path.dirname(page.file.src_uri)  # noqa: PTH120 -- a URI

    def moved(link: re.Match[str]) -> str:
        target = _target(source, link[1])
        return os.path.relpath(site_path(target), here or ".") if target else link[1]

    return "".join(
        part if part.startswith("```") else LINK.sub(moved, part) for part in FENCED.split(markdown)
    )


def site_path(file: Path) -> str:
    """Return where a file of the repository lies in the site: as it does there, and what is in docs/ at the top."""
    inside = file.relative_to(DOCS if file.is_relative_to(DOCS) else ROOT).as_posix()
    return RENAMED.get(inside, inside)


def _linked(page: Path) -> list[Path]:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    return [target for link in LINK.findall(text) if (target := _target(page, link))]


def _target(page: Path, link: str) -> Path | None:
    """Return the file of the repository that a link of a page names; None for other hosts, and where there is none."""
    target = (page.parent / link).resolve()
    return target if "://" not in link and target.is_relative_to(ROOT) and target.is_file() else None
