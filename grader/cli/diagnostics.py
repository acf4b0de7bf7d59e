"""Show what a check found as compilers do: the place, the line, what is meant in it, and what to do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from grader.cli.console import one_line
from grader.cli.output import STYLES, say, show
from grader.errors import EXPLANATIONS, Verdict
from grader.lint.notebook import Severity
from grader.text import count, visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grader.gradebook.result import Result
    from grader.lint.notebook import Diagnostic

_COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}
_LONGEST_LINE = 160  # characters of a line that are shown


def show_diagnostics(notebook: Path, diagnostics: Sequence[Diagnostic]) -> None:
    """Print the diagnostics, and how many there are."""
    for diagnostic in diagnostics:
        _show_diagnostic(notebook, diagnostic)
    counts = Counter(diagnostic.severity for diagnostic in diagnostics)
    totals = [count(counts[severity], severity) for severity in Severity if counts[severity]]
    say(f"{notebook}: {', '.join(totals) or 'no problems found'}")


def show_check(result: Result, outlook: Sequence[str], author_help: str = "") -> None:
    """Print how a rehearsal ended, and what would change its points; `author_help` takes the place of advice to students."""
    style = STYLES.get(result.verdict, "red")
    show(Text.assemble((result.verdict.value, f"bold {style}"), ": ", one_line(result.message)))
    if result.traceback:
        show(Text(result.traceback))
    if result.verdict is Verdict.SCORED:
        for sentence in result.penalties[1:]:
            say(f"penalty: {sentence}")
        measured = f", {result.metrics.metric.name} {result.metrics.text}" if result.metrics else ""
        say(f"{result.points} points on the public data{measured}")
    else:
        say(author_help or EXPLANATIONS[result.verdict].help)
    for sentence in [] if author_help else outlook:
        show(Text.assemble(("  = ", "bold blue"), one_line(sentence)))
    seconds = result.seconds
    calls = f"{seconds.slot_calls:.1f} s in {count(result.slot_calls, 'call')}"
    say(f"{seconds.total:.1f} s, of which your function {calls}")
    say(f"executed notebooks: {result.run_folder}")


def _show_diagnostic(notebook: Path, diagnostic: Diagnostic) -> None:
    position = [f"cell {diagnostic.cell}" if diagnostic.cell else "", diagnostic.line, diagnostic.column]
    where = ":".join(map(str, [notebook, *filter(None, position)]))
    colour = _COLOURS[diagnostic.severity]
    text = one_line(f": {diagnostic.text}")
    show(Text.assemble(one_line(where, "bold"), ": ", (diagnostic.severity.value, colour), text))
    margin = " " * len(str(diagnostic.line))
    if diagnostic.source.strip():
        before, meant, line = _measured(diagnostic)
        show(Text(f"{margin} |", "bold blue"))
        show(Text.assemble((f"{diagnostic.line} | ", "bold blue"), one_line(line)))
        show(Text.assemble((f"{margin} | ", "bold blue"), " " * before, ("^" * meant, colour)))
    if diagnostic.help:
        show(Text.assemble((f"{margin} = ", "bold blue"), ("help", "bold"), one_line(f": {diagnostic.help}")))


def _measured(diagnostic: Diagnostic) -> tuple[int, int, str]:
    """Return the columns before what is meant, those that it takes, and the line, as a terminal shows them."""
    start, end = diagnostic.column - 1, diagnostic.column - 1 + diagnostic.width
    before, meant = (
        cell_len(visible(part)) for part in (diagnostic.source[:start], diagnostic.source[start:end])
    )
    line = visible(diagnostic.source).rstrip()
    if len(line) > _LONGEST_LINE:
        line = f"{line[:_LONGEST_LINE]} ..."
        before = min(before, _LONGEST_LINE)
        meant = min(meant, _LONGEST_LINE + 4 - before)
    return before, max(meant, 1), line
