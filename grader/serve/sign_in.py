"""Let people in by the code on their paper, and out again; and what every other way of signing in shares with that."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from grader.contest.events import EventKind, Happening, head
from grader.contest.intake import CONTEST_ID
from grader.contest.people import person_of_code
from grader.contest.store import fact
from grader.languages import LANGUAGES
from grader.serve.id_token import SignInFault
from grader.serve.sessions import LONGEST_SECONDS

if TYPE_CHECKING:
    from grader.contest.people import Participant
    from grader.serve.id_token import SignInRefused
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
    key = f"{visit.address} {bare[:_HANDLE]}"
    if seconds := max(visit.site.by_code.wait(key), visit.site.by_address.wait(visit.address)):
        return _turn_back(visit, seconds)
    with visit.reading() as transaction:
        person = person_of_code(transaction, code)
    if person is None:
        visit.site.by_address.count(visit.address)
        visit.site.by_code.count(key)
        problem = visit.translate("This code is not known. Look at your paper, and type it again.")
        return visit.page("sign_in.html", status=403, problem=problem)
    return enter(visit, person)


def _turn_back(visit: SiteVisit, seconds: float) -> Response:
    """Return what somebody gets who has to wait, because their address or a code failed too often."""
    problem = visit.translate(
        "Too many failed sign-ins. Wait {minutes} minutes.", minutes=math.ceil(seconds / 60)
    )
    response = visit.page("sign_in.html", status=429, problem=problem)
    response.headers["Retry-After"] = str(math.ceil(seconds))
    return response


def enter(visit: SiteVisit, person: Participant, path: str = "/") -> Response:
    """Open a session for somebody and lead to `path`."""
    name = cookie_name(visit.site)
    visit.site.sessions.end(visit.request.cookies.get(name, ""))  # of whoever was signed in here before
    entered = RedirectResponse(path, 303)
    entered.set_cookie(
        name,
        visit.site.sessions.open(person.id),
        max_age=int(LONGEST_SECONDS),
        secure=visit.site.settings.is_encrypted,
        httponly=True,
        samesite="lax",
    )
    return entered


def refuse_sign_in(visit: SiteVisit, way: str, refused: SignInRefused) -> Response:
    """Return why a provider's word did not open a session, and record it.

    It does not count as a failed code: states and tokens cannot be guessed, while a page of another site could let its
    readers fail here until a whole school has to wait. So that nobody swells the chain of events, it takes only so many of
    these an hour.
    """
    if not visit.site.refusals.take(""):
        with visit.writing() as transaction:
            data = {"way": way, "reason": str(refused.reason)}
            transaction.record(Happening(EventKind.SIGN_IN_REFUSED, data=data))
    return visit.page("sign_in.html", status=403, problem=_refusal_text(visit, refused))


def _refusal_text(visit: SiteVisit, refused: SignInRefused) -> str:
    """Return one clear sentence about a refusal, in the visitor's language; the texts stand in full for the catalogue."""
    reasons = {
        SignInFault.STATE: visit.translate("This sign-in is over, or was used already. Begin it again."),
        SignInFault.DENIED: visit.translate(
            "You were not signed in there. Begin again, or ask the organisers."
        ),
        SignInFault.UNVERIFIED: visit.translate(
            "Your address {who} is not verified there. Verify it, and then sign in.", who=refused.who
        ),
        SignInFault.UNKNOWN_PERSON: visit.translate(
            "You are signed in there, but this contest has nobody called {who}. Ask the organisers to add you.",
            who=refused.who or "?",
        ),
        SignInFault.OTHER_ACCOUNT: visit.translate(
            "Another account there signed in as {who} before. Sign in with that one, or ask the organisers to release it.",
            who=refused.who or "?",
        ),
    }
    return reasons.get(refused.reason) or visit.translate(
        "The sign-in was refused: {reason}. Begin again, and tell the organisers if it stays so.",
        reason=visit.translate(refused.reason),
    )


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
