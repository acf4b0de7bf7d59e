"""The terminal: colour where somebody wants it, plain text elsewhere, and no text that can act on it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from grader.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from rich.console import ConsoleOptions, RenderableType


def plain(stream: TextIO) -> bool:
    """Return whether `stream` gets no colour: NO_COLOR, TERM=dumb, or no terminal; FORCE_COLOR is only about the last."""
    return _unwanted() or not (stream.isatty() or os.environ.get("FORCE_COLOR"))


def _unwanted() -> bool:
    """Return whether the caller wants no colour, whatever the stream."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") in {"dumb", "unknown"}


_PIPE_WIDTH = 1000  # characters: programs and logs get a row of a table as one line


class SafeConsole(Console):
    """A console that takes no text for markup, and shows control characters as their numbers.

    Names, messages and paths come from students; rich removes some control characters, and leaves escapes.
    """

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        if _unwanted():
            options |= {
                "force_terminal": False,
                "color_system": None,
            }  # rich alone would leave bold and cursor moves
        stream = options.get("file") or (sys.stderr if stderr else sys.stdout)
        if not stream.isatty() and not os.environ.get("COLUMNS"):
            options.setdefault("width", _PIPE_WIDTH)
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of `renderable`; those of text are made visible."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.replace("\n", "").isprintable():
                yield segment
            else:
                yield Segment(visible(segment.text), segment.style)

    @property
    def watched(self) -> bool:
        """Whether somebody looks, so that what is shown may change in place: a terminal, and not only a wish for colour."""
        return self.is_terminal and self.file.isatty()


def one_line(text: str, style: str = "") -> Text:
    """Return a text that stays within its line or its cell, as wide as it will be shown."""
    return Text(visible(text).replace("\n", " "), style=style)


out = SafeConsole()
err = SafeConsole(stderr=True)
plain_help = plain(sys.stdout)
