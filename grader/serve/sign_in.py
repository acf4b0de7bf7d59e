"""Let people in by the code on their paper, and out again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from grader.contest.events import head
from grader.contest.intake import CONTEST_ID
from grader.contest.people import person_of_code
from grader.contest.store import fact
from grader.serve.languages import LANGUAGES
from grader.serve.sessions import LONGEST_SECONDS

if TYPE_CHECKING:
    from grader.serve.site import Site, SiteVisit

_HANDLE = 4  # letters of a code that find the person
_A_YEAR = 365 * 24 * 3600


def cookie_name(site: Site) -> str:
    """Return the name of the session's cookie; the prefix lets browsers keep it to this very site."""
    return "__Host-session" if site.settings.is_encrypted else "session"


def home(visit: SiteVisit) -> Response:
    """Lead to what somebody needs first."""
    if visit.person is None:
        return RedirectResponse("/sign-in", 303)
    return RedirectResponse("/organise/queue" if visit.person.is_organiser else "/tasks", 303)


def sign_in_page(visit: SiteVisit) -> Response:
    """Show the form for the code."""
    return visit.page("sign_in.html", problem="")


def sign_in(visit: SiteVisit) -> Response:
    """Open a session for the owner of a code; after too many failures of an address or a code, wait."""
    code = visit.form.get("code", "")[:100]
    bare = "".join(character for character in code.upper() if character.isalnum())
    address = visit.request.client.host if visit.request.client else ""
    keys = (visit.site.by_address, address), (visit.site.by_code, f"{address} {bare[:_HANDLE]}")
    wait = max(throttle.wait(key) for throttle, key in keys)
    if wait > 0:
        problem = visit.translate(
            "Too many wrong codes. Wait {minutes} minutes.", minutes=math.ceil(wait / 60)
        )
        response = visit.page("sign_in.html", status=429, problem=problem)
        response.headers["Retry-After"] = str(math.ceil(wait))
        return response
    with visit.reading() as transaction:
        person = person_of_code(transaction, code)
    if person is None:
        for throttle, key in keys:
            throttle.fail(key)
        problem = visit.translate("This code is not known. Look at your paper, and type it again.")
        return visit.page("sign_in.html", status=403, problem=problem)
    name = cookie_name(visit.site)
    visit.site.sessions.end(visit.request.cookies.get(name, ""))  # of whoever was signed in here before
    entered = RedirectResponse("/", 303)
    entered.set_cookie(
        name,
        visit.site.sessions.open(person.id),
        max_age=int(LONGEST_SECONDS),
        secure=visit.site.settings.is_encrypted,
        httponly=True,
        samesite="lax",
    )
    return entered


def sign_out(visit: SiteVisit) -> Response:
    """End the session."""
    name = cookie_name(visit.site)
    visit.site.sessions.end(visit.request.cookies.get(name, ""))
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(name, secure=visit.site.settings.is_encrypted, httponly=True, samesite="lax")
    return response


def language(visit: SiteVisit) -> Response:
    """Remember the language that somebody chose."""
    response = RedirectResponse("/", 303)
    if (chosen := visit.path("language")) in LANGUAGES:
        response.set_cookie(
            "language",
            chosen,
            max_age=_A_YEAR,
            secure=visit.site.settings.is_encrypted,
            httponly=True,
            samesite="lax",
        )
    return response


def static(visit: SiteVisit) -> Response:
    """Return the style or the script."""
    if (name := visit.path("name")) not in visit.site.assets:
        return PlainTextResponse("there is no such file", 404)
    kind, text = visit.site.assets[name]
    return Response(text, media_type=kind, headers={"Cache-Control": "max-age=300"})


def proof(visit: SiteVisit) -> Response:
    """Return what everybody can check receipts and events with: the contest's id, its public key, the head of its events."""
    with visit.reading() as transaction:
        identity, last = fact(transaction, CONTEST_ID), head(transaction.connection)
    return JSONResponse({"contest": identity, "public_key": visit.contest.signer.public_key, "head": last})


PAGES = {
    "home": home,
    "sign_in_page": sign_in_page,
    "sign_in": sign_in,
    "sign_out": sign_out,
    "language": language,
    "static": static,
    "proof": proof,
}
