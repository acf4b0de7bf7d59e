"""A traceback as a student needs it: their own lines by number, libraries by name, nothing of ours."""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

SLOT_NAME = "your solution"  # and, where it has several cells, `your solution (NAME)`
_IN_LAST_LINE = re.compile(rf'  File "({SLOT_NAME}[^"\n]*)", ')
LONGEST_TEXT = 20_000  # characters
LONGEST_LINE = 500
FRAMES_AT_EACH_END = 15  # of a recursion, only the first and the last frames tell something
CHAINED = 5
_OURS = Path(__file__).parent  # only files of this program lie there


@dataclass(frozen=True)
class Description:
    """`frames` is the whole text, `last_line` the exception's type and message on one line."""

    frames: str
    last_line: str


def remember_source(name: str, source: str) -> None:
    """Let tracebacks show the lines of `source`, which is in no file.

    A line ends where the compiler says so, at a line feed; `splitlines` would count U+2028, form feeds and others, too.
    """
    linecache.cache[name] = (len(source), None, [f"{line}\n" for line in source.split("\n")], name)


def describe(error: BaseException) -> Description:
    """Describe a hostile exception: its methods may raise, and its texts be endless."""
    try:
        whole = traceback.TracebackException.from_exception(error, compact=True)
        parts: list[str] = []
        seen: traceback.TracebackException | None = whole
        while seen is not None and len(parts) < CHAINED:
            parts.append(_one(seen))
            seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
        between = "\n\nbecause of\n\n"
        last_line = _exception_line(whole)
        return Description(clean(between.join(parts), LONGEST_TEXT), clean(last_line, LONGEST_LINE))
    except BaseException as second:  # noqa: BLE001 -- the exception's own code ran in there
        name = clean(type(error).__name__, LONGEST_LINE)
        return Description(
            "", f"{name} (and describing it raised {clean(type(second).__name__, LONGEST_LINE)})"
        )


def _one(error: traceback.TracebackException) -> str:
    frames = [frame for frame in error.stack if not _is_ours(frame.filename)]
    lines = [line for frame in frames[:FRAMES_AT_EACH_END] for line in _frame(frame)]
    if len(frames) > 2 * FRAMES_AT_EACH_END:
        lines.append(f"... {len(frames) - 2 * FRAMES_AT_EACH_END} more ...")
    lines += [line for frame in frames[FRAMES_AT_EACH_END:][-FRAMES_AT_EACH_END:] for line in _frame(frame)]
    last = "".join(error.format_exception_only()).rstrip("\n")
    return "\n".join([*lines, _without_paths(_IN_LAST_LINE.sub(r"\1, ", last))])


def _frame(frame: traceback.FrameSummary) -> list[str]:
    name = frame.filename if _is_theirs(frame.filename) else Path(frame.filename).name
    function = "" if frame.name == "<module>" else f", in {frame.name}"
    code = f"    {frame.line}" if frame.line else ""
    return [f"{name}, line {frame.lineno}{function}"[:LONGEST_LINE], *([code[:LONGEST_LINE]] if code else [])]


def _is_theirs(filename: str) -> bool:
    return filename in (SLOT_NAME, "imports") or filename.startswith(f"{SLOT_NAME} (")


def cell_name(slot: str) -> str:
    """Return what tracebacks call the cell of the slot `slot`, "" for the only one."""
    return f"{SLOT_NAME} ({slot})" if slot else SLOT_NAME


def _is_ours(filename: str) -> bool:
    return Path(filename).parent == _OURS or filename.startswith("<frozen")


def _exception_line(error: traceback.TracebackException) -> str:
    lines = list(error.format_exception_only())
    return " ".join(_without_paths(lines[-1]).split())


def _without_paths(text: str) -> str:
    """Shorten the paths of libraries, which some messages quote."""
    for folder in sorted((path for path in sys.path if path), key=len, reverse=True):
        text = text.replace(f"{folder}/", "")
    return text


def clean(text: str, longest: int) -> str:
    """Cut `text`, and drop the control characters that a terminal would obey."""
    cut = text if len(text) <= longest else f"{text[:longest]} ..."
    kept = "".join(char for char in cut if char in "\n\t" or char.isprintable())
    return kept.encode("utf-8", "replace").decode()
