"""Start a contest to try things out: a task on embedded data, three students, and the examples handed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from grader.contest import desk
from grader.contest.folder import start_contest
from grader.contest.intake import Ticket
from grader.contest.moments import read_clocks
from grader.contest.people import NewParticipant, enrol, new_code
from grader.grading.file_answers import handed_in_by

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grader.contest.folder import Contest
    from grader.task.spec import Task

_STUDENTS = ("Ada Example", "Bela Example", "Chen Example")
_LASTS = timedelta(days=2)
_SHOWN = ("baseline", "exception", "random_class_balanced")  # one for each student, with different ends
_RULES = """title = "Demo contest"

[[tasks]]
name = "{task}"

[[windows]]
opens = {opens}
closes = {closes}

[cooldown]
minutes = 0
"""


@dataclass(frozen=True)
class DemoContest:
    """A contest to try things out, and the codes of its people by name."""

    contest: Contest
    codes: dict[str, str]


def start_demo(folder: Path, task: Task) -> DemoContest:
    """Start a demo contest of `task` in a new folder: open since a minute, with an organiser and three students.

    The examples of the task are handed in by turns; where there are none, its starter is. Raises UsageError where the
    folder has a contest.
    """
    now = read_clocks().wall.replace(microsecond=0)
    rules = _RULES.format(
        task=task.folder, opens=(now - timedelta(minutes=1)).isoformat(), closes=(now + _LASTS).isoformat()
    )
    contest = start_contest(folder, rules)
    with contest.store.writing() as transaction:
        people = enrol(
            transaction,
            [NewParticipant("Organiser", "0", role="admin")]
            + [NewParticipant(name, str(number)) for number, name in enumerate(_STUDENTS, 1)],
        )
        codes = {person.name: new_code(transaction, person.id) for person in people}
        desk.announce(transaction, people[0].id, "Welcome! This contest is for trying things out.")
        desk.ask(transaction, people[1].id, "May a function keep variables from call to call?", task=task.id)
    _hand_in(contest, task, [person.id for person in people[1:]], _examples(task))
    return DemoContest(contest, codes)


def _hand_in(contest: Contest, task: Task, students: Sequence[str], files: Sequence[bytes]) -> None:
    """Hand in files by turns; a newer one of somebody replaces the one that waits."""
    for number, content in enumerate(files):
        person = students[number % len(students)]
        contest.intake.take(Ticket(person, task.id, ending=task.spec.ending), [content])


def _examples(task: Task) -> list[bytes]:
    """Return what is handed in: the examples of a task, or what its starter is or writes."""
    examples = sorted((task.folder.parent.parent / "examples" / task.id).glob("*.ipynb"))
    shown = [path.read_bytes() for path in examples if path.stem in _SHOWN]
    return shown or [handed_in_by(task, task.starter)]
