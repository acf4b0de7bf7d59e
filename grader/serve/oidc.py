"""Let people in who sign in at a provider of OpenID Connect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from grader.contest.identities import ProviderIdentity, bind, person_bound, person_called
from grader.serve.id_token import SignInFault, SignInRefused
from grader.serve.oidc_client import claimed_name
from grader.serve.provider_cookie import set_state_cookie, take_pending
from grader.serve.sign_in import enter, refuse_sign_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from grader.contest.people import Participant
    from grader.serve.oidc_client import OidcClient
    from grader.serve.site import SiteVisit

WAY = "oidc"


def oidc_start(visit: SiteVisit) -> Response:
    """Lead to the provider, with a state that this browser alone can bring back."""
    client = _client(visit)
    pending = visit.site.pending.begin(WAY)
    response = RedirectResponse(client.start(pending), 303)
    set_state_cookie(visit, response, pending, crosses_sites=False)
    return response


def oidc_back(visit: SiteVisit) -> Response:
    """Open a session for whom the provider names, if the class list has them."""
    client = _client(visit)
    try:
        return enter(visit, _person(visit, client))
    except SignInRefused as refused:
        return refuse_sign_in(visit, WAY, refused)


def _client(visit: SiteVisit) -> OidcClient:
    if visit.site.oidc is None:
        raise HTTPException(404)
    return visit.site.oidc


def _person(visit: SiteVisit, client: OidcClient) -> Participant:
    """Return who came back: whoever came under this subject before, or else whom the claim fits. Raises SignInRefused."""
    query = visit.request.query_params
    pending = take_pending(visit, query.get("state", ""))
    if pending is None or pending.provider != WAY:
        raise SignInRefused(SignInFault.STATE)
    if (
        query.get("iss", client.provider.issuer) != client.provider.issuer
    ):  # RFC 9207: an answer of another provider
        raise SignInRefused(SignInFault.ISSUER)
    if "error" in query or not query.get("code"):
        raise SignInRefused(SignInFault.DENIED)
    claims = client.claims(query["code"], pending, visit.site.seconds())
    identity = ProviderIdentity(client.provider.issuer, client.provider.client_id, claims["sub"])
    with visit.reading() as transaction:
        known = person_bound(transaction, identity)
    return known or _newcomer(visit, client, identity=identity, claims=claims)


def _newcomer(
    visit: SiteVisit, client: OidcClient, *, identity: ProviderIdentity, claims: Mapping[str, Any]
) -> Participant:
    """Return the person whom the claim fits, bound to this identity from now on. Raises SignInRefused."""
    who = claimed_name(claims, client.provider.claim)
    with visit.writing() as transaction:
        person = person_called(transaction, who, matches=client.provider.matches)
        if person is None:
            raise SignInRefused(SignInFault.UNKNOWN_PERSON, who)
        if not bind(transaction, identity, person):
            raise SignInRefused(SignInFault.OTHER_ACCOUNT, who)
    return person


PAGES = {"oidc_start": oidc_start, "oidc_back": oidc_back}
