"""Translate what pages show: texts stand in English in templates, and a catalogue has each in another language.

`messages/de.toml` holds the texts of pages. `messages/de.sentences.toml` holds sentences of results and errors, which are kept
in English and translated where they are shown: its keys are patterns whose {placeholders} stand for whatever is there.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = Path(__file__).with_name("messages")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_NUMBER = "number"  # a placeholder of this name stands for digits alone
_DEEPEST = 8  # sentences within sentences: "(in call 3)" stands behind another one
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

    def sentence(self, text: str, depth: int = 0) -> str:
        """Return a sentence of a result or an error in the language; one that no pattern fits stays as it is."""
        for pattern in _patterns(self.language):
            values = pattern.values(text)
            if values is not None:
                inner = self.sentence if depth < _DEEPEST else lambda value, _: value
                return pattern.filled({name: inner(value, depth + 1) for name, value in values.items()})
        return text


@dataclass(frozen=True)
class SentencePattern:
    """A sentence of results or errors: its fixed `pieces`, between which values stand that have `names`, and its translation."""

    pieces: tuple[str, ...]
    names: tuple[str, ...]
    translation: str

    @classmethod
    def of(cls, text: str, translation: str) -> SentencePattern:
        """Return the pattern of a text with {placeholders}."""
        parts = _PLACEHOLDER.split(text)
        return cls(tuple(parts[::2]), tuple(parts[1::2]), translation)

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the translation with `values` for its names."""
        return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), self.translation)

    def values(self, text: str) -> dict[str, str] | None:
        """Return what stands for each name in `text`, which students may have chosen: in linear time; None where it does not fit."""
        first, last = self.pieces[0], self.pieces[-1]
        if not self.names:
            return {} if text == first else None
        begin, end = len(first), len(text) - len(last)
        if begin >= end or not (text.startswith(first) and text.endswith(last)):
            return None
        values = {}
        for name, piece in zip(self.names, self.pieces[1:-1], strict=False):
            after = text.find(piece, begin + 1, end)
            if after < 0:
                return None
            values[name], begin = text[begin:after], after + len(piece)
        values[self.names[-1]] = text[begin:end]
        fits = begin < end and values.get(_NUMBER, "0").replace(".", "").isdecimal()
        return values if fits else None


IN_ENGLISH = Translator(ENGLISH)


@functools.cache
def catalogue(language: str) -> dict[str, str]:
    """Return the translations of a language by their English texts."""
    return {} if language == ENGLISH else _texts(f"{language}.toml")


@functools.cache
def sentences(language: str) -> dict[str, str]:
    """Return the sentences of results and errors in a language by their English patterns, the first that fits first."""
    return {} if language == ENGLISH else _texts(f"{language}.sentences.toml")


@functools.cache
def _patterns(language: str) -> list[SentencePattern]:
    explanations = {text: translation for text, translation in catalogue(language).items() if "{" not in text}
    known = sentences(language) | explanations  # a message may be an explanation of its verdict
    return [SentencePattern.of(text, translation) for text, translation in known.items()]


def _texts(name: str) -> dict[str, str]:
    texts: dict[str, str] = tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))
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
