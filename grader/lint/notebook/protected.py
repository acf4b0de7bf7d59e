"""Find protected cells that differ from the starter's: the grader uses its own copies."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from grader.lint.notebook.diagnostic import Diagnostic, Severity
from grader.notebooks.changes import changes
from grader.notebooks.identity import squeeze
from grader.notebooks.reading import is_code, labels, source
from grader.text import side_by_side

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from grader.notebooks.changes import Change
    from grader.notebooks.reading import Json

_MOST_NAMED = 3


def changed_cells(notebook: Json, starter: Json) -> list[Diagnostic]:
    """Return a diagnostic for each changed protected code cell, and one for all that are missing."""
    changed = [change for change in changes(notebook, starter) if change.code]
    diagnostics = [_changed(change, notebook) for change in changed if change.theirs is not None]
    missing = [change.label for change in changed if change.theirs is None]
    if missing:
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        text = f"cells of the starter are missing or not recognised: {', '.join(missing[:_MOST_NAMED])}{more}"
        help_ = "no action needed: the grader runs its own copies"
        diagnostics.append(Diagnostic(Severity.NOTE, "missing-cell", 0, 0, 0, 0, text, help_, ""))
    return diagnostics


def moved_cells(notebook: Json, starter: Json, slots: Collection[int]) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each protected code cell that was moved among the others."""
    places: dict[str, list[int]] = {}
    for number, cell in enumerate(notebook["cells"], start=1):
        if is_code(cell) and number not in slots:
            places.setdefault(squeeze(source(cell)), []).append(number)
    names = labels(notebook)
    order = []
    for cell in starter["cells"]:
        text = squeeze(source(cell))
        if is_code(cell) and len(places.get(text, [])) == 1:  # of copies, nobody knows which was moved
            order.append(places[text][0])
    moved = sorted(set(order) - set(_longest_rise(order)))
    others = len(moved) - _MOST_NAMED
    for rank, number in enumerate(moved[:_MOST_NAMED], start=1):
        more = f" (and {others} more)" if others > 0 and rank == _MOST_NAMED else ""
        text = f"{names[number - 1]} was moved{more}: the grader runs the cells in the order of the starter"
        line = source(notebook["cells"][number - 1]).split("\n")[0]
        help_ = "run all cells once from the top to see whether your notebook still works in that order"
        yield Diagnostic(Severity.NOTE, "moved-cell", number, 1, 1, len(line), text, help_, line)


def _changed(change: Change, notebook: Json) -> Diagnostic:
    cell, name = notebook["cells"][change.number - 1], change.label.rpartition(" (cell ")[0]
    pairs = [pair for pair in side_by_side(change.ours, change.theirs or "") if not pair.same]
    here = next((pair for pair in pairs if pair.right_number), None)
    line = here.right_number or 0 if here else 0
    text = source(cell).split("\n")[line - 1] if line else ""
    ours = next((pair.left.strip() for pair in pairs if pair is (here or pair) and pair.left), "")
    return Diagnostic(
        severity=Severity.WARNING,
        kind="changed-cell",
        cell=change.number,
        line=line,
        column=len(text) - len(text.lstrip()) + 1 if line else 0,
        width=len(text.strip()),
        text=f"this protected cell{f' ({name})' * bool(name)} "
        f"{'was changed' if is_code(cell) else 'is no longer a code cell'}: the grader runs its own copy",
        help=f"the starter has: {ours}" if ours else "no action needed; your change is ignored",
        source=text,
    )


def _longest_rise(numbers: Sequence[int]) -> list[int]:
    """Return a longest increasing subsequence (Schensted 1961), by patience sorting."""
    tops: list[int] = []
    before: dict[int, int | None] = {}
    for number in numbers:
        pile = bisect_left(tops, number)
        before[number] = tops[pile - 1] if pile else None
        tops[pile : pile + 1] = [number]
    rise: list[int] = []
    last = tops[-1] if tops else None
    while last is not None:
        rise.append(last)
        last = before[last]
    return rise[::-1]
