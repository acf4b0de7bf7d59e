"""Do what organisers decide by forms; every decision about a submission or a team needs a reason, which is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.contest import desk, queue
from grader.contest.people import members, new_code, participant
from grader.contest.rejudge import apply_rejudge, discard_rejudge, start_rejudge
from grader.contest.replays import ask_replay
from grader.errors import UsageError
from grader.serve.organiser_pages import people_page
from grader.serve.student_pages import sent_attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response

    from grader.contest.store import Transaction
    from grader.serve.site import SiteVisit

_DIGITS = 15  # of a question's number
_REPLAY = "replay"
_DECISIONS: Mapping[str, Callable[[Transaction, int, str], None]] = {
    "force": queue.force,
    "requeue": queue.requeue,
    "hold": queue.hold,
    "release": queue.release,
    "cancel": queue.cancel,
}


def decide(visit: SiteVisit) -> Response:
    """Force, requeue, hold, release or cancel a submission, or have it run once more as evidence."""
    name = visit.form.get("decision", "")
    if name == _REPLAY:
        return _replay(visit)
    decision = _DECISIONS.get(name)
    if decision is None:
        raise UsageError(f"choose one of {', '.join((*_DECISIONS, _REPLAY))}")
    reason = _reason(visit)
    with visit.writing() as transaction:
        sent_attempt(visit, transaction)
        decision(transaction, visit.path("number"), f"{reason} (by {visit.somebody.id})")
    return visit.back(f"/attempt/{visit.path('number')}")


def _replay(visit: SiteVisit) -> Response:
    with visit.writing() as transaction:
        sent_attempt(visit, transaction)
        ask_replay(transaction, visit.path("number"), author=visit.somebody.id, reason=_reason(visit))
    return visit.back(f"/attempt/{visit.path('number')}")


def disqualify(visit: SiteVisit) -> Response:
    """Let a submission count 0 points, or take that back."""
    with visit.writing() as transaction:
        sent_attempt(visit, transaction)
        desk.disqualify(
            transaction,
            visit.path("number"),
            disqualified=visit.form.get("disqualified") == "yes",
            author=visit.somebody.id,
            reason=_reason(visit),
        )
    return visit.back(f"/attempt/{visit.path('number')}")


def extend(visit: SiteVisit) -> Response:
    """Move a team's last close of a task, or of all; without a time, take that back."""
    team, task = visit.form.get("team", ""), visit.form.get("task", "")
    with visit.writing() as transaction:
        known = members(transaction, team)
        if not known:
            raise UsageError("the form names no team; load the page again")
        text = visit.form.get("until", "").strip()
        until = visit.contest.spec.moment(text, known[0].group) if text else None
        of_which = task if task in visit.site.tasks else ""
        desk.extend(transaction, team, until, task=of_which, author=visit.somebody.id, reason=_reason(visit))
    return visit.back("/organise/people")


def new_paper_code(visit: SiteVisit) -> Response:
    """Draw a new code for somebody and show it once; the old one, sessions and tokens end."""
    with visit.writing() as transaction:
        person = participant(transaction, visit.form.get("person", ""))
        drawn = new_code(transaction, person.id)
    visit.site.sessions.end_all(person.id)
    return people_page(visit, drawn=drawn, drawn_for=person.name or person.id)


def rejudge(visit: SiteVisit) -> Response:
    """Start, apply or discard a rejudge."""
    action = visit.form.get("action", "")
    with visit.writing() as transaction:
        if action == "start":
            start_rejudge(
                transaction, visit.form.get("task", ""), f"{_reason(visit)} (by {visit.somebody.id})"
            )
        elif action == "apply":
            apply_rejudge(transaction, visit.contest.store)
        elif action == "discard":
            discard_rejudge(transaction, visit.contest.store)
        else:
            raise UsageError("choose one of start, apply, discard")
    return visit.back("/organise/rejudge")


def answer(visit: SiteVisit) -> Response:
    """Answer a question, for whoever asked or for everybody."""
    number = visit.form.get("question", "")
    if not number.isdecimal() or len(number) > _DIGITS:
        raise UsageError("the form names no question; load the page again")
    with visit.writing() as transaction:
        desk.answer_question(
            transaction,
            int(number),
            author=visit.somebody.id,
            text=visit.form.get("text", ""),
            public=visit.form.get("public") == "yes",
        )
    return visit.back("/questions")


def announce(visit: SiteVisit) -> Response:
    """Announce something to everybody."""
    task = visit.form.get("task", "")
    with visit.writing() as transaction:
        known = task if task in visit.site.tasks else ""
        desk.announce(transaction, visit.somebody.id, visit.form.get("text", ""), known)
    return visit.back("/tasks")


def _reason(visit: SiteVisit) -> str:
    reason = visit.form.get("reason", "").strip()
    if not reason:
        raise UsageError("give a reason; it is kept with the decision")
    return reason


PAGES = {
    "decide": decide,
    "disqualify": disqualify,
    "extend": extend,
    "new_code": new_paper_code,
    "rejudge": rejudge,
    "answer": answer,
    "announce": announce,
}
