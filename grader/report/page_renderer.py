"""Render templates as pages that need nothing else and in which no text of a student can act.

Every text goes through jinja2's escaping and through `visible`; the only exceptions are our own drawings, style and
script. A content security policy in each page allows that style and that script by their hashes, pictures within the page, and
nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from grader.languages import ENGLISH, Translator
from grader.text import visible

_TEMPLATES = Path(__file__).with_name("templates")
STYLE = _TEMPLATES / "style.css"  # the look of all pages


class PageRenderer:
    """Renders pages, in one language; each gets a policy that fits it."""

    def __init__(self, language: str = ENGLISH) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_shown,
        )
        self._environment.filters["svg"] = Markup  # only for what grader/report/charts.py drew
        self.translate = Translator(language)
        self._environment.globals["t"] = self.translate
        self._style = STYLE.read_text(encoding="utf-8")
        self._script = (_TEMPLATES / "board.js").read_text(encoding="utf-8")

    def render(self, template: str, **values: Any) -> str:
        """Return a page. Scripts run in none but the first."""
        scripts = f"script-src {_hash_of(self._script)}; " if template == "index.html" else ""
        images = "img-src data:; " if getattr(values.get("feedback"), "pictures", None) else ""
        policy = f"default-src 'none'; style-src {_hash_of(self._style)}; {scripts}{images}base-uri 'none'; form-action 'none'"
        fixed = {"policy": policy, "style": Markup(self._style), "script": Markup(self._script)}  # noqa: S704 -- our own files
        return self._environment.get_template(template).render(**fixed, **values)


def _shown(value: object) -> object:
    return visible(value) if type(value) is str else value


def _hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
