"""Do what students ask for by forms: tokens, questions, appeals, the attempt that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.contest import desk
from grader.contest.people import new_token, revoke_tokens
from grader.serve.public import public_files
from grader.serve.student_pages import open_task, open_tasks, sent_attempt, task_page, task_views

if TYPE_CHECKING:
    from starlette.responses import Response

    from grader.serve.site import SiteVisit


def make_token(visit: SiteVisit) -> Response:
    """Draw a token for one task and show it once, in a cell for the notebook."""
    name = str(visit.path("task"))
    with visit.writing() as transaction:
        view = open_task(visit, transaction, name)
        drawn = new_token(transaction, visit.somebody.id, name)
    return task_page(visit, view, files=list(public_files(visit.contest.store.folder, name)), drawn=drawn)


def revoke(visit: SiteVisit) -> Response:
    """Revoke every token of one's own."""
    with visit.writing() as transaction:
        revoke_tokens(transaction, visit.somebody.id)
    return visit.back("/tasks")


def choose(visit: SiteVisit) -> Response:
    """Let an attempt of one's own be the one that counts."""
    with visit.writing() as transaction:
        sent_attempt(visit, transaction)
        desk.choose_attempt(transaction, visit.somebody.id, visit.path("number"))
    return visit.back(f"/attempt/{visit.path('number')}")


def appeal(visit: SiteVisit) -> Response:
    """Appeal about an attempt of one's own."""
    with visit.writing() as transaction:
        sent = sent_attempt(visit, transaction)
        text, number = visit.form.get("text", ""), visit.path("number")
        desk.ask(transaction, visit.somebody.id, text, task=sent.view.task, appeal=number)
    return visit.back(f"/attempt/{number}")


def ask(visit: SiteVisit) -> Response:
    """Ask the organisers."""
    task = visit.form.get("task", "")
    with visit.writing() as transaction:
        known = task if task in open_tasks(visit, transaction, task_views(visit, transaction)) else ""
        desk.ask(transaction, visit.somebody.id, visit.form.get("text", ""), task=known)
    return visit.back("/questions")


PAGES = {"new_token": make_token, "revoke_tokens": revoke, "choose": choose, "appeal": appeal, "ask": ask}
