"""Bind a sign-in that began at a provider to the browser that began it, by a cookie for some minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from grader.serve.pending_sign_ins import PENDING_SECONDS

if TYPE_CHECKING:
    from starlette.responses import Response

    from grader.serve.pending_sign_ins import PendingSignIn
    from grader.serve.site import SiteVisit


def set_state_cookie(
    visit: SiteVisit, response: Response, pending: PendingSignIn, *, crosses_sites: bool
) -> None:
    """Let the browser remember the state. Where the provider sends it back by a form, the cookie has to cross sites."""
    encrypted = visit.site.settings.is_encrypted
    same_site: Literal["none", "lax"] = "none" if crosses_sites and encrypted else "lax"
    response.set_cookie(
        _name(visit),
        pending.state,
        max_age=int(PENDING_SECONDS),
        secure=encrypted,
        httponly=True,
        samesite=same_site,
    )


def take_pending(visit: SiteVisit, state: str) -> PendingSignIn | None:
    """Return the sign-in of a state that this browser began; never twice."""
    return visit.site.pending.take(state, visit.request.cookies.get(_name(visit), ""))


def _name(visit: SiteVisit) -> str:
    return "__Host-sign-in" if visit.site.settings.is_encrypted else "sign-in"
