"""Take what is handed in: raw bytes from programs, forms from pages. Nothing of a file is parsed here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, RedirectResponse, Response

from grader.contest.intake import Ticket, too_large
from grader.contest.people import person_of_token
from grader.contest.rules import RefusalReason, Refused
from grader.errors import GraderFault, UsageError
from grader.serve.bodies import FileForm, SlowSenderError
from grader.serve.checks import check_form_token, check_same_origin

if TYPE_CHECKING:
    from grader.contest.intake import Upload
    from grader.contest.receipts import Receipt
    from grader.serve.bodies import Body
    from grader.serve.site import SiteVisit

_STATUS = {
    RefusalReason.NOT_OPEN: 403,
    RefusalReason.CLOSED: 403,
    RefusalReason.NOT_ALLOWED: 403,
    RefusalReason.TOO_SOON: 429,
    RefusalReason.NO_ATTEMPTS_LEFT: 409,
    RefusalReason.TOO_LARGE: 413,
    RefusalReason.EMPTY: 400,
    RefusalReason.UNKNOWN: 404,
    RefusalReason.OTHER_FILE: 409,
}
_LATER_SECONDS = "30"
_MOST_KEY = 100  # letters of a client's name of an upload
_ORIGINS = ("api", "notebook")


async def submit(visit: SiteVisit, body: Body) -> Response:
    """Take the body of a request for the owner of its token, and return the receipt as JSON, status 201.

    The header Idempotency-Key names the upload: repeated under the same key, it is the same submission. What is refused
    has a reason, a message in the language that the sender accepts, and `again` where there is such a time.
    """
    try:
        return await _submit(visit, body)
    except SlowSenderError as error:
        return _refusal(408, "too_slow", visit.translate.sentence(str(error)))
    except ClientDisconnect:
        return _refusal(400, "cut_off", visit.translate.sentence("the connection ended; hand in again"))


async def _submit(visit: SiteVisit, body: Body) -> Response:
    """Return the receipt of what arrives, or why it was not taken. Raises SlowSenderError and ClientDisconnect."""
    try:
        admitted = await run_in_threadpool(_admitted, visit)
        if admitted is None:
            return await _unknown_token(visit, body)
        receipt = await visit.contest.intake.receive_admitted(admitted, body.chunks())
    except SlowSenderError:
        raise
    except (UsageError, GraderFault) as error:
        await body.drain()
        return _refused_json(visit, error)
    return JSONResponse(receipt.as_json(), 201)


def _admitted(visit: SiteVisit) -> Upload | Receipt | None:
    """Return the upload that the owner of a request's token begins, or its receipt; None where nobody owns it.

    Raises Refused and GraderFault.
    """
    task, headers = str(visit.path("task")), visit.request.headers
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    with visit.reading() as transaction:
        person = person_of_token(transaction, token.strip(), task)
    if person is None:
        return None
    check_length(visit, task)
    origin = visit.request.query_params.get("from", "api")
    key = headers.get("idempotency-key", "")[:_MOST_KEY] or None
    origin = origin if origin in _ORIGINS else "api"
    return visit.contest.intake.admit(Ticket(person.id, task, origin, key, visit.site.tasks[task].ending))


async def _unknown_token(visit: SiteVisit, body: Body) -> Response:
    """Return what somebody gets who has no token; after many of an address, at once."""
    if seconds := visit.site.wrong_tokens.take(visit.address):  # a right token works all the same
        text = visit.translate.sentence("too many wrong tokens came from this address; hand in again later")
        return _refusal(429, "too_many_wrong_tokens", text, {"Retry-After": str(math.ceil(seconds))})
    await body.drain()
    text = "the token is missing, revoked, or of another task; copy it from the page of the task"
    return _refusal(401, "no_token", visit.translate.sentence(text), {"WWW-Authenticate": "Bearer"})


async def hand_in(visit: SiteVisit, body: Body) -> Response:
    """Take the one file of the page's form, and lead to the page of the attempt."""
    task = str(visit.path("task"))
    try:
        check_same_origin(visit)
        check_task(visit, task)
        form = FileForm(body, visit.request.headers.get("content-type", ""))
        fields = await form.fields()
        check_form_token(visit, fields)
        key, ending = fields.get("key", "")[:_MOST_KEY] or None, visit.site.tasks[task].ending
        ticket = Ticket(visit.somebody.id, task, "page", key, ending)
        receipt = await visit.contest.intake.receive(ticket, form.file())
    except Refused as refused:
        await body.drain()
        problem = refusal_text(visit, refused)
        return visit.page("problem.html", status=_STATUS[refused.reason], problem=problem)
    except (UsageError, GraderFault):
        await body.drain()
        raise
    return RedirectResponse(f"/attempt/{receipt.number}", 303)


def check_task(visit: SiteVisit, task: str) -> None:
    """Raise Refused where the contest has no such task, without naming those that it has: some may not be open yet."""
    if task not in visit.site.tasks:
        raise Refused(RefusalReason.UNKNOWN, "the contest has no such task")


def check_length(visit: SiteVisit, task: str) -> None:
    """Raise Refused where a request announces more bytes than the task takes, before any of them is read."""
    megabytes = visit.contest.spec.task(task).max_mb
    announced = visit.request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > megabytes * (1 << 20):
        raise too_large(visit.site.tasks[task].ending, megabytes)


def refusal_text(visit: SiteVisit, refused: Refused) -> str:
    """Return why a file was not taken, in the language and on the clocks of its sender."""
    text = {
        RefusalReason.NOT_OPEN: "The task is not open yet. It opens at {again}.",
        RefusalReason.CLOSED: "The task is closed. If something kept you from handing in, ask the organisers.",
        RefusalReason.TOO_SOON: "Too many attempts at once. Hand in again after {again}.",
        RefusalReason.NO_ATTEMPTS_LEFT: "All attempts at this task are used.",
        RefusalReason.TOO_LARGE: "The file is too large. Clear the outputs of a notebook, and hand in again.",
        RefusalReason.EMPTY: "The file is empty. Choose your file and hand in again.",
        RefusalReason.NOT_ALLOWED: "You may look on, but not hand in.",
        RefusalReason.UNKNOWN: "There is no such task.",
        RefusalReason.OTHER_FILE: "This page has handed in another file. Load the page again, and then hand in.",
    }[refused.reason]
    return visit.translate(text, again=visit.clock(refused.again) if refused.again else "")


def _refused_json(visit: SiteVisit, error: UsageError | GraderFault) -> Response:
    text = visit.translate.sentence(str(error))
    if isinstance(error, GraderFault):
        return _refusal(503, "unavailable", text, {"Retry-After": _LATER_SECONDS})
    if not isinstance(error, Refused):
        return _refusal(404, RefusalReason.UNKNOWN, text)
    headers = {}
    if error.reason is RefusalReason.TOO_SOON and error.again:
        wait = error.again - visit.contest.store.clocks().wall
        headers["Retry-After"] = str(max(1, math.ceil(wait.total_seconds())))
    again = error.again.isoformat() if error.again else None
    return _refusal(_STATUS[error.reason], error.reason, text, headers, again=again)


def _refusal(
    status: int, reason: str, message: str, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    return JSONResponse({"error": str(reason), "message": message, **more}, status, headers)
