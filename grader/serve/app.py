"""Join the table of who sees what with what answers, behind the checks that every request passes."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from anyio import to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from grader.contest.people import participant
from grader.errors import GraderFault, UsageError
from grader.languages import Translator, preferred
from grader.serve import (
    lti,
    oidc,
    organiser_actions,
    organiser_pages,
    sign_in,
    student_actions,
    student_pages,
    uploads,
)
from grader.serve.access import ROUTES, Reach
from grader.serve.bodies import Body, SlowSenderError
from grader.serve.checks import check_form_token, check_same_origin
from grader.serve.headers import SafeHeaders
from grader.serve.site import Site, SiteVisit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from anyio import CapacityLimiter
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from grader.contest.folder import Contest
    from grader.serve.access import SiteRoute
    from grader.serve.settings import ServeSettings

    Page = Callable[[SiteVisit], Response]
    Stream = Callable[[SiteVisit, Body], Awaitable[Response]]

_PAGES: Mapping[str, Page] = {
    **sign_in.PAGES,
    **oidc.PAGES,
    **lti.PAGES,
    **student_pages.PAGES,
    **student_actions.PAGES,
    **organiser_pages.PAGES,
    **organiser_actions.PAGES,
}
_ASKING = ("oidc_start", "oidc_back", "lti_launch")  # wait for a provider
_FROM_PLATFORMS = (
    "lti_login_form",
    "lti_launch",
)  # forms of other sites, which bring a state of ours or get one
_STREAMS: Mapping[str, Stream] = {"submit": uploads.submit, "hand_in": uploads.hand_in}


def make_app(contest: Contest, settings: ServeSettings) -> ASGIApp:
    """Return the site of a contest whose tasks are published, as an ASGI application."""
    site = Site(contest, settings)
    app = Starlette(
        routes=[Route(route.path, _endpoint(site, route), methods=[route.method]) for route in ROUTES],
        exception_handlers={HTTPException: _missing(site), Exception: _failed(site)},
    )
    return SafeHeaders(app, settings)


def _endpoint(site: Site, route: SiteRoute) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            visit = await _visited(site, route, request)
        except GraderFault as fault:
            visit = _stranger(site, request)
            return visit.page("problem.html", status=503, problem=visit.translate.sentence(str(fault)))
        return await (_turned_away(visit) if visit.reach is Reach.NONE else _respond(visit, route))

    return answer


async def _visited(site: Site, route: SiteRoute | None, request: Request) -> SiteVisit:
    """Return who asks; a session, such as no program has, is looked for in a thread."""
    if sign_in.cookie_name(site) in request.cookies:
        return await run_in_threadpool(_visit, site, route, request)
    return _visit(site, route, request)


async def _respond(visit: SiteVisit, route: SiteRoute) -> Response:
    """Return what a route answers to somebody whom it reaches."""
    body = Body(visit.request)
    try:
        if stream := _STREAMS.get(route.name):
            return await stream(visit, body)
        if route.method == "POST":
            if route.name not in _FROM_PLATFORMS:
                check_same_origin(visit)
            visit = replace(visit, form=await body.form())
            if route.name not in _FROM_PLATFORMS:
                check_form_token(visit, visit.form)
        limiter = _limiter(visit.site, route.name)
        if waiting := _slowed_down(visit, route):
            return waiting
        return await to_thread.run_sync(_PAGES[route.name], visit, limiter=limiter)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads it
    except (UsageError, GraderFault) as error:
        return visit.page("problem.html", status=_status(error), problem=visit.translate.sentence(str(error)))


def _status(error: UsageError | GraderFault) -> int:
    if isinstance(error, SlowSenderError):
        return 408
    return 503 if isinstance(error, GraderFault) else 400


def _slowed_down(visit: SiteVisit, route: SiteRoute) -> Response | None:
    """Return what somebody gets who takes a route too often; None where they may take it."""
    person = visit.person.id if visit.person else ""
    seconds = visit.site.limits.take(route.name, person, visit.address)
    if not seconds:
        return None
    minutes = math.ceil(seconds / 60)
    problem = visit.translate(
        "Too often at once. Wait {minutes} minutes, and then do it again.", minutes=minutes
    )
    answer = visit.page("problem.html", status=429, problem=problem)
    answer.headers["Retry-After"] = str(math.ceil(seconds))
    return answer


def _limiter(site: Site, route: str) -> CapacityLimiter | None:
    """Return what bounds how many answers of a route are made at a time, where one takes long; else None."""
    if route == "sign_in":
        return site.checking
    return site.asking if route in _ASKING else None


def _visit(site: Site, route: SiteRoute | None, request: Request) -> SiteVisit:
    """Return who asks, by the cookie of a session; one of somebody who was erased, or is in no backup, is none."""
    cookie = request.cookies.get(sign_in.cookie_name(site), "")
    session = site.sessions.find(cookie) if cookie else None
    person = None
    if session:
        with site.contest.store.reading() as transaction, contextlib.suppress(UsageError):
            person = participant(transaction, session.person)
        if person is None or person.erased:
            session = person = None
    reach = route.reach(person) if route else Reach.NONE
    return SiteVisit(site, request, person, session, reach, _translator(request))


def _stranger(site: Site, request: Request) -> SiteVisit:
    return SiteVisit(site, request, None, None, Reach.NONE, _translator(request))


def _translator(request: Request) -> Translator:
    return Translator(preferred(request.cookies.get("language"), request.headers.get("accept-language", "")))


async def _turned_away(visit: SiteVisit) -> Response:
    """Return the way to the sign-in, or why not; a session may have ended over hours of work."""
    if visit.person is None and visit.request.method == "GET":
        return RedirectResponse("/sign-in", 303)
    if visit.person is None:
        await Body(visit.request).drain()
        problem = visit.translate("You are signed out. Sign in, and then do it again.")
    else:
        problem = visit.translate("This page is not for you.")
    return visit.page("problem.html", status=403, problem=problem)


def _missing(site: Site) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        visit = await _visited(site, None, request)
        problem = visit.translate("There is nothing here." if status == 404 else "This does not work here.")
        return visit.page("problem.html", status=status, problem=problem)

    return answer


def _failed(site: Site) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, _error: Exception) -> Response:
        visit = _stranger(site, request)
        problem = visit.translate("The site failed. Nothing that has a receipt is lost; try again.")
        return visit.page("problem.html", status=500, problem=problem)

    return answer
