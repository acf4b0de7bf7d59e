"""Make text of a student's fit to look at: nothing invisible, nothing that turns text around, and not without end."""

from __future__ import annotations

import re

LONGEST = 20_000  # characters of what was printed

_COLOUR_CODE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def printed(text: str) -> str:
    """Return what a program printed as it would stand in a terminal, without colours, cut in the middle if it is long.

    Of a line that was overwritten by carriage returns, as progress bars do it, the last state is left.
    """
    lines = _COLOUR_CODE.sub("", text).replace("\r\n", "\n").split("\n")
    whole = visible("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)).strip("\n")
    if len(whole) <= LONGEST:
        return whole
    half = LONGEST // 2
    return f"{whole[:half]}\n... {len(whole) - 2 * half} characters left out ...\n{whole[-half:]}"


def visible(text: str) -> str:
    r"""Return `text` with line ends as `\n`, and what cannot be seen, or turns text around, as its number."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    if plain.isprintable():
        return plain
    return "".join(char if char == "\n" or char.isprintable() else f"<U+{ord(char):04X}>" for char in plain)
