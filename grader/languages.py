"""Translate what pages show: texts stand in English in templates, and a catalogue has each in another language."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path

_FOLDER = Path(__file__).with_name("messages")
ENGLISH = "en"
LANGUAGES = {"en": "English", "de": "Deutsch"}


class Translator:
    """Translates texts into one language."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else ENGLISH

    def __call__(self, text: str, **values: object) -> str:
        """Return `text` in the language, with its {placeholders} filled; a text without translation stays English."""
        translated = catalogue(self.language).get(text, text)
        return translated.format(**values) if values else translated


IN_ENGLISH = Translator(ENGLISH)


@functools.cache
def catalogue(language: str) -> dict[str, str]:
    """Return the translations of a language by their English texts."""
    if language == ENGLISH:
        return {}
    texts: dict[str, str] = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return texts


def preferred(chosen: str | None, accepted: str) -> str:
    """Return the language that somebody chose, or else the first that the browser accepts (Accept-Language) and we have."""
    if chosen in LANGUAGES:
        return chosen
    for part in accepted.split(",")[:10]:
        language = part.split(";")[0].strip().lower()[:2]
        if language in LANGUAGES:
            return language
    return ENGLISH
