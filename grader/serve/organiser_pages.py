"""Show organisers the queue, how the tasks go, who is stuck, and the people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.contest import queue
from grader.contest.events import all_events
from grader.contest.people import has_code, participants
from grader.contest.rejudge import proposals
from grader.contest.views import queue_view, team_names
from grader.serve.progress import progress_of
from grader.serve.waiting_times import waiting_times

if TYPE_CHECKING:
    from starlette.responses import Response

    from grader.serve.site import SiteVisit


def show_queue(visit: SiteVisit) -> Response:
    """Show what runs, waits or is held, and what becomes of it."""
    with visit.reading() as transaction:
        rows, slots = queue_view(transaction), queue.live_slots(transaction)
    return visit.page("queue.html", rows=rows, slots=slots)


def progress(visit: SiteVisit) -> Response:
    """Show how long people wait, attempts and points of each task, and who is stuck."""
    with visit.reading() as transaction:
        events = list(all_events(transaction.connection))
        sections = progress_of(transaction, visit.contest.spec, events)
        waiting = waiting_times(events, transaction.moment.wall)
    return visit.page("progress.html", sections=sections, waiting=waiting)


def people(visit: SiteVisit) -> Response:
    """Show everybody, with what can be done for them."""
    return people_page(visit)


def people_page(visit: SiteVisit, *, drawn: str = "", drawn_for: str = "") -> Response:
    """Return the page of people; `drawn` is a code that was made just now for `drawn_for`, to be shown once."""
    with visit.reading() as transaction:
        everybody = participants(transaction)
        names = team_names(transaction)
        coded = {person.id for person in everybody if has_code(transaction, person.id)}
    teams = {
        person.team: names[person.team]
        for person in everybody
        if person.role == "student" and not person.erased
    }
    return visit.page(
        "people.html",
        everybody=everybody,
        names=names,
        teams=teams,
        coded=coded,
        drawn=drawn,
        drawn_for=drawn_for,
    )


def rejudge_page(visit: SiteVisit) -> Response:
    """Show what a rejudge would change, before it is applied."""
    with visit.reading() as transaction:
        proposed = proposals(transaction)
        names = team_names(transaction)
    return visit.page(
        "rejudge.html",
        proposed=proposed,
        pending=sum(known.waits for known in proposed),
        changed=[known for known in proposed if known.changes],
        names=names,
    )


PAGES = {"rejudge_page": rejudge_page, "queue": show_queue, "progress": progress, "people": people}
