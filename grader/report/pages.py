"""Write a report of a gradebook as pages that need nothing else: open them from a disk, or send one to a student."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from grader.errors import GraderFault, StudentFault, UsageError
from grader.files import write_atomic
from grader.gradebook.gradebook import Recorded, reading
from grader.gradebook.standings import Credit, Standing, anonymous, credits_of, labels_of, standings, totals
from grader.languages import ENGLISH
from grader.notebooks.program import slot_key
from grader.notebooks.slot import find_slot
from grader.report import leaderboard
from grader.report.clusters import clusters
from grader.report.feedback import feedback
from grader.report.page_renderer import PageRenderer
from grader.report.programs import programs_of
from grader.report.pseudonyms import key_for, page_name, pseudonyms
from grader.report.run_files import run_files, without_paths
from grader.task.starter import load_starter
from grader.task.translation import title_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from grader.gradebook.gradebook import Absence
    from grader.gradebook.late import LateRule
    from grader.report.leaderboard import Section
    from grader.task.spec import Task

    Watch = Callable[[Sequence[Recorded]], Iterable[Recorded]]

FOLDER, PUBLIC_FOLDER, PAGES = "report", "report_public", "feedback"
SIMILAR = "similar.html"


@dataclass(frozen=True)
class Page:
    """A feedback page, and whose it is."""

    task: str
    student: str
    attempt: int
    path: Path


@dataclass(frozen=True)
class Written:
    """A report on the disk: its first page, and the feedback pages."""

    index: Path
    pages: list[Page]


@dataclass(frozen=True)
class _Book:
    """What a report is made of."""

    current: list[Recorded]
    history: dict[int, Recorded]
    settings: dict[int, dict[str, Any]]  # of each call of a command, by its id
    boards: dict[str, list[Standing]]
    people: dict[str, str]  # the name of each student, "" where it is not known
    labels: dict[str, str]  # the name of each student with the id, or the id alone
    key: bytes
    names: dict[str, str]  # pseudonyms
    worth: dict[int, Credit]  # of each current result, by its id
    absences: dict[str, Absence]
    rules: dict[str, LateRule | None]


@dataclass(frozen=True)
class _Audience:
    """The readers of a first page: the words around it, and which failures of the grader it lists."""

    eyebrow: str
    note: str
    failures: Callable[[Mapping[str, Sequence[Standing]]], list[leaderboard.FailedGrading]]


_INSTRUCTORS = _Audience(
    "Results",
    "For instructors only: these pages contain students' names and programs.",
    leaderboard.failures,
)
_EVERYBODY = _Audience("Leaderboard", "Names are pseudonyms.", lambda _: [])


def write_report(
    out: Path, tasks: Mapping[str, Task], watch: Watch = iter, *, language: str = ENGLISH
) -> Written:
    """Write the instructor's report of `out`: the board, the programs that are alike, and a page for each submission.

    `tasks` are those whose folders are known; of others there is no score map. `watch` passes on what it is given, and may
    show how far we are. The pages of submissions are in `language`. Raises UsageError where there are no results, or the folder cannot be written.
    """
    book = _read(out)
    addresses = {
        key: f"{PAGES}/{page_name(book.key, *key)}"
        for recorded in book.current
        for key in [(recorded.result.task, recorded.result.student, recorded.attempt)]
    }  # fmt: skip
    folder, pages, sections = out / FOLDER, PageRenderer(), []
    of_students = PageRenderer(language)
    for name, board in book.boards.items():
        task = tasks.get(name)
        programs = programs_of(
            out, [row for row in book.history.values() if row.result.task == name], book.labels
        )
        starter_key = key_of_starter(task)
        changed = {program.owner for program in programs if program.key != starter_key}
        untouched = sorted({program.owner for program in programs} - changed)
        sections.append(
            leaderboard.section(
                name,
                task,
                board,
                names=book.names,
                pages=addresses,
                clusters=clusters(programs, starter_key, task.spec.title if task else name, name),
                untouched=untouched,
                absence=book.absences.get(name),
                rule=book.rules[name],
            )
        )
    written = []
    for recorded in watch(book.current):
        result = recorded.result
        path = folder / addresses[result.task, result.student, recorded.attempt]
        write_atomic(path, _feedback_page(out, recorded, book, tasks.get(result.task), of_students).encode())
        written.append(Page(result.task, result.student, recorded.attempt, path))
    groups = [cluster for part in sections for cluster in part.clusters]
    if groups:
        write_atomic(folder / SIMILAR, pages.render(SIMILAR, clusters=groups, back="index.html").encode())
    else:
        (folder / SIMILAR).unlink(missing_ok=True)  # of an earlier report
    write_atomic(folder / "index.html", _index(book, book.boards, sections, pages, _INSTRUCTORS).encode())
    return Written(folder / "index.html", written)


def write_public(out: Path, tasks: Mapping[str, Task]) -> Written:
    """Write a report that anybody may see into a folder of its own: pseudonyms, points and charts.

    Raises UsageError as `write_report`.
    """
    book = _read(out)
    boards = anonymous(book.boards, book.names)
    sections = [
        leaderboard.section(name, tasks.get(name), board, names={}, pages={})
        for name, board in boards.items()
    ]
    index = out / PUBLIC_FOLDER / "index.html"
    write_atomic(index, _index(book, boards, sections, PageRenderer(), _EVERYBODY).encode())
    return Written(index, [])


def _index(
    book: _Book,
    boards: Mapping[str, Sequence[Standing]],
    sections: list[Section],
    pages: PageRenderer,
    audience: _Audience,
) -> str:
    rows = [row for board in boards.values() for row in board]
    latest = leaderboard.minute(max(recorded.recorded for recorded in book.current))
    return pages.render(
        "index.html",
        heading=sections[0].title if len(sections) == 1 else f"{len(sections)} tasks",
        eyebrow=audience.eyebrow,
        sections=sections,
        totals=totals(boards) if len(sections) > 1 else [],
        failures=audience.failures(boards),
        grouped=len({row.section for row in rows}) > 1,
        dated=any(row.submitted for row in rows),
        footer=f"As of {latest} UTC. {audience.note}",
    )


def _feedback_page(out: Path, recorded: Recorded, book: _Book, task: Task | None, pages: PageRenderer) -> str:
    executed = book.history.get(recorded.identical_to or recorded.id, recorded).result
    result = recorded.result
    message, traceback = (
        without_paths(text, out, result, executed) for text in (result.message, result.traceback)
    )
    content = feedback(
        replace(result, message=message, traceback=traceback),
        run_files(out, result, executed),
        task,
        book.settings.get(recorded.run, {}).get("wall_seconds"),
        pages.translate,
    )
    return pages.render(
        "feedback.html",
        feedback=content,
        credit=book.worth[recorded.id],
        title=title_in(task, pages.translate.language) if task else result.task,
        student=result.student,
        name=book.people.get(result.student, ""),
        attempt=recorded.attempt,
        pseudonym=book.names[result.student],
        recorded=leaderboard.minute(recorded.recorded),
    )


def _read(out: Path) -> _Book:
    with reading(out) as book:
        rows = book.leaderboard()
        history = {recorded.id: recorded for recorded in book.history()}
        current = book.current()
        settings = {run["id"]: run["settings"] for run in book.runs()}
        absences = book.absences()
        rules = {task: book.late_rule(task) for task in {row["task"] for row in rows}}
    if not current:
        raise UsageError(f"{out} holds no results yet; the next `grader grade` records some")
    key = key_for(out)
    people = {row["student"]: row["name"] for row in rows}
    return _Book(
        current=current,
        history=history,
        settings=settings,
        boards=standings(rows, {number: recorded.result for number, recorded in history.items()}),
        people=people,
        labels=labels_of(people),
        key=key,
        names=pseudonyms(key, {recorded.result.student for recorded in current}),
        worth=credits_of(rows, current),
        absences=absences,
        rules=rules,
    )


def key_of_starter(task: Task | None) -> str:
    """Return the key of the slot as it is handed out; "" where it is not known."""
    if task is None:
        return ""
    try:
        starter = load_starter(task)
        return slot_key(find_slot(starter, starter))
    except (UsageError, GraderFault, StudentFault):
        return ""
