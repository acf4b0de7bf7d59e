"""Find English texts on pages that should be German."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from grader.languages import catalogue

ENGLISH_WORDS = {"the", "and", "your", "of", "is", "not", "with", "this", "has", "to", "it", "are", "from", "you", "for", "by"}  # fmt: skip
SHOWN_ATTRIBUTES = ("aria-label", "title", "alt", "placeholder")


class Texts(HTMLParser):
    """Collects the texts of a page but those marked as English, and programs."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[bool] = []  # of each open element: whether it is left out

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        left_out = values.get("lang") == "en" or tag in ("pre", "code", "script", "style")
        left_out = left_out or (bool(self._open) and self._open[-1])
        if not left_out:
            self.texts += [values[name] or "" for name in SHOWN_ATTRIBUTES if name in values]
        if tag not in ("meta", "link", "input", "br", "img"):
            self._open.append(left_out)

    def handle_endtag(self, tag: str) -> None:
        assert tag
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open or not self._open[-1]:
            self.texts.append(data)


def english_in(page: str) -> list[str]:
    """Return the texts of a page that are in the catalogue, or read like English."""
    parser = Texts()
    parser.feed(page)
    translations = catalogue("de")
    english = {text for text, german in translations.items() if german != text} - set(translations.values())
    return [
        text.strip()
        for text in parser.texts
        if text.strip(" \n.,:;") in english or set(re.findall(r"\w+", text.lower())) & ENGLISH_WORDS
    ]
