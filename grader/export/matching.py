"""Say which row of a platform's table each grade goes to; where that is not sure, it goes to none."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.submissions.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grader.export.tables import Standing
    from grader.submissions.roster import Person


@dataclass(frozen=True)
class Addressed:
    """The standing of each row that has one, in the order of the rows, and what the caller should know."""

    rows: dict[int, Standing]
    notes: list[str]


def address(
    people: dict[Person, int],
    keys: Sequence[Sequence[str]],
    found: Sequence[Standing],
    number: Callable[[Standing], str],
) -> Addressed:
    """Return which row of a table is whose.

    `people` are those of the table with their rows, no two alike, and `keys` what else finds each of them. A standing
    is found by student id, email address and name together, which may not contradict each other, or else by the
    `number` that the platform put into the path of the file.
    """
    roster = Roster(people, keys)
    claims: dict[int, list[Standing]] = defaultdict(list)
    unknown: list[str] = []
    for standing in found:
        given = [key for key in (standing.student, standing.email, standing.name) if key]
        person = roster.find(*given) or roster.find(number(standing))
        if person:
            claims[people[person]].append(standing)
        elif standing.attempts:
            unknown.append(standing.student)
    notes = [f"not in the worksheet, or not for sure: {', '.join(unknown)}"] if unknown else []
    for row, several in sorted(claims.items()):
        if len(several) > 1:
            names = " and ".join(standing.student for standing in several)
            notes.append(f"{names} fit the same row of the worksheet; it was left as it is")
            del claims[row]
    return Addressed({row: claimed for row, (claimed,) in sorted(claims.items())}, notes)
