"""Write what a command printed, colours included, as a picture.

    FORCE_COLOR=1 COLUMNS=90 grader results demo_runs > output.txt
    python docs/make_picture.py "grader results demo_runs" output.txt docs/images/grade.svg

The output must not be wider than the picture.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

WIDTH = 90  # columns
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace"


def picture(command: str, output: str) -> str:
    """Return an SVG of `output`, which may hold colour codes, under its `command`."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text.from_ansi(output))
    svg = console.export_svg(title="", theme=MONOKAI, unique_id="grade")
    # No fonts from elsewhere: a picture in a README must not ask another host for anything.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code, monospace", FONTS)
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


if __name__ == "__main__":
    given_command, source, target = sys.argv[1:]
    Path(target).write_text(
        picture(given_command, Path(source).read_text(encoding="utf-8")), encoding="utf-8"
    )
