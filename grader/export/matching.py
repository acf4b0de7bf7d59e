"""Match each grade to a row of a platform's table; an ambiguous one goes to none."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.submissions.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grader.gradebook.standings import Standing
    from grader.submissions.roster import Person


@dataclass(frozen=True)
class Addressed:
    """The standing of each row that has one, in the order of the rows, and what the caller should know."""

    rows: dict[int, Standing]
    notes: list[str]


def address(
    people: dict[Person, int],
    keys: Sequence[Sequence[str]],
    board: Sequence[Standing],
    number: Callable[[Standing], str],
) -> Addressed:
    """Return which row of a table is whose.

    `people` are those of the table with their rows, no two alike, and `keys` what else finds each of them. A standing
    is found by student id, email address and name together, which may not contradict each other, or else by the
    `number` that the platform put into the path of the file.
    """
    roster = Roster(people, keys)
    claims: dict[int, list[Standing]] = defaultdict(list)
    unmatched: list[str] = []
    for standing in board:
        names = [key for key in (standing.student, standing.email, standing.name) if key]
        person = roster.find(*names) or roster.find(number(standing))
        if person:
            claims[people[person]].append(standing)
        elif standing.attempts:
            unmatched.append(standing.student)
    notes = [f"no unambiguous match in the worksheet: {', '.join(unmatched)}"] if unmatched else []
    for row, several in sorted(claims.items()):
        if len(several) > 1:
            students = " and ".join(standing.student for standing in several)
            notes.append(f"{students} match the same row of the worksheet, which is unchanged")
            del claims[row]
    return Addressed({row: claimed for row, (claimed,) in sorted(claims.items())}, notes)
