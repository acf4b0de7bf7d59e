"""Show students their tasks, attempts, feedback and questions, and everybody the leaderboard."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response

from grader.contest import desk
from grader.contest.attempts import AttemptState
from grader.contest.events import head
from grader.contest.people import members, participant
from grader.contest.replays import asked_replays, replays_of_submission
from grader.contest.views import board_view, task_view, team_names
from grader.errors import Verdict, explanation_of
from grader.serve.access import Reach
from grader.serve.headers import FEEDBACK_POLICY
from grader.serve.public import public_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.contest.people import Participant
    from grader.contest.store import Transaction
    from grader.contest.views import AttemptView, TaskView
    from grader.serve.public import PublicTask
    from grader.serve.site import SiteVisit

WAITING = (AttemptState.RECEIVED, AttemptState.QUEUED, AttemptState.RUNNING)
_LARGEST = 2**63 - 1  # number that SQLite knows
_ANY_BYTES = "application/octet-stream"
_CONTENT_TYPES = {
    ".ipynb": "application/x-ipynb+json",
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".zip": "application/zip",
}


@dataclass(frozen=True)
class SentAttempt:
    """One attempt with its sender, its team's name, and what its verdict means ("" without one)."""

    view: AttemptView
    sender: Participant
    team: str
    sentence: str
    help: str
    file: str

    @property
    def waits(self) -> bool:
        """Whether a verdict is on its way."""
        return self.view.state in WAITING


def tasks(visit: SiteVisit) -> Response:
    """Show the tasks, what was announced, and what there is to do."""
    with visit.reading() as transaction:
        views = task_views(visit, transaction)
        opened = open_tasks(visit, transaction, views)
        announced = desk.announcements(transaction)
        mates = team_mates(visit, transaction)
        team = team_names(transaction, visit.somebody.team)[visit.somebody.team]
    return visit.page("tasks.html", views=views, opened=opened, announced=announced, mates=mates, team=team)


def task(visit: SiteVisit) -> Response:
    """Show a task: statement, files, the form to hand in, and one's attempts."""
    name = str(visit.path("task"))
    with visit.reading() as transaction:
        view = open_task(visit, transaction, name)
    files = list(public_files(visit.contest.store.folder, name))
    return task_page(visit, view, files=files)


def task_page(visit: SiteVisit, view: TaskView, *, files: list[str], drawn: str = "") -> Response:
    """Return the page of a task; `drawn` is a token that was made just now, to be shown once."""
    with visit.reading() as transaction:
        mates = team_mates(visit, transaction)
    return visit.page(
        "task.html",
        view=view,
        mates=mates,
        shown=visit.tasks[view.task],
        files=files,
        drawn=drawn,
        key=secrets.token_urlsafe(12),
        address=visit.site.settings.address,
        waiting=WAITING,
    )


def attempts(visit: SiteVisit) -> Response:
    """Return one's attempts at a task as a piece of a page, for the script that keeps it up to date."""
    with visit.reading() as transaction:
        view = open_task(visit, transaction, str(visit.path("task")))
        mates = team_mates(visit, transaction)
    return HTMLResponse(visit.rendered("attempts.html", view=view, mates=mates, waiting=WAITING))


def task_file(visit: SiteVisit) -> Response:
    """Return a file of a task; names are compared with those that there are, so none leads elsewhere."""
    name = str(visit.path("task"))
    with visit.reading() as transaction:
        open_task(visit, transaction, name)
    path = public_files(visit.contest.store.folder, name).get(visit.path("name"))
    if path is None:
        raise HTTPException(404)
    return FileResponse(path, media_type=_ANY_BYTES, filename=path.name)


def attempt(visit: SiteVisit) -> Response:
    """Show an attempt: its place in the queue, its receipt, then its verdict with what to do."""
    with visit.reading() as transaction:
        sent = sent_attempt(visit, transaction)
        asked = [question for question in desk.questions(transaction) if question.appeal == sent.view.number]
        replays = replays_of_submission(transaction, sent.view.number)
        replaying = any(number == sent.view.number for number, _ in asked_replays(transaction))
    more = not sent.waits and visit.contest.store.feedback(sent.view.number).is_file()
    return visit.page("attempt.html", sent=sent, asked=asked, more=more, replays=replays, replaying=replaying)


def attempt_file(visit: SiteVisit) -> Response:
    """Return the file of an attempt, to be saved, never shown."""
    with visit.reading() as transaction:
        sent = sent_attempt(visit, transaction)
    path = visit.contest.store.files / sent.file
    if not path.is_file():
        raise HTTPException(404)
    ending = visit.site.tasks[sent.view.task].ending
    kind = _CONTENT_TYPES.get(ending, _ANY_BYTES)
    return FileResponse(path, media_type=kind, filename=f"submission-{sent.view.number}{ending}")


def feedback(visit: SiteVisit) -> Response:
    """Return the page that grading wrote about an attempt; it brings its own policy, which allows its style alone."""
    with visit.reading() as transaction:
        sent = sent_attempt(visit, transaction)
    pages = [visit.contest.store.feedback(sent.view.number, visit.translate.language)]
    pages.append(visit.contest.store.feedback(sent.view.number))  # all that there is of older attempts
    path = next((page for page in pages if page.is_file()), None)
    if sent.waits or path is None:
        raise HTTPException(404)
    return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": FEEDBACK_POLICY})


def receipt(visit: SiteVisit) -> Response:
    """Return the receipt of an attempt, as it was signed."""
    with visit.reading() as transaction:
        sent = sent_attempt(visit, transaction)
    name = f"receipt-{sent.view.number}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(sent.view.receipt, media_type="application/json", headers=headers)


def board(visit: SiteVisit) -> Response:
    """Show the leaderboard, and what everybody can check it with."""
    everybody = replace(visit, person=None)  # the file is the same for all

    def made() -> str:
        with visit.reading() as transaction:
            view = board_view(transaction, visit.contest.spec)
        return everybody.rendered("board_table.html", board=view)

    table = visit.site.board.table(visit.translate.language, made)
    with visit.reading() as transaction:
        last = head(transaction.connection)
    return visit.page("board.html", table=table, head=last, key=visit.contest.signer.public_key)


def questions(visit: SiteVisit) -> Response:
    """Show one's own questions and those answered for everybody; to organisers, all."""
    own = None if visit.reach is Reach.ALL else visit.somebody.id
    with visit.reading() as transaction:
        asked = desk.questions(transaction, own)
        names = team_names(transaction)
        teams = {question.person: names[participant(transaction, question.person).team] for question in asked}
        opened = open_tasks(visit, transaction, task_views(visit, transaction))
    return visit.page("questions.html", asked=asked, teams=teams, opened=opened)


def team_mates(visit: SiteVisit, transaction: Transaction) -> dict[str, str]:
    """Return the names of one's team by their ids, one's own among them; none where one is a team alone."""
    mates = {person.id: person.name or person.id for person in members(transaction, visit.somebody.team)}
    return mates if len(mates) > 1 else {}


def task_views(visit: SiteVisit, transaction: Transaction) -> list[TaskView]:
    """Return every task as somebody sees it, also those whose titles are not to be shown yet."""
    return [task_view(transaction, visit.contest.spec, visit.somebody, task) for task in visit.site.tasks]


def open_tasks(
    visit: SiteVisit, transaction: Transaction, views: Sequence[TaskView]
) -> dict[str, PublicTask]:
    """Return those of the tasks that somebody may see: of others, not even the title is shown."""
    tasks = visit.tasks
    return {view.task: tasks[view.task] for view in views if is_open(visit, transaction, view)}


def is_open(visit: SiteVisit, transaction: Transaction, view: TaskView) -> bool:
    """Return whether somebody may see a task: organisers always, others from its first opening."""
    now = transaction.moment.wall
    return visit.somebody.is_organiser or any(period.opens <= now for period in view.periods)


def open_task(visit: SiteVisit, transaction: Transaction, name: str) -> TaskView:
    """Return a task as somebody sees it. Raises HTTPException (404) where there is none, or it is not open yet."""
    if name not in visit.site.tasks:
        raise HTTPException(404)
    view = task_view(transaction, visit.contest.spec, visit.somebody, name)
    if not is_open(visit, transaction, view):
        raise HTTPException(404)
    return view


def sent_attempt(visit: SiteVisit, transaction: Transaction) -> SentAttempt:
    """Return the attempt that the address names. Raises HTTPException (404), also where it is another team's."""
    number = min(int(visit.path("number")), _LARGEST)
    row = transaction.connection.execute(
        "SELECT person, team, task, file FROM submissions WHERE number = ?", (number,)
    ).fetchone()
    if row is None or (visit.reach is not Reach.ALL and row["team"] != visit.somebody.team):
        raise HTTPException(404)
    sender = participant(transaction, row["person"])
    view = task_view(transaction, visit.contest.spec, sender, row["task"])
    (shown,) = (known for known in view.attempts if known.number == number)
    of_files = not visit.site.tasks[row["task"]].is_notebook
    explanation = explanation_of(Verdict(shown.verdict), of_files=of_files) if shown.verdict else None
    return SentAttempt(
        shown,
        sender,
        team_names(transaction, row["team"])[row["team"]],
        explanation.sentence if explanation else "",
        explanation.help if explanation else "",
        row["file"],
    )


PAGES = {
    "tasks": tasks,
    "task": task,
    "task_file": task_file,
    "attempts": attempts,
    "attempt": attempt,
    "attempt_file": attempt_file,
    "feedback": feedback,
    "receipt": receipt,
    "board": board,
    "questions": questions,
}
