"""Tables for a terminal and for other programs: no value is ever cut, and columns without one are dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

_GAP = 2  # columns of the terminal between two of the table
_NARROWEST = 12  # of a column that folds, before all others fold as well


@dataclass(frozen=True)
class TableColumn:
    """A heading and the cells below it. A column that `folds` gives up its width first where lines get too long."""

    heading: str
    cells: Sequence[Text]
    folds: bool = False
    right: bool = False

    @property
    def empty(self) -> bool:
        """Return whether no cell has a text."""
        return not any(cell.plain.strip() for cell in self.cells)

    @property
    def width(self) -> int:
        """Return the columns of a terminal that its longest line takes."""
        lines = (line for cell in self.cells for line in cell.split())
        return max(len(self.heading), *(line.cell_len for line in lines))


def table(columns: Sequence[TableColumn], width: int) -> Table:
    """Return a table for a terminal of this width; what is too wide for its column goes on in the next line."""
    shown = [column for column in columns if not column.empty]
    least = sum(min(column.width, _NARROWEST) if column.folds else column.width for column in shown)
    all_fold = least + _GAP * (len(shown) - 1) > width
    made = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False)
    for column in shown:
        made.add_column(
            column.heading,
            overflow="fold",
            no_wrap=not (column.folds or all_fold),
            justify="right" if column.right else "left",
        )
    for cells in zip(*(column.cells for column in shown), strict=True):
        made.add_row(*cells)
    return made
